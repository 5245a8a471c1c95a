//! Each code of a diagnostic: the input that leads to it, where it points, what it advises.

mod meaning;
mod reading;

use ossa_runtime::manifest::{Level, Severity};

use crate::{codes, lenient, said};

/// Asserts what the only finding with `code` about `text` says, in the order: path, place, characters meant, help.
#[track_caller]
pub(super) fn assert_said(
    text: &str,
    level: Level,
    code: &str,
    weight: Severity,
    expected: [&str; 4],
) {
    let said = said(text, level, code);
    let [path, place, marked, help] = expected;
    assert_eq!(
        (
            said.weight,
            &*said.path,
            &*said.place,
            &*said.marked,
            &*said.help
        ),
        (weight, path, place, marked, help),
        "{code} in\n{text}"
    );
}

#[track_caller]
pub(super) fn error(text: &str, code: &str, expected: [&str; 4]) {
    assert!(!lenient(text).is_valid());
    assert_said(text, Level::Lenient, code, Severity::Error, expected);
}

#[track_caller]
pub(super) fn warning(text: &str, code: &str, expected: [&str; 4]) {
    assert!(lenient(text).is_valid(), "{:?}", codes(&lenient(text)));
    assert_said(text, Level::Lenient, code, Severity::Warning, expected);
}
