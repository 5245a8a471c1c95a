//! Settings of the server under which it may lose what it confirmed.

use redis::cmd;

use super::options::Durability;
use super::reply::Reply;
use super::server::Server;
use crate::port::{Finding, StoreError};

pub(super) fn findings(server: &Server) -> Result<Vec<Finding>, StoreError> {
    let mut ask = cmd("CONFIG");
    ask.arg("GET")
        .arg("maxmemory-policy")
        .arg("appendonly")
        .arg("appendfsync");
    let settings = match server.about("read the settings", &ask) {
        Ok(settings) => settings.list()?,
        Err(StoreError::Failed { .. }) => return Ok(vec![unknown()]),
        Err(error) => return Err(error),
    };
    let settings = settings.into_iter().map(Reply::text);
    let settings = settings.collect::<Result<Vec<_>, _>>()?;
    let value = |name: &str| {
        let place = settings.iter().position(|it| it == name)?;
        settings.get(place + 1).map(String::as_str)
    };
    let mut found = Vec::new();
    if let Some(policy) = value("maxmemory-policy").filter(|it| *it != "noeviction") {
        found.push(Finding {
            found: format!(
                "Redis removes keys when its memory is full: `maxmemory-policy` is `{policy}`"
            ),
            risk: "runs and messages disappear, whole or in part".to_owned(),
            remedy:
                "set `maxmemory-policy noeviction`; writes are then refused until there is memory"
                    .to_owned(),
        });
    }
    if value("appendonly") == Some("no") {
        found.push(Finding {
            found: "Redis keeps no file of its writes: `appendonly` is `no`".to_owned(),
            risk: "a restart loses all runs and messages since the last dump, if there is one"
                .to_owned(),
            remedy: "set `appendonly yes`".to_owned(),
        });
        return Ok(found);
    }
    let strict = server.options.durability == Durability::Strict;
    match value("appendfsync") {
        Some("no") => found.push(Finding {
            found:
                "Redis leaves it to the system when writes reach the disk: `appendfsync` is `no`"
                    .to_owned(),
            risk: "a power cut undoes the last half minute".to_owned(),
            remedy: "set `appendfsync everysec`, or `always`".to_owned(),
        }),
        Some("everysec") if strict => found.push(Finding {
            found: "the store is opened with `mode=strict`, and `appendfsync` is `everysec`"
                .to_owned(),
            risk: "a power cut undoes the last second or two".to_owned(),
            remedy: "set `appendfsync always`, or accept it with `mode=bounded`".to_owned(),
        }),
        _ => {}
    }
    Ok(found)
}

fn unknown() -> Finding {
    Finding {
        found: "Redis does not tell its settings".to_owned(),
        risk: "whether it keeps what it confirms is not known".to_owned(),
        remedy: "see to it that it runs with `maxmemory-policy noeviction` and `appendonly yes`, \
                 or let the user run `CONFIG GET`"
            .to_owned(),
    }
}
