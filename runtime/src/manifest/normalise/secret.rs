//! Secrets that stand in a manifest in plain text.

use super::super::code;
use super::super::diagnostic::{Diagnostic, Severity};
use super::super::reader::{Part, Report};

/// The finding about a secret at `part`; the value is never shown.
pub(super) fn plain(part: &Part<'_>) -> Diagnostic {
    finding(part, Severity::Error)
}

fn finding(part: &Part<'_>, severity: Severity) -> Diagnostic {
    part.finding(severity, code::PLAIN_SECRET, "a secret stands here in plain text")
        .with_help("keep it outside: `context.secrets: [{name, ref: vault://…}]` and `${{ secrets.NAME }}`, or `${NAME}`")
}

/// Warns about every member below `part` that is called like a secret and holds plain text.
pub(super) fn warn_below(part: &Part<'_>, report: &Report) {
    for (key, member) in part.members() {
        if member.value.is_string()
            && is_secret_name(key)
            && is_plain(member.value.as_str().unwrap_or_default())
        {
            report.push(finding(&member, Severity::Warning));
        } else {
            warn_below(&member, report);
        }
    }
    for element in part.elements() {
        warn_below(&element, report);
    }
}

fn is_secret_name(key: &str) -> bool {
    let key: String = key
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .map(|character| character.to_ascii_lowercase())
        .collect();
    [
        "password",
        "passwd",
        "secret",
        "apikey",
        "accesstoken",
        "authtoken",
        "bearertoken",
        "privatekey",
        "clientsecret",
    ]
    .iter()
    .any(|name| key.ends_with(name))
}

/// Whether the text is a value rather than an expression or the place of one.
fn is_plain(text: &str) -> bool {
    !(text.trim().is_empty()
        || text.contains("${")
        || text.contains("{{")
        || text.contains("://")
        || text.starts_with(['$', '@', '*', '<']))
}
