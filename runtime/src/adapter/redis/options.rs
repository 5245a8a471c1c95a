//! What a DSN says about the server and the promise.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use crate::adapter::authority::{Authority, Login};
use crate::adapter::dsn::{Parts, wrong};
use crate::adapter::option::{duration, unknown_option};
use crate::port::StoreError;

/// What an acknowledged write is meant to survive. The server's settings decide whether it does: `findings` tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Durability {
    /// A power cut may undo the last second (`appendfsync everysec`).
    #[default]
    Bounded,
    /// Any power cut of the server (`appendfsync always`).
    Strict,
}

/// How to open a store in Redis.
#[derive(Clone, PartialEq, Eq)]
pub struct RedisOptions {
    /// Hosts and ports: of one server, of some nodes of a cluster, or of sentinels.
    pub nodes: Vec<(String, u16)>,
    /// The name under which the sentinels know the primary; `None` = the nodes are servers.
    pub sentinel: Option<String>,
    /// Whether connections are encrypted; the server's certificate is then checked.
    pub tls: bool,
    /// A PEM file with the certificates to trust instead of the system's.
    pub ca: Option<PathBuf>,
    /// The user to log in as; the server's default user when there is only a password.
    pub user: Option<String>,
    /// The password.
    pub password: Option<String>,
    /// The number of the database; a cluster has only 0.
    pub database: u16,
    /// What the names of all keys begin with, as a hash tag: `{ossa}:`.
    pub prefix: String,
    /// What an acknowledged write is meant to survive.
    pub durability: Durability,
    /// A write counts once so many replicas have it.
    pub replicas: u16,
    /// How long a connection may take to come about.
    pub connect_timeout: Duration,
    /// How long an answer may take.
    pub response_timeout: Duration,
}

const PORT: u16 = 6379;
const PORT_OF_SENTINELS: u16 = 26_379;
const OPTIONS: [&str; 7] = [
    "prefix",
    "sentinel",
    "mode",
    "replicas",
    "connect_timeout",
    "response_timeout",
    "ca",
];

impl RedisOptions {
    /// The defaults for this server.
    pub fn new(host: impl Into<String>, port: u16) -> Self {
        Self {
            nodes: vec![(host.into(), port)],
            sentinel: None,
            tls: false,
            ca: None,
            user: None,
            password: None,
            database: 0,
            prefix: "ossa".to_owned(),
            durability: Durability::default(),
            replicas: 0,
            connect_timeout: Duration::from_secs(2),
            response_timeout: Duration::from_secs(5),
        }
    }

    pub(crate) fn from_dsn(parts: &Parts<'_>) -> Result<Self, StoreError> {
        let mut options = Self::new("", 0);
        options.tls = parts.scheme == "rediss";
        for option in parts.options() {
            let (name, value) = option?;
            options.read_option(name, value)?;
        }
        let authority = Authority::read(parts)?;
        let port = match options.sentinel {
            Some(_) => PORT_OF_SENTINELS,
            None => PORT,
        };
        options.nodes = authority.hosts(
            port,
            "`redis://host:6379`, or `redis://one:6379,two:6379` for a cluster",
        )?;
        if let Some(login) = authority.login {
            options.set_login(login);
        }
        let database = authority.path;
        if !database.is_empty() {
            options.database = database.parse().map_err(|_| {
                wrong(
                    "path",
                    "it is the number of a database, as in `redis://host/0`",
                )
            })?;
        }
        Ok(options)
    }

    fn set_login(&mut self, login: Login) {
        let (user, password) = match login.password {
            Some(password) => (login.user, password),
            // Symfony's way of writing a password alone.
            None => (String::new(), login.user),
        };
        let filled = |text: String| (!text.is_empty()).then_some(text);
        self.user = filled(user);
        self.password = filled(password);
    }

    fn read_option(&mut self, name: &str, value: String) -> Result<(), StoreError> {
        let refuse = |reason: &str| Err(wrong(format!("option {name}"), reason));
        match name {
            "prefix" => {
                if value.is_empty() || value.contains(['{', '}']) {
                    return refuse("it is a name without braces, such as `ossa`");
                }
                self.prefix = value;
            }
            "sentinel" if value.is_empty() => {
                return refuse("it is the name under which the sentinels know the primary");
            }
            "sentinel" => self.sentinel = Some(value),
            "mode" => match value.as_str() {
                "bounded" => self.durability = Durability::Bounded,
                "strict" => self.durability = Durability::Strict,
                _ => return refuse("it is `bounded` or `strict`"),
            },
            "replicas" => match value.parse() {
                Ok(replicas) => self.replicas = replicas,
                Err(_) => return refuse("it is how many replicas must have a write: `1`"),
            },
            "connect_timeout" | "response_timeout" => {
                let Some(duration) = duration(&value).filter(|it| !it.is_zero()) else {
                    return refuse("it is a duration such as `5s` or `500ms`");
                };
                if name == "connect_timeout" {
                    self.connect_timeout = duration;
                } else {
                    self.response_timeout = duration;
                }
            }
            "ca" if !self.tls => return refuse("only `rediss://` has certificates to check"),
            "ca" => self.ca = Some(value.into()),
            _ => return Err(unknown_option(name, &OPTIONS)),
        }
        Ok(())
    }

    /// What the name of each key begins with. What stands in braces decides on the slot of a cluster, so all keys are on
    /// one node and a script can change them together.
    pub(super) fn key(&self, name: &str) -> String {
        format!("{{{}}}:{name}", self.prefix)
    }
}

/// Without user and password.
impl fmt::Debug for RedisOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisOptions")
            .field("nodes", &self.nodes)
            .field("sentinel", &self.sentinel)
            .field("tls", &self.tls)
            .field("database", &self.database)
            .field("prefix", &self.prefix)
            .field("durability", &self.durability)
            .field("replicas", &self.replicas)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::adapter::dsn::split;

    fn parse(dsn: &str) -> Result<RedisOptions, StoreError> {
        RedisOptions::from_dsn(&split(dsn).unwrap())
    }

    fn refused(dsn: &str) -> (String, String) {
        match parse(dsn) {
            Err(StoreError::Dsn { part, reason }) => (part, reason),
            other => (format!("{other:?}"), String::new()),
        }
    }

    #[test]
    fn a_dsn_says_where_and_how() {
        let options = parse(
            "rediss://shop:p%40ss@one:7000,two,[::1]:7002/3?prefix=shop&mode=strict&replicas=1\
             &connect_timeout=500ms&response_timeout=9s&ca=/etc/ca.pem",
        )
        .unwrap();
        let nodes = [("one", 7000), ("two", 6379), ("::1", 7002)];
        assert_eq!(
            options.nodes,
            nodes.map(|(host, port)| (host.to_owned(), port))
        );
        assert!(options.tls);
        assert_eq!(options.user.as_deref(), Some("shop"));
        assert_eq!(options.password.as_deref(), Some("p@ss"));
        assert_eq!((options.database, options.replicas), (3, 1));
        assert_eq!(options.durability, Durability::Strict);
        assert_eq!(options.connect_timeout, Duration::from_millis(500));
        assert_eq!(options.response_timeout, Duration::from_secs(9));
        assert_eq!(options.ca, Some("/etc/ca.pem".into()));
        assert_eq!(options.key("seq"), "{shop}:seq");
    }

    #[test]
    fn sentinels_have_a_port_of_their_own() {
        let options = parse("redis://:secret@one,two:5000/1?sentinel=shop").unwrap();
        let nodes = [("one", 26_379), ("two", 5000)];
        assert_eq!(
            options.nodes,
            nodes.map(|(host, port)| (host.to_owned(), port))
        );
        assert_eq!(options.sentinel.as_deref(), Some("shop"));
        assert_eq!(refused("redis://one?sentinel").0, "option sentinel");
    }

    #[test]
    fn a_password_may_stand_alone() {
        for dsn in ["redis://:secret@host", "redis://secret@host"] {
            let options = parse(dsn).unwrap();
            assert_eq!(options.user, None);
            assert_eq!(options.password.as_deref(), Some("secret"));
        }
    }

    #[test]
    fn what_is_wrong_is_named_with_the_nearest_that_is_right() {
        assert_eq!(refused("redis://").0, "host");
        assert_eq!(refused("redis://host:x").0, "port");
        assert_eq!(refused("redis://host/messages").0, "path");
        assert_eq!(refused("redis://host?mode=safe").0, "option mode");
        assert_eq!(refused("redis://host?prefix={a}").0, "option prefix");
        assert_eq!(refused("redis://host?ca=/ca.pem").0, "option ca");
        assert_eq!(
            refused("redis://host?response_timeout=5").0,
            "option response_timeout"
        );
        let (part, reason) = refused("redis://host?mod=strict");
        assert_eq!(part, "option mod");
        assert!(reason.contains("`mode`"), "{reason}");
    }

    #[test]
    fn options_are_shown_without_user_and_password() {
        let options = parse("redis://hunter:hunter2@host").unwrap();
        assert!(!format!("{options:?}").contains("hunter"));
    }
}
