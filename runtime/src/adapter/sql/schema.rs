//! The tables. Times are milliseconds since the Unix epoch. Foreign keys are not declared: whatever removes a run removes
//! all that belongs to it in the same transaction.

use super::connection::{SqlParam, SqlPlatform};
use super::database::Database;
use super::dialect::{Dialect, Type};
use super::fault::Fault;
use crate::port::StoreError;
use Type::{Bytes, Id, Label, Name, Number, Text};

/// The version of the schema that this build makes and uses.
const VERSION: u32 = 2;

/// The table that tells the version. Made last, so that it is there when the others are.
const META: Table = Table {
    name: "meta",
    columns: &[("name", Id(32), true), ("value", Text, true)],
    key: "name",
    unique: &[],
    indexes: &[],
};

const TABLES: &[Table] = &[
    Table {
        name: "plans",
        columns: &[("hash", Id(64), true), ("plan", Text, true)],
        key: "hash",
        unique: &[],
        indexes: &[],
    },
    Table {
        name: "runs",
        columns: &[
            ("rid", Id(36), true),
            ("version", Number, true),
            ("workflow", Label(255), true),
            ("plan", Id(64), true),
            ("status", Id(16), true),
            ("priority", Number, true), // 0 critical, 1 high, 2 normal, 3 low
            ("idempotency_key", Text, false),
            ("correlation_id", Text, false),
            ("labels", Text, false), // JSON object
            ("progress", Number, true),
            ("current_step", Text, false),
            ("error", Text, false),
            ("created_at", Number, true),
            ("updated_at", Number, true),
            ("ended_at", Number, false),
            // Fingerprints: of workflow and idempotency key, and of the correlation id.
            ("start_hash", Id(64), false),
            ("correlation_hash", Id(64), false),
        ],
        key: "rid",
        unique: &[("by_start", "start_hash")],
        // Listings, newest first; each ends in (created_at, rid), the position of a run in every listing.
        indexes: &[
            ("by_creation", "created_at, rid"),
            ("by_status", "status, created_at, rid"),
            ("by_workflow", "workflow, created_at, rid"),
            ("by_correlation", "correlation_hash, created_at, rid"),
            ("by_change", "updated_at"),
            ("by_outcome", "status, ended_at, rid"),
        ],
    },
    Table {
        name: "run_labels",
        columns: &[
            ("label", Name(253), true),
            ("value", Name(252), true),
            ("at", Number, true), // when the run was created
            ("rid", Id(36), true),
        ],
        key: "label, value, at, rid",
        unique: &[],
        indexes: &[("by_run", "rid")],
    },
    // Append-only.
    Table {
        name: "run_log",
        columns: &[
            ("rid", Id(36), true),
            ("version", Number, true),
            ("at", Number, true),
            ("crc", Number, true), // CRC-32C of run, version, at and events
            ("events", Text, true),
        ],
        key: "rid, version",
        unique: &[],
        indexes: &[],
    },
    Table {
        name: "snapshots",
        columns: &[
            ("rid", Id(36), true),
            ("version", Number, true),
            ("crc", Number, true), // CRC-32C of run, version and state
            ("state", Text, true),
        ],
        key: "rid",
        unique: &[],
        indexes: &[],
    },
    Table {
        name: "timers",
        columns: &[
            ("rid", Id(36), true),
            ("name", Name(255), true),
            ("generation", Number, true),
            ("due", Number, true),
        ],
        key: "rid, name",
        unique: &[],
        indexes: &[("by_due", "due, rid, name")],
    },
    // Ids are UUIDs of version 7: in the order of publication.
    Table {
        name: "messages",
        columns: &[
            ("id", Id(36), true),
            ("queue", Id(120), true),
            ("priority", Number, true),
            ("visible_at", Number, true),
            ("claimed", Number, true), // 0 or 1
            ("fence", Number, true),
            ("losses", Number, true),
            ("published_at", Number, true),
            // Only step items have these.
            ("rid", Id(36), false),
            ("scope", Number, false),
            ("node", Number, false),
            ("attempt", Number, false),
            ("timeout", Number, false),
            ("deadline", Number, false),
            ("headers", Bytes, true),
            ("body", Bytes, true),
        ],
        key: "id",
        unique: &[("by_step", "rid, scope, node, attempt")],
        // The first is the order of claiming: what is not visible lies behind what is, and is never looked at.
        indexes: &[
            ("by_turn", "queue, priority, visible_at, id"),
            ("by_deadline", "deadline, id"),
        ],
    },
    Table {
        name: "stream",
        columns: &[
            ("position", Number, true),
            ("channel", Name(255), true),
            ("id", Name(512), true),
            ("source", Text, true),
            ("at", Number, true),
            ("expires_at", Number, false),
            ("body", Bytes, true),
        ],
        key: "position",
        unique: &[("by_id", "channel, id")],
        indexes: &[("by_channel", "channel, position"), ("by_time", "at")],
    },
    // The position given last, in one row.
    Table {
        name: "stream_end",
        columns: &[("name", Id(8), true), ("position", Number, true)],
        key: "name",
        unique: &[],
        indexes: &[],
    },
    Table {
        name: "kv",
        columns: &[
            ("namespace", Name(512), true),
            ("name", Name(512), true),
            ("version", Number, true),
            ("value", Text, true), // JSON
            ("expires_at", Number, false),
        ],
        key: "namespace, name",
        unique: &[],
        indexes: &[("by_expiry", "expires_at")],
    },
];

struct Table {
    name: &'static str,
    /// Name, type, and whether every row has it.
    columns: &'static [(&'static str, Type, bool)],
    key: &'static str,
    /// Name and columns.
    unique: &'static [(&'static str, &'static str)],
    indexes: &'static [(&'static str, &'static str)],
}

impl Table {
    fn create(&self, dialect: Dialect) -> Vec<String> {
        let name = self.name;
        let is_mysql = dialect.platform == SqlPlatform::MySql;
        let columns = self.columns.iter().map(|(name, kind, required)| {
            let required = if *required { " NOT NULL" } else { "" };
            format!("{name} {}{required}", dialect.column(*kind))
        });
        let mut parts: Vec<_> = columns
            .chain([format!("PRIMARY KEY ({})", self.key)])
            .collect();
        let mut indexes = Vec::new();
        let unique = self.unique.iter().map(|index| ("UNIQUE ", index));
        let plain = self.indexes.iter().map(|index| ("", index));
        for (unique, (index, columns)) in unique.chain(plain) {
            let index = format!("@{name}_{index}");
            if is_mysql {
                // It has no CREATE INDEX IF NOT EXISTS.
                parts.push(format!("{unique}INDEX {index} ({columns})"));
            } else {
                indexes.push(format!(
                    "CREATE {unique}INDEX IF NOT EXISTS {index} ON @{name} ({columns})"
                ));
            }
        }
        let engine = if is_mysql { " ENGINE = InnoDB" } else { "" };
        let parts = parts.join(", ");
        let mut statements = vec![format!(
            "CREATE TABLE IF NOT EXISTS @{name} ({parts}){engine}"
        )];
        statements.append(&mut indexes);
        statements
    }
}

/// The statements that make the tables; whatever is there already stays.
pub(super) fn statements(dialect: Dialect) -> Vec<String> {
    let mut statements: Vec<_> = TABLES
        .iter()
        .chain([&META])
        .flat_map(|table| table.create(dialect))
        .collect();
    let or_nothing = dialect
        .or_nothing()
        .unwrap_or(" ON DUPLICATE KEY UPDATE position = position");
    statements.push(format!(
        "INSERT INTO @stream_end (name, position) VALUES ('stream', 0){or_nothing}"
    ));
    let or_replace = dialect.or_replace("name", &["value"]);
    statements.push(format!(
        "INSERT INTO @meta (name, value) VALUES ('schema_version', '{VERSION}'){or_replace}"
    ));
    statements
}

/// Makes sure that the tables are there and of a version that this build can use.
pub(super) fn prepare(database: &Database<'_>, auto_setup: bool) -> Result<(), StoreError> {
    let operation = "open the tables";
    let found = database.at_once(operation, found)?;
    match found {
        Some(found) if found > VERSION => Err(StoreError::TooNew {
            found,
            known: VERSION,
        }),
        Some(VERSION) => Ok(()),
        None if !auto_setup => Err(StoreError::Failed {
            operation,
            reason: "they do not exist; run `ossa:store:setup`, or your migrations".to_owned(),
        }),
        Some(_) if !auto_setup => Err(StoreError::Failed {
            operation,
            reason:
                "they are those of an older version; run `ossa:store:setup`, or your migrations"
                    .to_owned(),
        }),
        // Versions have only added tables so far.
        Some(_) | None => set_up(database),
    }
}

/// Makes the tables.
pub(super) fn set_up(database: &Database<'_>) -> Result<(), StoreError> {
    let operation = "create the tables";
    let open = database.connection.is_transaction_active();
    if open.map_err(|error| Fault::from(error).into_store_error(operation))? {
        // Some databases would commit what the caller has not yet; with others a rollback would take the tables along.
        return Err(StoreError::Failed {
            operation,
            reason: "a transaction of the application is open; run `ossa:store:setup` beforehand"
                .to_owned(),
        });
    }
    let statements = statements(database.dialect);
    let create = |database: &Database<'_>| {
        statements
            .iter()
            .try_for_each(|statement| database.execute(statement, &[]).map(drop))
    };
    match database.dialect.platform {
        // It commits with each of them.
        SqlPlatform::MySql => database.at_once(operation, create),
        SqlPlatform::Sqlite => database.unlocked(operation, create),
        SqlPlatform::PostgreSql => database.unlocked(operation, |database| {
            // Two that create the same table at once would fail one of them, whatever IF NOT EXISTS says.
            database.query("SELECT pg_advisory_xact_lock(5715891)", &[])?;
            create(database)
        }),
    }
}

/// The version of the tables; `None` when there are none.
fn found(database: &Database<'_>) -> Result<Option<u32>, Fault> {
    let name = format!("{}meta", database.prefix);
    let table = database.first(database.dialect.find_table(), &[SqlParam::Text(&name)])?;
    if table.is_none() {
        return Ok(None);
    }
    let version = database.first("SELECT value FROM @meta WHERE name = 'schema_version'", &[])?;
    version.map(|row| row.count(0)).transpose()
}
