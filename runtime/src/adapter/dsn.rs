//! Data source names: `scheme://rest?option=value&…`.

use std::fmt;

use crate::port::StoreError;

/// A DSN cut into its parts; nothing is decoded yet.
#[derive(Debug)]
pub(crate) struct Parts<'a> {
    pub(crate) scheme: &'a str,
    /// What stands between the scheme and the options.
    pub(crate) rest: &'a str,
    options: &'a str,
}

pub(crate) fn split(dsn: &str) -> Result<Parts<'_>, StoreError> {
    let (scheme, rest) = dsn
        .split_once(':')
        .filter(|(scheme, _)| {
            !scheme.is_empty() && scheme.bytes().all(|it| it.is_ascii_alphanumeric())
        })
        .ok_or_else(|| {
            wrong(
                "scheme",
                "a DSN starts with its scheme, as in `sqlite:///path`",
            )
        })?;
    let rest = rest.strip_prefix("//").unwrap_or(rest);
    let (rest, options) = rest.split_once('?').unwrap_or((rest, ""));
    Ok(Parts {
        scheme,
        rest,
        options,
    })
}

pub(crate) fn wrong(part: impl Into<String>, reason: impl Into<String>) -> StoreError {
    StoreError::Dsn {
        part: part.into(),
        reason: reason.into(),
    }
}

impl<'a> Parts<'a> {
    /// The options with their values, decoded.
    pub(crate) fn options(&self) -> impl Iterator<Item = Result<(&'a str, String), StoreError>> {
        self.options
            .split('&')
            .filter(|pair| !pair.is_empty())
            .map(|pair| {
                let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
                Ok((name, decode(value, name)?))
            })
    }

    pub(crate) fn refuse_options(&self) -> Result<(), StoreError> {
        match self.options().next() {
            None => Ok(()),
            Some(option) => {
                let (name, _) = option?;
                let scheme = self.scheme;
                Err(wrong(
                    format!("option {name}"),
                    format!("this `{scheme}` DSN takes no options"),
                ))
            }
        }
    }

    /// Whether this character is among the options: it may have been meant for what stands before them.
    #[cfg(any(feature = "postgres", feature = "rabbitmq", feature = "redis"))]
    pub(crate) fn options_have(&self, character: char) -> bool {
        self.options.contains(character)
    }

    /// Whether the DSN is the usual way of writing "SQLite, but in memory".
    pub(crate) fn path_names_memory(&self) -> bool {
        matches!(self.rest, ":memory:" | "/:memory:")
    }
}

/// Replaces `%20` and the like.
pub(crate) fn decode(text: &str, part: &str) -> Result<String, StoreError> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let digit = |it: Option<u8>| it.and_then(|it| char::from(it).to_digit(16));
        let (Some(high), Some(low)) = (digit(rest.next()), digit(rest.next())) else {
            return Err(wrong(part, "`%` is not followed by two hexadecimal digits"));
        };
        bytes.push(u8::try_from(high * 16 + low).unwrap_or_default());
    }
    String::from_utf8(bytes).map_err(|_| wrong(part, "it is not valid UTF-8"))
}

/// A DSN as it may be shown: without user, password and the values of its options.
///
/// ```
/// use ossa_runtime::adapter::RedactedDsn;
///
/// let shown = RedactedDsn("redis://app:hunter2@cache:6379/0?auth=hunter2").to_string();
/// assert_eq!(shown, "redis://***@cache:6379/0?auth=***");
/// ```
#[derive(Clone, Copy)]
pub struct RedactedDsn<'a>(pub &'a str);

impl fmt::Display for RedactedDsn<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Ok(parts) = split(self.0) else {
            return f.write_str("***");
        };
        let slashes = if self.0.contains("://") { "//" } else { "" };
        write!(f, "{}:{slashes}", parts.scheme)?;
        match parts.rest.rsplit_once('@') {
            Some((_, place)) => write!(f, "***@{place}")?,
            // A password with a question mark in it, perhaps.
            None if parts.options.contains('@') => return f.write_str("***"),
            None => f.write_str(parts.rest)?,
        }
        let options = parts.options.split('&').filter_map(|it| it.split_once('='));
        for (index, (name, _)) in options.enumerate() {
            let separator = if index == 0 { '?' } else { '&' };
            write!(f, "{separator}{name}=***")?;
        }
        Ok(())
    }
}

impl fmt::Debug for RedactedDsn<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(all(test, feature = "sqlite"))]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::adapter::open;

    fn part_refused(dsn: &str) -> String {
        match open(dsn).map(|_| ()) {
            Err(StoreError::Dsn { part, .. }) => part,
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn a_wrong_dsn_is_refused_by_the_part_that_is_wrong() {
        assert_eq!(part_refused("/var/ossa.db"), "scheme");
        assert_eq!(part_refused("mysql://user:secret@host/db"), "scheme");
        assert_eq!(part_refused("memory:?size=3"), "option size");
        assert_eq!(part_refused("sqlite://"), "path");
        assert_eq!(part_refused("sqlite:///%zz"), "path");
        assert_eq!(part_refused("sqlite:///x?pages=3"), "option pages");
        assert_eq!(
            part_refused("sqlite:///x?synchronous=off"),
            "option synchronous"
        );
        assert_eq!(
            part_refused("sqlite:///x?busy_timeout=5"),
            "option busy_timeout"
        );
    }

    #[test]
    fn an_error_about_a_dsn_does_not_repeat_its_credentials() {
        let error = open("mysql://app:hunter2@host/db?password=hunter2")
            .map(|_| ())
            .unwrap_err();
        assert!(!error.to_string().contains("hunter2"));
    }

    #[test]
    fn a_shown_dsn_has_no_user_no_password_and_no_option_values() {
        let show = |dsn| RedactedDsn(dsn).to_string();
        assert_eq!(
            show("postgresql://a:p@ss@db/x?sslkey=k&y=1"),
            "postgresql://***@db/x?sslkey=***&y=***"
        );
        assert_eq!(show("sqlite:///srv/ossa.db"), "sqlite:///srv/ossa.db");
        assert_eq!(show("memory:"), "memory:");
        assert_eq!(show("redis://app:hunt?er2@cache"), "redis://***");
        assert_eq!(show("p@ss word"), "***");
    }

    #[test]
    fn percent_signs_in_a_path_are_decoded() {
        assert_eq!(decode("a%20b%C3%A9", "path").unwrap(), "a bé");
        assert!(decode("%ff", "path").is_err());
        assert!(decode("%4", "path").is_err());
    }
}
