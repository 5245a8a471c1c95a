//! What a DSN says about a server and how to talk to it.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use tokio_postgres::Config;
use tokio_postgres::config::SslMode;

use crate::adapter::authority::{self, Authority};
use crate::adapter::dsn::{Parts, decode, wrong};
use crate::adapter::option;
use crate::port::StoreError;

const OPTIONS: [&str; 8] = [
    "application_name",
    "connect_timeout",
    "connections",
    "host",
    "schema",
    "sslmode",
    "sslrootcert",
    "timeout",
];
const PORT: u16 = 5432;

/// How the connection is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encryption {
    /// Never (`sslmode=disable`).
    Disable,
    /// When the server offers it; whoever answers is believed (`sslmode=prefer`, the default).
    Prefer,
    /// Always; whoever answers is believed (`sslmode=require`).
    Require,
    /// Always, with a certificate for the server's name from an authority that is trusted (`sslmode=verify-full`).
    Verify,
}

/// How to open a PostgreSQL store.
#[derive(Clone)]
pub struct PostgresOptions {
    /// A host name or address, or the folder of a Unix socket.
    pub host: String,
    /// The port.
    pub port: u16,
    /// The role to log in as.
    pub user: String,
    /// Its password, when it needs one.
    pub password: Option<String>,
    /// The database.
    pub database: String,
    /// The schema in which the tables are; created when missing.
    pub schema: String,
    /// What the server calls the connections.
    pub application_name: String,
    /// How connections are protected.
    pub encryption: Encryption,
    /// File with the certificates of the authorities to trust, instead of the system's.
    pub root_certificate: Option<PathBuf>,
    /// How long to wait for a connection.
    pub connect_timeout: Duration,
    /// How long to wait for the answer to a statement.
    pub timeout: Duration,
    /// How many connections one process opens at most, one that listens apart.
    pub connections: usize,
}

impl PostgresOptions {
    pub(crate) fn from_dsn(parts: &Parts<'_>) -> Result<Self, StoreError> {
        let authority = Authority::read(parts)?;
        let (host, port) = authority.host(PORT)?;
        let (user, password) = match authority.login {
            Some(login) => (login.user, login.password),
            None => (String::new(), None),
        };
        let mut options = Self {
            host,
            port,
            user,
            password: password.filter(|it| !it.is_empty()),
            database: decode(authority.path, "database")?,
            schema: "ossa".to_owned(),
            application_name: "ossa".to_owned(),
            encryption: Encryption::Prefer,
            root_certificate: None,
            connect_timeout: Duration::from_secs(5),
            timeout: Duration::from_secs(30),
            connections: 8,
        };
        for option in parts.options() {
            let (name, value) = option?;
            options.set(name, value)?;
        }
        options.check()?;
        Ok(options)
    }

    fn set(&mut self, name: &str, value: String) -> Result<(), StoreError> {
        let refuse = |reason: &str| Err(wrong(format!("option {name}"), reason));
        match name {
            "sslmode" => match value.as_str() {
                "disable" => self.encryption = Encryption::Disable,
                "prefer" => self.encryption = Encryption::Prefer,
                "require" => self.encryption = Encryption::Require,
                "verify-full" => self.encryption = Encryption::Verify,
                _ => return refuse("it is `disable`, `prefer`, `require` or `verify-full`"),
            },
            "connect_timeout" | "timeout" => {
                let Some(duration) = option::duration(&value).filter(|it| !it.is_zero()) else {
                    return refuse("it is a duration such as `5s` or `500ms`");
                };
                match name {
                    "timeout" => self.timeout = duration,
                    _ => self.connect_timeout = duration,
                }
            }
            "connections" => match value.parse() {
                Ok(number @ 1..=1000) => self.connections = number,
                _ => return refuse("it is a number from 1 to 1000"),
            },
            "schema" => match is_name(&value) {
                true => self.schema = value,
                false => {
                    return refuse(
                        "it has 1 to 40 lower-case letters, digits and `_`, and begins with none of the digits",
                    );
                }
            },
            "host" => self.host = value,
            "sslrootcert" => self.root_certificate = Some(value.into()),
            "application_name" => self.application_name = value,
            _ => return Err(option::unknown_option(name, &OPTIONS)),
        }
        Ok(())
    }

    fn check(&self) -> Result<(), StoreError> {
        let needed = [
            (
                "host",
                &self.host,
                "write `postgresql://user:password@host:5432/database`",
            ),
            (
                "user",
                &self.user,
                "write `postgresql://user:password@host/database`",
            ),
            (
                "database",
                &self.database,
                "write `postgresql://user:password@host/database`",
            ),
        ];
        for (part, value, help) in needed {
            if value.is_empty() {
                return Err(wrong(part, format!("it is missing: {help}")));
            }
            if value.contains('\0') {
                return Err(wrong(part, "it contains a zero byte"));
            }
        }
        if self.host.contains(',') {
            return Err(wrong("host", "one host is expected, not a list"));
        }
        if self.root_certificate.is_some() && self.encryption != Encryption::Verify {
            return Err(wrong(
                "option sslrootcert",
                "it is looked at with `sslmode=verify-full` only",
            ));
        }
        Ok(())
    }

    /// What the client crate is told.
    pub(super) fn config(&self) -> Config {
        let mut config = Config::new();
        config
            .host(&self.host)
            .port(self.port)
            .user(&self.user)
            .dbname(&self.database)
            .application_name(&self.application_name)
            .connect_timeout(self.connect_timeout)
            // A server that went without a word is noticed although nothing is sent.
            .keepalives_idle(Duration::from_secs(15))
            .keepalives_interval(Duration::from_secs(5))
            .keepalives_retries(3)
            .tcp_user_timeout(self.timeout)
            // Every statement here is meant for an index. Statistics of tables that are empty one moment and have a million
            // rows the next must not talk the planner out of it.
            .options(
                "-c enable_seqscan=off -c enable_bitmapscan=off -c enable_hashjoin=off -c enable_mergejoin=off \
                 -c jit=off",
            )
            .ssl_mode(match self.encryption {
                Encryption::Disable => SslMode::Disable,
                Encryption::Prefer => SslMode::Prefer,
                Encryption::Require | Encryption::Verify => SslMode::Require,
            });
        if let Some(password) = &self.password {
            config.password(password);
        }
        config
    }

    /// The server as errors name it.
    pub(super) fn place(&self) -> String {
        authority::place(&self.host, self.port)
    }
}

impl fmt::Debug for PostgresOptions {
    /// Leaves out who logs in.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresOptions")
            .field("place", &self.place())
            .field("database", &self.database)
            .field("schema", &self.schema)
            .field("encryption", &self.encryption)
            .finish_non_exhaustive()
    }
}

/// Whether it can stand in a statement as it is.
fn is_name(text: &str) -> bool {
    let first = text.starts_with(|c: char| c.is_ascii_lowercase() || c == '_');
    let rest = text
        .chars()
        .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    first && rest && text.len() <= 40 && !text.starts_with("pg_")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use super::*;
    use crate::adapter::dsn::split;

    fn parse(dsn: &str) -> Result<PostgresOptions, StoreError> {
        PostgresOptions::from_dsn(&split(dsn).unwrap())
    }

    fn refused(dsn: &str) -> (String, String) {
        match parse(dsn) {
            Err(StoreError::Dsn { part, reason }) => (part, reason),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_dsn_says_where_the_server_is_and_how_to_talk_to_it() {
        let options = parse(
            "postgresql://app%40shop:p%2Fss%3Aword@db.internal:6432/shop%20db?schema=jobs\
             &sslmode=verify-full&sslrootcert=/etc/ca.pem&connect_timeout=500ms&timeout=2s\
             &application_name=worker&connections=3",
        )
        .unwrap();
        assert_eq!(options.user, "app@shop");
        assert_eq!(options.password.as_deref(), Some("p/ss:word"));
        assert_eq!(options.place(), "db.internal:6432");
        assert_eq!(options.database, "shop db");
        assert_eq!(options.schema, "jobs");
        assert_eq!(options.encryption, Encryption::Verify);
        assert_eq!(options.root_certificate, Some("/etc/ca.pem".into()));
        assert_eq!(options.connect_timeout, Duration::from_millis(500));
        assert_eq!(options.timeout, Duration::from_secs(2));
        assert_eq!(options.application_name, "worker");
        assert_eq!(options.connections, 3);
    }

    #[test]
    fn what_a_dsn_leaves_out_has_a_default() {
        let options = parse("postgres://app@[::1]/shop").unwrap();
        assert_eq!(options.place(), "[::1]:5432");
        assert_eq!(options.password, None);
        assert_eq!(options.schema, "ossa");
        assert_eq!(options.encryption, Encryption::Prefer);
        let socket = parse("postgresql://app@/shop?host=/run/postgresql").unwrap();
        assert_eq!(socket.host, "/run/postgresql");
    }

    #[test]
    fn a_wrong_dsn_is_refused_by_the_part_that_is_wrong() {
        for (dsn, wrong) in [
            ("postgresql://u:p@/db", "host"),
            ("postgresql://u@h1,h2/db", "host"),
            ("postgresql://host/db", "user"),
            ("postgresql://u@host", "database"),
            ("postgresql://u@host:0/db", "port"),
            ("postgresql://u@host:x/db", "port"),
            ("postgresql://u:%zz@host/db", "password"),
            ("postgresql://u@h/db?sslmode=verify-ca", "option sslmode"),
            ("postgresql://u@h/db?sslrootcert=x", "option sslrootcert"),
            ("postgresql://u@h/db?timeout=5", "option timeout"),
            ("postgresql://u@h/db?schema=a-b", "option schema"),
            ("postgresql://u@h/db?connections=0", "option connections"),
        ] {
            assert_eq!(refused(dsn).0, wrong, "{dsn}");
        }
        let (part, reason) = refused("postgresql://u@h/db?conect_timeout=5s");
        assert_eq!(part, "option conect_timeout");
        assert!(reason.contains("`connect_timeout`"), "{reason}");
    }

    #[test]
    fn neither_errors_nor_debug_output_repeat_credentials() {
        let (part, reason) = refused("postgresql://app:hunter2@host:port/db");
        assert!(!format!("{part} {reason}").contains("hunter2"));
        let options = parse("postgresql://app:hunter2@host/db").unwrap();
        let shown = format!("{options:?}");
        assert!(
            !shown.contains("hunter2") && !shown.contains("app"),
            "{shown}"
        );
    }
}
