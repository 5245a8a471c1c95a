//! Settings of the server under which a commit may be lost.

use super::fault::Fault;
use super::session::{Call, Session};
use super::value::get;
use crate::port::Finding;

/// What each setting costs when it is off.
const SETTINGS: [(&str, &str); 3] = [
    (
        "fsync",
        "a power cut or a crash of the machine may damage the whole database",
    ),
    (
        "full_page_writes",
        "a power cut in the middle of a write may damage tables beyond repair",
    ),
    (
        "synchronous_commit",
        "a crash of the server may undo commits and messages that were confirmed shortly before",
    ),
];

pub(super) fn findings(session: &mut Session) -> Result<Vec<Finding>, Fault> {
    let names = SETTINGS.iter().map(|(name, _)| *name);
    let rows = session.read(
        Call::new("SELECT name FROM pg_settings WHERE name = ANY($1) AND setting = 'off'")
            .column(names),
    )?;
    let mut off = Vec::new();
    for row in &rows {
        off.push(get::<String>(row, 0)?);
    }
    let found = SETTINGS
        .iter()
        .filter(|(name, _)| off.iter().any(|it| it == name));
    Ok(found
        .map(|(name, risk)| Finding {
            found: format!("PostgreSQL runs with `{name}` off"),
            risk: (*risk).to_owned(),
            remedy: format!("set `{name} = on` in postgresql.conf, or for the role and database that this store uses, and reload"),
        })
        .collect())
}
