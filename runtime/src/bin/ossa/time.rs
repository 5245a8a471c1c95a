//! Times and lengths of time on the command line.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use ossa_runtime::port::Timestamp;

/// `90s`, `45m`, `12h`, `30d` or `2w`.
pub(crate) fn length(text: &str) -> Result<Duration, String> {
    let wrong = || "a number with a unit: 90s, 45m, 12h, 30d or 2w".to_owned();
    let unit = text.chars().last().ok_or_else(wrong)?;
    let number = text
        .strip_suffix(unit)
        .and_then(|number| number.parse().ok());
    let seconds: u64 = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3600,
        'd' => 86_400,
        'w' => 604_800,
        _ => return Err(wrong()),
    };
    let seconds = number.and_then(|number: u64| number.checked_mul(seconds));
    seconds.map(Duration::from_secs).ok_or_else(wrong)
}

/// `2026-11-21T09:30:00Z`, `2026-11-21` (its beginning in UTC), or a length of time ago: `12h`.
pub(crate) fn moment(text: &str) -> Result<Timestamp, String> {
    let day = format!("{text}T00:00:00Z");
    let parsed = text.parse::<jiff::Timestamp>().or_else(|_| day.parse());
    if let Ok(at) = parsed {
        return Ok(Timestamp::from_millis(at.as_millisecond()));
    }
    let ago = length(text).map_err(|_| {
        "a time as 2026-11-21T09:30:00Z, a day as 2026-11-21, or a length of time ago as 12h"
            .to_owned()
    })?;
    let since_epoch = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    let millis = since_epoch.saturating_sub(ago).as_millis();
    Ok(Timestamp::from_millis(
        i64::try_from(millis).unwrap_or(i64::MAX),
    ))
}
