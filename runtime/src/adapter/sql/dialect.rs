//! Where the databases differ.

use super::connection::{SqlConnection, SqlError, SqlField, SqlPlatform};

/// What to say to one database.
#[derive(Debug, Clone, Copy)]
pub(super) struct Dialect {
    pub(super) platform: SqlPlatform,
    /// Whether rows that others have locked can be passed over.
    skips_locked: bool,
}

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Type {
    /// A whole number of 64 bits.
    Number,
    /// An id or hash: so many ASCII characters at most, compared byte by byte.
    Id(u16),
    /// A name by which rows are found: so many bytes at most, compared and sorted byte by byte.
    Name(u16),
    /// Text for people, of at most so many characters.
    Label(u16),
    /// Text of any length.
    Text,
    /// Bytes of any length.
    Bytes,
}

impl Dialect {
    pub(super) fn of(connection: &dyn SqlConnection) -> Result<Self, SqlError> {
        let platform = connection.platform()?;
        let skips_locked = match platform {
            SqlPlatform::Sqlite => false,
            SqlPlatform::PostgreSql => true,
            SqlPlatform::MySql => {
                let rows = connection.query("SELECT VERSION()", &[])?;
                match rows.first().and_then(|row| row.first()) {
                    Some(SqlField::Bytes(version)) => {
                        passes_over_locked(&String::from_utf8_lossy(version))
                    }
                    _ => false,
                }
            }
        };
        Ok(Self {
            platform,
            skips_locked,
        })
    }

    /// Ends a SELECT whose rows are about to be changed. SQLite locks the whole database when a transaction begins.
    pub(super) const fn for_update(self) -> &'static str {
        match self.platform {
            SqlPlatform::Sqlite => "",
            SqlPlatform::PostgreSql | SqlPlatform::MySql => " FOR UPDATE",
        }
    }

    /// The same, of rows nobody else is about to change.
    pub(super) const fn for_update_of_free(self) -> &'static str {
        if self.skips_locked {
            " FOR UPDATE SKIP LOCKED"
        } else {
            self.for_update()
        }
    }

    /// Ends an INSERT that does nothing where a row with the same key exists; `None` where it fails then.
    pub(super) const fn or_nothing(self) -> Option<&'static str> {
        match self.platform {
            SqlPlatform::Sqlite | SqlPlatform::PostgreSql => Some(" ON CONFLICT DO NOTHING"),
            // IGNORE would also swallow what is really wrong.
            SqlPlatform::MySql => None,
        }
    }

    /// Ends an INSERT that replaces these columns of the row with the same key.
    pub(super) fn or_replace(self, key: &str, columns: &[&str]) -> String {
        let (head, new) = match self.platform {
            SqlPlatform::MySql => (" ON DUPLICATE KEY UPDATE ".to_owned(), ("VALUES(", ")")),
            _ => (
                format!(" ON CONFLICT ({key}) DO UPDATE SET "),
                ("excluded.", ""),
            ),
        };
        let columns: Vec<_> = columns
            .iter()
            .map(|column| format!("{column} = {}{column}{}", new.0, new.1))
            .collect();
        head + &columns.join(", ")
    }

    /// Said before a transaction begins. What MySQL does by default, repeatable reads, locks the gaps between rows and has
    /// workers wait for one another.
    pub(super) const fn before_transaction(self) -> Option<&'static str> {
        match self.platform {
            SqlPlatform::MySql => Some("SET TRANSACTION ISOLATION LEVEL READ COMMITTED"),
            SqlPlatform::Sqlite | SqlPlatform::PostgreSql => None,
        }
    }

    /// Said first in a transaction. SQLite takes the write lock with the first write, and only then waits for it.
    pub(super) const fn first_in_transaction(self) -> Option<&'static str> {
        match self.platform {
            SqlPlatform::Sqlite => Some("DELETE FROM @meta WHERE name IS NULL"),
            SqlPlatform::PostgreSql | SqlPlatform::MySql => None,
        }
    }

    /// A query for the name of a table, if it exists.
    pub(super) const fn find_table(self) -> &'static str {
        match self.platform {
            SqlPlatform::Sqlite => {
                "SELECT name FROM sqlite_master WHERE type = 'table' AND name = ?"
            }
            SqlPlatform::PostgreSql => {
                "SELECT table_name FROM information_schema.tables
                 WHERE table_schema = ANY (current_schemas(false)) AND table_name = ?"
            }
            SqlPlatform::MySql => {
                "SELECT table_name FROM information_schema.tables
                 WHERE table_schema = DATABASE() AND table_name = ?"
            }
        }
    }

    pub(super) fn column(self, kind: Type) -> String {
        let pick = |sqlite: &str, postgresql: String, mysql: String| match self.platform {
            SqlPlatform::Sqlite => sqlite.to_owned(),
            SqlPlatform::PostgreSql => postgresql,
            SqlPlatform::MySql => mysql,
        };
        match kind {
            Type::Number => pick("INTEGER", "BIGINT".to_owned(), "BIGINT".to_owned()),
            Type::Id(length) => pick(
                "TEXT",
                format!("VARCHAR({length}) COLLATE \"C\""),
                format!("VARCHAR({length}) CHARACTER SET ascii COLLATE ascii_bin"),
            ),
            Type::Name(length) => pick(
                "TEXT",
                "TEXT COLLATE \"C\"".to_owned(),
                format!("VARBINARY({length})"),
            ),
            Type::Label(length) => pick(
                "TEXT",
                "TEXT COLLATE \"C\"".to_owned(),
                format!("VARCHAR({length}) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin"),
            ),
            Type::Text => pick(
                "TEXT",
                "TEXT".to_owned(),
                "LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin".to_owned(),
            ),
            Type::Bytes => pick("BLOB", "BYTEA".to_owned(), "LONGBLOB".to_owned()),
        }
    }
}

/// MySQL can since 8.0.1, MariaDB since 10.6.
fn passes_over_locked(version: &str) -> bool {
    let mut numbers = version
        .split(|c: char| !c.is_ascii_digit())
        .map(|number| number.parse::<u32>().unwrap_or(0));
    let version = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    ((8, 0)..(10, 0)).contains(&version) || version >= (10, 6)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locked_rows_are_passed_over_where_the_database_can() {
        for version in [
            "8.0.36",
            "8.4.0-commercial",
            "10.6.1-MariaDB",
            "11.4.2-MariaDB-log",
        ] {
            assert!(passes_over_locked(version), "{version}");
        }
        for version in ["5.7.44", "10.5.23-MariaDB-1:10.5", "nonsense", ""] {
            assert!(!passes_over_locked(version), "{version}");
        }
    }
}
