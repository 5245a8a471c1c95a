//! What a DSN says: `amqp://user:password@host:port/vhost?option=value`.

use std::fmt;
use std::time::Duration;

use lapin::tcp::{OwnedIdentity, OwnedTLSConfig};
use lapin::uri::{AMQPAuthority, AMQPQueryString, AMQPScheme, AMQPUri, AMQPUserInfo};

use crate::adapter::authority::{self, Authority};
use crate::adapter::dsn::{self, Parts};
use crate::adapter::option;
use crate::port::StoreError;

const KNOWN: [&str; 6] = ["ca", "certificate", "heartbeat", "key", "prefix", "timeout"];

/// How a broker is reached.
#[derive(Clone)]
pub struct RabbitMqOptions {
    /// Whether the connection is encrypted.
    pub tls: bool,
    /// The host.
    pub host: String,
    /// The port; 5672, or 5671 with TLS.
    pub port: u16,
    /// Who we are.
    pub user: String,
    /// How we prove it.
    pub password: String,
    /// The virtual host.
    pub vhost: String,
    /// Put before the name of each queue, so that applications can share a virtual host.
    pub prefix: String,
    /// How long the broker may take to connect, or to answer.
    pub timeout: Duration,
    /// Interval of heartbeats, in seconds; 0 = none.
    pub heartbeat: u16,
    /// File of the certificates to trust besides those of the system, in PEM.
    pub ca: Option<String>,
    /// Files of our own certificate and its key, in PEM.
    pub identity: Option<(String, String)>,
}

impl Default for RabbitMqOptions {
    fn default() -> Self {
        Self {
            tls: false,
            host: "127.0.0.1".to_owned(),
            port: 5672,
            user: "guest".to_owned(),
            password: "guest".to_owned(),
            vhost: "/".to_owned(),
            prefix: String::new(),
            timeout: Duration::from_secs(10),
            heartbeat: 30,
            ca: None,
            identity: None,
        }
    }
}

impl RabbitMqOptions {
    pub(crate) fn from_dsn(parts: &Parts<'_>) -> Result<Self, StoreError> {
        let tls = parts.scheme == "amqps";
        let mut options = Self {
            tls,
            port: if tls { 5671 } else { 5672 },
            ..Self::default()
        };
        let authority = Authority::read(parts)?;
        (options.host, options.port) = authority.host(options.port)?;
        if options.host.is_empty() {
            return Err(authority::missing("`amqp://user:password@host:5672/vhost`"));
        }
        if let Some(login) = authority.login {
            options.user = login.user;
            options.password = login.password.unwrap_or_default();
        }
        if !authority.path.is_empty() {
            options.vhost = dsn::decode(authority.path, "virtual host")?;
        }
        let (mut certificate, mut key) = (None, None);
        for option in parts.options() {
            let (name, value) = option?;
            match name {
                "prefix" => options.prefix = value,
                "timeout" => options.timeout = timeout(&value)?,
                "heartbeat" => options.heartbeat = heartbeat(&value)?,
                "ca" => options.ca = Some(value),
                "certificate" => certificate = Some(value),
                "key" => key = Some(value),
                _ => return Err(option::unknown_option(name, &KNOWN)),
            }
        }
        options.identity = match (certificate, key) {
            (Some(certificate), Some(key)) => Some((certificate, key)),
            (None, None) => None,
            (Some(_), None) => return Err(dsn::wrong("option key", "it is missing")),
            (None, Some(_)) => return Err(dsn::wrong("option certificate", "it is missing")),
        };
        if !tls && (options.ca.is_some() || options.identity.is_some()) {
            let reason = "certificates are for the scheme `amqps`";
            return Err(dsn::wrong("scheme", reason));
        }
        Ok(options)
    }

    /// `host:port`, for messages.
    pub(super) fn place(&self) -> String {
        authority::place(&self.host, self.port)
    }

    pub(super) fn uri(&self) -> AMQPUri {
        let millis = u64::try_from(self.timeout.as_millis()).unwrap_or(u64::MAX);
        AMQPUri {
            scheme: if self.tls {
                AMQPScheme::AMQPS
            } else {
                AMQPScheme::AMQP
            },
            authority: AMQPAuthority {
                userinfo: AMQPUserInfo {
                    username: self.user.clone(),
                    password: self.password.clone(),
                },
                host: self.host.clone(),
                port: self.port,
            },
            vhost: self.vhost.clone(),
            query: AMQPQueryString {
                heartbeat: Some(self.heartbeat),
                connection_timeout: Some(millis),
                ..AMQPQueryString::default()
            },
        }
    }

    /// The certificates, read now: one that is replaced is used from the next connection on.
    pub(super) fn certificates(&self) -> Result<OwnedTLSConfig, StoreError> {
        let read = |file: &str, option: &str| {
            std::fs::read(file).map_err(|error| dsn::wrong(option, error.to_string()))
        };
        let mut config = OwnedTLSConfig::default();
        if let Some(ca) = &self.ca {
            let pem = read(ca, "option ca")?;
            let pem = String::from_utf8(pem)
                .map_err(|_| dsn::wrong("option ca", "the file is not in PEM"))?;
            config.cert_chain = Some(pem);
        }
        if let Some((certificate, key)) = &self.identity {
            config.identity = Some(OwnedIdentity::PKCS8 {
                pem: read(certificate, "option certificate")?,
                key: read(key, "option key")?,
            });
        }
        Ok(config)
    }
}

fn timeout(value: &str) -> Result<Duration, StoreError> {
    option::duration(value)
        .filter(|it| !it.is_zero())
        .ok_or_else(|| {
            let reason = "it must be a number of seconds or milliseconds, such as `5s` or `500ms`";
            dsn::wrong("option timeout", reason)
        })
}

fn heartbeat(value: &str) -> Result<u16, StoreError> {
    let seconds = option::duration(value)
        .or_else(|| value.parse().ok().map(Duration::from_secs))
        .map(|it| it.as_secs());
    seconds
        .and_then(|seconds| u16::try_from(seconds).ok())
        .ok_or_else(|| {
            let reason = "it must be a number of seconds, such as `30s`; 0 = none";
            dsn::wrong("option heartbeat", reason)
        })
}

impl fmt::Debug for RabbitMqOptions {
    /// Leaves out who we are and how we prove it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RabbitMqOptions")
            .field("tls", &self.tls)
            .field("host", &self.host)
            .field("port", &self.port)
            .field("vhost", &self.vhost)
            .field("prefix", &self.prefix)
            .field("timeout", &self.timeout)
            .field("heartbeat", &self.heartbeat)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn read(dsn: &str) -> Result<RabbitMqOptions, StoreError> {
        RabbitMqOptions::from_dsn(&dsn::split(dsn)?)
    }

    fn part_refused(dsn: &str) -> String {
        match read(dsn) {
            Err(StoreError::Dsn { part, .. }) => part,
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn every_part_of_a_dsn_is_read() {
        let dsn = "amqps://us%40er:p%2fw@[::1]:99/a%2fb?timeout=500ms&heartbeat=5s&prefix=app.";
        let options = read(dsn).unwrap();
        assert_eq!(
            (options.user.as_str(), options.password.as_str()),
            ("us@er", "p/w")
        );
        assert_eq!((options.host.as_str(), options.port), ("::1", 99));
        assert_eq!(options.vhost, "a/b");
        assert_eq!(options.timeout, Duration::from_millis(500));
        assert_eq!((options.heartbeat, options.prefix.as_str()), (5, "app."));
        assert!(options.tls);
    }

    #[test]
    fn what_is_left_out_is_the_broker_s_own_default() {
        let options = read("amqp://rabbit").unwrap();
        assert_eq!(options.place(), "rabbit:5672");
        assert_eq!(
            (options.user.as_str(), options.vhost.as_str()),
            ("guest", "/")
        );
        assert_eq!(read("amqps://rabbit").unwrap().port, 5671);
    }

    #[test]
    fn a_wrong_part_is_named() {
        assert_eq!(part_refused("amqp://"), "host");
        assert_eq!(part_refused("amqp://one,two"), "host");
        assert_eq!(part_refused("amqp://u:secret@rabbit:port"), "port");
        assert_eq!(
            part_refused("amqp://rabbit/?timeout=soon"),
            "option timeout"
        );
        assert_eq!(
            part_refused("amqp://rabbit/?heartbeat=often"),
            "option heartbeat"
        );
        assert_eq!(part_refused("amqp://rabbit/?ca=/x"), "scheme");
        assert_eq!(part_refused("amqps://rabbit/?key=/x"), "option certificate");
        assert_eq!(part_refused("amqp://u:%zz@rabbit"), "password");
        let near = read("amqp://rabbit/?timout=5s").unwrap_err().to_string();
        assert!(near.contains("`timeout`"), "{near}");
    }

    #[test]
    fn credentials_are_not_shown() {
        let shown = format!("{:?}", read("amqp://app:hunter2@rabbit").unwrap());
        assert!(
            !shown.contains("hunter2") && !shown.contains("app"),
            "{shown}"
        );
    }
}
