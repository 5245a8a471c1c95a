//! Who logs in where: `user:password@host:port/path`, the part of a DSN that servers have in common.
//!
//! Everything may be percent-encoded. What has to be: a `:` in the user; `?` anywhere; `@` behind the host. Addresses of
//! version 6 are in brackets.

use std::net::Ipv6Addr;

use super::dsn::{Parts, decode, wrong};
use crate::port::StoreError;

/// The part of a DSN between its scheme and its options.
pub(crate) struct Authority<'a> {
    /// What stands before the last `@`.
    pub(crate) login: Option<Login>,
    /// At least one. Its name is empty where nothing is named.
    hosts: Vec<Host>,
    /// What follows the first `/` after the hosts; not decoded yet.
    pub(crate) path: &'a str,
}

pub(crate) struct Login {
    pub(crate) user: String,
    /// `None` without a colon.
    pub(crate) password: Option<String>,
}

#[derive(Debug)]
struct Host {
    name: String,
    port: Option<u16>,
}

impl<'a> Authority<'a> {
    pub(crate) fn read(parts: &Parts<'a>) -> Result<Self, StoreError> {
        let (login, place) = match parts.rest.rsplit_once('@') {
            Some((login, place)) => (Some(login), place),
            None => (None, parts.rest),
        };
        let (hosts, path) = place.split_once('/').unwrap_or((place, ""));
        let login = login.map(Login::read).transpose()?;
        let hosts: Result<_, _> = hosts.split(',').map(Host::read).collect();
        let hosts = hosts.map_err(|error| match login {
            None if parts.options_have('@') => wrong("password", "a `?` in it is written as `%3F`"),
            _ => error,
        })?;
        Ok(Self { login, hosts, path })
    }

    /// The one host there may be, with its port. Its name may be empty.
    pub(crate) fn host(&self, default_port: u16) -> Result<(String, u16), StoreError> {
        match self.hosts.as_slice() {
            [host] => Ok((host.name.clone(), host.port.unwrap_or(default_port))),
            _ => Err(wrong("host", "one host is expected, not a list")),
        }
    }

    /// All hosts with their ports. None of their names is empty.
    pub(crate) fn hosts(
        &self,
        default_port: u16,
        example: &str,
    ) -> Result<Vec<(String, u16)>, StoreError> {
        if self.hosts.iter().any(|host| host.name.is_empty()) {
            return Err(missing(example));
        }
        let hosts = self.hosts.iter();
        Ok(hosts
            .map(|host| (host.name.clone(), host.port.unwrap_or(default_port)))
            .collect())
    }
}

/// The host is not named. The example shows where it belongs.
pub(crate) fn missing(example: &str) -> StoreError {
    wrong("host", format!("it is missing: write {example}"))
}

/// A host and its port as they are shown.
pub(crate) fn place(host: &str, port: u16) -> String {
    match host.contains(':') {
        true => format!("[{host}]:{port}"),
        false => format!("{host}:{port}"),
    }
}

impl Login {
    fn read(text: &str) -> Result<Self, StoreError> {
        let (user, password) = match text.split_once(':') {
            Some((user, password)) => (user, Some(password)),
            None => (text, None),
        };
        Ok(Self {
            user: decode(user, "user")?,
            password: password.map(|it| decode(it, "password")).transpose()?,
        })
    }
}

impl Host {
    fn read(text: &str) -> Result<Self, StoreError> {
        let (name, port) = match text.strip_prefix('[') {
            Some(rest) => {
                let address = rest.split_once(']').and_then(|(address, rest)| {
                    let address = decode(address, "host").ok().filter(|it| is_address(it))?;
                    let port = rest.strip_prefix(':');
                    (port.is_some() || rest.is_empty()).then_some((address, port))
                });
                let reason = "what begins with `[` is an IPv6 address, as in `[::1]:5000`";
                address.ok_or_else(|| wrong("host", reason))?
            }
            None => match text.split_once(':') {
                Some((_, port)) if port.contains(':') => {
                    let reason = "an IPv6 address is in brackets, as in `[::1]:5000`";
                    return Err(wrong("host", reason));
                }
                Some((host, port)) => (decode(host, "host")?, Some(port)),
                None => (decode(text, "host")?, None),
            },
        };
        let port = match port.map(str::parse) {
            None => None,
            Some(Ok(port @ 1..)) => Some(port),
            Some(_) => return Err(wrong("port", "it is a number from 1 to 65535")),
        };
        Ok(Self { name, port })
    }
}

/// An address, perhaps with the interface it is reached by: `fe80::1%eth0`.
fn is_address(text: &str) -> bool {
    let (address, _) = text.split_once('%').unwrap_or((text, ""));
    address.parse::<Ipv6Addr>().is_ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use super::*;
    use crate::adapter::dsn::split;

    fn hosts(dsn: &str) -> Vec<(String, u16)> {
        let authority = Authority::read(&split(dsn).unwrap()).unwrap();
        authority.hosts(1, "").unwrap()
    }

    fn login(dsn: &str) -> (String, Option<String>) {
        let login = Authority::read(&split(dsn).unwrap()).unwrap().login;
        login.map(|it| (it.user, it.password)).unwrap()
    }

    fn refused(dsn: &str) -> (String, String) {
        match Authority::read(&split(dsn).unwrap()).map(|_| ()) {
            Err(StoreError::Dsn { part, reason }) => (part, reason),
            other => panic!("{dsn}: {other:?}"),
        }
    }

    #[test]
    fn a_host_may_have_a_port_and_an_ipv6_address_has_brackets() {
        for (dsn, host, port) in [
            ("x://db", "db", 1),
            ("x://db:2/path", "db", 2),
            ("x://[::1]", "::1", 1),
            ("x://[::1]:2", "::1", 2),
            ("x://[fe80::1%25eth0]:2", "fe80::1%eth0", 2),
            ("x://%64b", "db", 1),
        ] {
            assert_eq!(hosts(dsn), [(host.to_owned(), port)], "{dsn}");
        }
        assert_eq!(place("::1", 2), "[::1]:2");
        assert_eq!(place("db", 2), "db:2");
    }

    #[test]
    fn there_may_be_several_hosts_where_the_server_can_be_several() {
        let found = hosts("x://u:p@one:2,two,[::1]:3/path");
        let expected = [("one", 2), ("two", 1), ("::1", 3)];
        assert_eq!(found, expected.map(|(host, port)| (host.to_owned(), port)));
        let authority = Authority::read(&split("x://one,two").unwrap()).unwrap();
        assert!(authority.host(1).is_err());
    }

    #[test]
    fn a_host_or_port_that_is_none_is_refused() {
        for (dsn, part) in [
            ("x://::1", "host"),
            ("x://::1:5", "host"),
            ("x://[::1", "host"),
            ("x://[db]", "host"),
            ("x://[::1]5", "host"),
            ("x://[::1]:", "port"),
            ("x://db:", "port"),
            ("x://db:0", "port"),
            ("x://db:65536", "port"),
            ("x://db:port", "port"),
            ("x://%zz", "host"),
        ] {
            assert_eq!(refused(dsn).0, part, "{dsn}");
        }
        let authority = Authority::read(&split("x://one,,two").unwrap()).unwrap();
        assert!(authority.hosts(1, "").is_err());
    }

    #[test]
    fn user_and_password_are_decoded_and_may_be_empty() {
        let some = |text: &str| Some(text.to_owned());
        for (dsn, user, password) in [
            ("x://u@h", "u", None),
            ("x://u:@h", "u", some("")),
            ("x://:p@h", "", some("p")),
            ("x://@h", "", None),
            ("x://a%3Ab:p%40%2F:q@h", "a:b", some("p@/:q")),
            ("x://u:p@ss/word@h/path", "u", some("p@ss/word")),
        ] {
            assert_eq!(login(dsn), (user.to_owned(), password), "{dsn}");
        }
        assert_eq!(refused("x://%zz:p@h").0, "user");
        assert_eq!(refused("x://u:%zz@h").0, "password");
    }

    #[test]
    fn a_question_mark_in_a_password_is_told_and_the_password_is_not() {
        let (part, reason) = refused("x://app:hunt?er2@host/path");
        assert_eq!(part, "password");
        assert!(
            !reason.contains("hunt") && reason.contains("%3F"),
            "{reason}"
        );
    }
}
