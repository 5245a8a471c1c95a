//! Options of a DSN.

use std::time::Duration;

use super::dsn::wrong;
use crate::port::StoreError;

/// Refuses an option, naming the one that was probably meant, or all there are.
pub(crate) fn unknown_option(name: &str, known: &[&str]) -> StoreError {
    let near = known
        .iter()
        .map(|it| (strsim::osa_distance(name, it), it))
        .filter(|(distance, it)| *distance <= it.len() / 3)
        .min();
    let reason = match near {
        Some((_, near)) => format!("there is none of that name: `{near}` is probably meant"),
        None => format!("there is none of that name, only {}", known.join(", ")),
    };
    wrong(format!("option {name}"), reason)
}

/// `5s` or `500ms`.
pub(crate) fn duration(text: &str) -> Option<Duration> {
    let unit = text.find(|it: char| !it.is_ascii_digit())?;
    let (number, unit) = text.split_at(unit);
    let number = number.parse().ok()?;
    let duration = match unit {
        "ms" => Duration::from_millis(number),
        "s" => Duration::from_secs(number),
        _ => return None,
    };
    // Longer ones are a slip, and would not fit the clock when they are added to it.
    (duration <= Duration::from_secs(86_400)).then_some(duration)
}
