//! One connection: statements prepared once, and sent together where they need not wait for one another.

use std::borrow::Cow;
use std::collections::HashMap;
use std::time::{Duration, Instant};

use futures_util::future::{join_all, join4};
use tokio::runtime::{Builder, Runtime};
use tokio::time::timeout;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Row, Statement};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::fault::Fault;
use super::options::PostgresOptions;
use crate::port::StoreError;

/// Statements kept prepared; only listings have more than a few forms.
const STATEMENTS: usize = 256;

/// For what need only survive the death of processes that are not the server's: it does not wait for the disk. When the
/// server dies, the last of these may be undone, in order, and none of what waited for the disk after them.
const BEGIN_QUICKLY: &str = "BEGIN; SET LOCAL synchronous_commit TO off";
const BEGIN: &str = "BEGIN";
const BEGIN_SNAPSHOT: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
const COMMIT: &str = "COMMIT";

/// A statement with its values. `ossa.` in it stands for the schema of the store.
pub(super) struct Call<'a> {
    sql: Cow<'a, str>,
    values: Vec<Box<dyn ToSql + Sync + 'a>>,
}

impl<'a> Call<'a> {
    pub(super) fn new(sql: impl Into<Cow<'a, str>>) -> Self {
        Self {
            sql: sql.into(),
            values: Vec::new(),
        }
    }

    /// The value of the next placeholder.
    pub(super) fn with(mut self, value: impl ToSql + Sync + 'a) -> Self {
        self.push(value);
        self
    }

    pub(super) fn push(&mut self, value: impl ToSql + Sync + 'a) {
        self.values.push(Box::new(value));
    }

    #[cfg(test)]
    pub(super) fn sql(&self) -> &str {
        &self.sql
    }

    /// The same values with this statement.
    pub(super) fn say(self, sql: String) -> Self {
        Self {
            sql: Cow::Owned(sql),
            ..self
        }
    }

    /// An array with a value for each row, for the next placeholder.
    pub(super) fn column<T: ToSql + Sync + 'a>(self, values: impl Iterator<Item = T>) -> Self {
        self.with(values.collect::<Vec<_>>())
    }
}

/// What may be left of a pipeline.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ending {
    /// Nothing that lasts.
    ReadOnly,
    /// What it wrote.
    Written,
    /// What it wrote, and those who listen are told.
    Announced,
}

impl Ending {
    const fn of(announce: bool) -> Self {
        match announce {
            true => Self::Announced,
            false => Self::Written,
        }
    }
}

pub(super) struct Session {
    // Before the client: whoever closes first need not say farewell.
    runtime: Runtime,
    client: Client,
    statements: HashMap<String, Statement>,
    schema: String,
    /// Tells those who listen that something changed.
    announcement: String,
    timeout: Duration,
    in_transaction: bool,
    used: Instant,
}

impl Session {
    pub(super) fn open(options: &PostgresOptions, tls: &MakeRustlsConnect) -> Result<Self, Fault> {
        let runtime = runtime()?;
        let client = runtime.block_on(async {
            let config = options.config();
            // The crate bounds each address it tries, we bound the whole with the login.
            let bound = options.connect_timeout.saturating_mul(2);
            match timeout(bound, config.connect(tls.clone())).await {
                Ok(Ok((client, connection))) => {
                    tokio::spawn(connection);
                    Ok(client)
                }
                Ok(Err(error)) => Err(Fault::of(&error, false)),
                Err(_) => Err(silence(bound, false)),
            }
        })?;
        Ok(Self {
            runtime,
            client,
            statements: HashMap::new(),
            schema: options.schema.clone(),
            announcement: announcement(&options.schema),
            timeout: options.timeout,
            in_transaction: false,
            used: Instant::now(),
        })
    }

    /// How long it has not been used.
    pub(super) fn idle_for(&self) -> Duration {
        self.used.elapsed()
    }

    /// Whether the server answers.
    pub(super) fn answers(&mut self) -> bool {
        self.script("").is_ok()
    }

    /// Runs statements without values or rows.
    pub(super) fn script(&mut self, sql: &str) -> Result<(), Fault> {
        let sql = self.in_schema(sql);
        self.pipeline(Some(&sql), &[], None, Ending::ReadOnly)
            .map(drop)
    }

    /// One statement that reads.
    pub(super) fn read(&mut self, call: Call<'_>) -> Result<Vec<Row>, Fault> {
        only(self.pipeline(None, &[call], None, Ending::ReadOnly)?)
    }

    /// Several statements that read one state of the database, whatever is committed meanwhile.
    pub(super) fn snapshot(&mut self, calls: &[Call<'_>]) -> Result<Vec<Vec<Row>>, Fault> {
        self.pipeline(Some(BEGIN_SNAPSHOT), calls, Some(COMMIT), Ending::ReadOnly)
    }

    /// One statement that is a durable transaction of its own.
    pub(super) fn durably(&mut self, call: Call<'_>, announce: bool) -> Result<Vec<Row>, Fault> {
        only(self.pipeline(None, &[call], None, Ending::of(announce))?)
    }

    /// A transaction that does not wait for the disk.
    pub(super) fn quickly(
        &mut self,
        calls: &[Call<'_>],
        announce: bool,
    ) -> Result<Vec<Vec<Row>>, Fault> {
        let ending = Ending::of(announce);
        self.pipeline(Some(BEGIN_QUICKLY), calls, Some(COMMIT), ending)
    }

    /// A durable transaction of several statements.
    pub(super) fn transaction(
        &mut self,
        calls: &[Call<'_>],
        announce: bool,
    ) -> Result<Vec<Vec<Row>>, Fault> {
        self.pipeline(Some(BEGIN), calls, Some(COMMIT), Ending::of(announce))
    }

    /// Begins a transaction. One that is not committed is undone when the session is given back.
    pub(super) fn begin(&mut self, calls: &[Call<'_>]) -> Result<Vec<Vec<Row>>, Fault> {
        self.in_transaction = true;
        self.pipeline(Some(BEGIN), calls, None, Ending::ReadOnly)
    }

    /// Commits the transaction after these statements.
    pub(super) fn commit(
        &mut self,
        calls: &[Call<'_>],
        announce: bool,
    ) -> Result<Vec<Vec<Row>>, Fault> {
        let done = self.pipeline(None, calls, Some(COMMIT), Ending::of(announce))?;
        self.in_transaction = false;
        Ok(done)
    }

    /// Undoes a transaction that was not committed.
    pub(super) fn settle(&mut self) -> Result<(), Fault> {
        if self.in_transaction {
            self.script("ROLLBACK")?;
            self.in_transaction = false;
        }
        Ok(())
    }

    /// Sends all at once and waits for all answers.
    fn pipeline(
        &mut self,
        begin: Option<&str>,
        calls: &[Call<'_>],
        end: Option<&str>,
        ending: Ending,
    ) -> Result<Vec<Vec<Row>>, Fault> {
        let mut statements = Vec::with_capacity(calls.len());
        for call in calls {
            statements.push(self.prepare(&call.sql)?);
        }
        let client = &self.client;
        let run = async |sql: Option<&str>| match sql {
            Some(sql) => client.batch_execute(sql).await,
            None => Ok(()),
        };
        let queries = statements.iter().zip(calls).map(|(statement, call)| async {
            let values: Vec<&(dyn ToSql + Sync)> = call.values.iter().map(|it| &**it).collect();
            client.query(statement, &values).await
        });
        let told = (ending == Ending::Announced).then_some(self.announcement.as_str());
        let commits = ending != Ending::ReadOnly;
        // Sent in this order, since each is sent when it is looked at first.
        let all = join4(run(begin), join_all(queries), run(end), run(told));
        let answered = self
            .runtime
            .block_on(async { timeout(self.timeout, all).await });
        self.used = Instant::now();
        let fault = |error| Fault::of(&error, commits);
        let Ok((begun, rows, ended, _)) = answered else {
            return Err(silence(self.timeout, commits));
        };
        begun.map_err(fault)?;
        let rows = rows.into_iter().collect::<Result<_, _>>().map_err(fault)?;
        ended.map_err(fault)?;
        Ok(rows)
    }

    fn prepare(&mut self, sql: &str) -> Result<Statement, Fault> {
        if let Some(statement) = self.statements.get(sql) {
            return Ok(statement.clone());
        }
        if self.statements.len() >= STATEMENTS {
            self.statements.clear();
        }
        let text = self.in_schema(sql).into_owned();
        let prepared = self
            .runtime
            .block_on(async { timeout(self.timeout, self.client.prepare(&text)).await });
        let statement = match prepared {
            Ok(Ok(statement)) => statement,
            Ok(Err(error)) => return Err(Fault::of(&error, false)),
            Err(_) => return Err(silence(self.timeout, false)),
        };
        self.statements.insert(sql.to_owned(), statement.clone());
        Ok(statement)
    }

    fn in_schema<'a>(&self, sql: &'a str) -> Cow<'a, str> {
        match self.schema == "ossa" {
            true => Cow::Borrowed(sql),
            false => Cow::Owned(sql.replace("ossa.", &format!("{}.", self.schema))),
        }
    }
}

/// What drives one connection, on the thread that waits for it.
pub(super) fn runtime() -> Result<Runtime, Fault> {
    Builder::new_current_thread()
        .enable_io()
        .enable_time()
        .build()
        .map_err(|error| {
            Fault::Store(StoreError::Unavailable {
                operation: "open a connection",
                reason: error.to_string(),
            })
        })
}

/// The channel on which changes of a store in this schema are announced.
pub(super) fn channel(schema: &str) -> String {
    format!("\"ossa:{schema}\"")
}

/// In a transaction of its own that does not wait for the disk: while one that announces something ends, all others
/// that do wait for it.
fn announcement(schema: &str) -> String {
    format!("{BEGIN_QUICKLY}; NOTIFY {}; COMMIT", channel(schema))
}

fn silence(bound: Duration, unknown: bool) -> Fault {
    Fault::Lost {
        reason: format!("no answer within {} ms", bound.as_millis()),
        unknown,
    }
}

fn only(mut answers: Vec<Vec<Row>>) -> Result<Vec<Row>, Fault> {
    Ok(answers.pop().unwrap_or_default())
}
