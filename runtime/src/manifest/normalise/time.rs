//! Durations.

use std::time::Duration;

use serde_json::Value;

use super::super::code;
use super::super::reader::{Part, Report};

/// The longest timeout OSSA's schema allows.
const LONGEST_TIMEOUT: u64 = 86_400;

/// A timeout in whole seconds, at least 1; more than a day is used with a warning.
pub(super) fn timeout(part: &Part<'_>, report: &Report) -> Option<Duration> {
    let seconds = positive(part, report, "seconds")?;
    if seconds > LONGEST_TIMEOUT {
        report.push(part.warning(
            code::OUT_OF_RANGE,
            format!("{seconds} seconds are more than the {LONGEST_TIMEOUT} that OSSA allows; the value is used"),
        ));
    }
    Some(Duration::from_secs(seconds))
}

/// A timeout in whole hours.
pub(super) fn hours(part: &Part<'_>, report: &Report) -> Option<Duration> {
    let hours = positive(part, report, "hours")?;
    Some(Duration::from_secs(hours.saturating_mul(3600)))
}

/// A timeout with a unit: `30m`, `45s`, `2h`; a bare number counts seconds.
pub(super) fn with_unit(part: &Part<'_>, report: &Report) -> Option<Duration> {
    let Some(text) = part.value.as_str() else {
        return timeout(part, report);
    };
    let parsed = parse(text);
    if parsed.is_none() {
        report.push(
            part.error(
                code::IMPOSSIBLE_VALUE,
                format!("`{text}` is not a duration"),
            )
            .with_help("write a number and a unit: `45s`, `30m`, `2h`, `1d`"),
        );
    }
    parsed
}

fn parse(text: &str) -> Option<Duration> {
    let text = text.trim();
    let digits = text
        .find(|character: char| !character.is_ascii_digit())
        .unwrap_or(text.len());
    let (number, unit) = text.split_at_checked(digits)?;
    let number: u64 = number.parse().ok().filter(|number| *number > 0)?;
    let seconds = match unit.trim() {
        "ms" => return Some(Duration::from_millis(number)),
        "" | "s" | "sec" | "seconds" => 1,
        "m" | "min" | "minutes" => 60,
        "h" | "hours" => 3600,
        "d" | "days" => 86_400,
        _ => return None,
    };
    Some(Duration::from_secs(number.saturating_mul(seconds)))
}

/// A whole number of at least 1.
pub(super) fn positive(part: &Part<'_>, report: &Report, unit: &str) -> Option<u64> {
    let number = whole(part, report, unit)?;
    if number == 0 {
        report.push(part.error(
            code::IMPOSSIBLE_VALUE,
            format!("0 {unit} are impossible: at least 1"),
        ));
        return None;
    }
    Some(number)
}

/// A whole number of at least 0. `3.0` is one, too.
pub(super) fn whole(part: &Part<'_>, report: &Report, unit: &str) -> Option<u64> {
    let number = match part.value {
        Value::Number(number) => number,
        Value::String(text) if text.contains("${") => {
            report.push(
                part.error(
                    code::WRONG_TYPE,
                    format!("expected a number of {unit}, found the expression `{text}`"),
                )
                .with_help("write the number: this field is read when the manifest is loaded"),
            );
            return None;
        }
        _ => {
            report.push(part.error(
                code::WRONG_TYPE,
                format!(
                    "expected a number of {unit}, found {}",
                    super::super::reader::describe(part.value)
                ),
            ));
            return None;
        }
    };
    if let Some(number) = number.as_u64() {
        return Some(number);
    }
    let float = number.as_f64().unwrap_or(f64::NAN);
    if float.fract() == 0.0 && (0.0..=9_007_199_254_740_992.0).contains(&float) {
        return format!("{float:.0}").parse().ok();
    }
    report.push(part.error(
        code::IMPOSSIBLE_VALUE,
        format!("{number} {unit} are impossible: a whole number is needed, and not a negative one"),
    ));
    None
}
