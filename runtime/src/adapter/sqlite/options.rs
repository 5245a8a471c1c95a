use std::path::PathBuf;
use std::time::Duration;

use crate::adapter::dsn::{Parts, decode, wrong};
use crate::adapter::option::{duration, unknown_option};
use crate::port::StoreError;

/// What a commit survives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Durability {
    /// The death of the process and a power cut: every commit waits for the disk (`synchronous=full`).
    #[default]
    Power,
    /// The death of the process; a power cut may undo the last moments, never tear them (`synchronous=normal`).
    Process,
}

/// How to open an SQLite store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SqliteOptions {
    /// The database file.
    pub path: PathBuf,
    /// What a commit survives.
    pub durability: Durability,
    /// How long a call waits for another process before it is refused as unavailable.
    pub busy_timeout: Duration,
}

impl SqliteOptions {
    /// The defaults for this file: durable against power cuts, waiting up to 5 seconds.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            durability: Durability::default(),
            busy_timeout: Duration::from_secs(5),
        }
    }

    pub(crate) fn from_dsn(parts: &Parts<'_>) -> Result<Self, StoreError> {
        let path = decode(parts.rest, "path")?;
        if path.is_empty() || path.ends_with('/') || path.contains('\0') {
            return Err(wrong(
                "path",
                "it names no file: write `sqlite:///absolute/path.db` or `sqlite://relative/path.db`",
            ));
        }
        let mut options = Self::new(path);
        for option in parts.options() {
            let (name, value) = option?;
            let refuse = |reason: &str| Err(wrong(format!("option {name}"), reason));
            match name {
                "synchronous" => match value.to_ascii_lowercase().as_str() {
                    "full" => options.durability = Durability::Power,
                    "normal" => options.durability = Durability::Process,
                    _ => return refuse("it is `full` or `normal`"),
                },
                "busy_timeout" => match duration(&value) {
                    Some(duration) => options.busy_timeout = duration,
                    None => return refuse("it is a duration such as `5s` or `500ms`"),
                },
                _ => return Err(unknown_option(name, &["synchronous", "busy_timeout"])),
            }
        }
        Ok(options)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::adapter::dsn::split;

    fn parse(dsn: &str) -> SqliteOptions {
        SqliteOptions::from_dsn(&split(dsn).unwrap()).unwrap()
    }

    #[test]
    fn a_dsn_says_which_file_and_how() {
        assert_eq!(
            parse("sqlite:///srv/my%20app/ossa.db?synchronous=NORMAL&busy_timeout=250ms"),
            SqliteOptions {
                path: "/srv/my app/ossa.db".into(),
                durability: Durability::Process,
                busy_timeout: Duration::from_millis(250),
            }
        );
    }

    #[test]
    fn without_options_a_store_survives_power_cuts_and_waits_five_seconds() {
        assert_eq!(
            parse("sqlite://var/ossa.db"),
            SqliteOptions {
                path: "var/ossa.db".into(),
                durability: Durability::Power,
                busy_timeout: Duration::from_secs(5),
            }
        );
    }
}
