//! Single cases by their names, for backends that only one thread may call, such as those in another language.

use std::sync::Arc;

use super::{
    Case, attempt, browse, key_value, lease, listing, queue, receipt, reschedule, step_item, store,
    stream,
};
use crate::port::{Backend, Queue};

type Cases<T> = &'static [&'static [Case<T>]];

const QUEUE: Cases<dyn Queue> = &[queue::CASES, receipt::CASES];
const BACKEND: &[(&str, Cases<dyn Backend>)] = &[
    ("store", &[store::CASES, listing::CASES]),
    (
        "store_queue",
        &[
            lease::CASES,
            browse::CASES,
            step_item::CASES,
            reschedule::CASES,
        ],
    ),
    ("stream", &[stream::CASES]),
    ("kv", &[key_value::CASES]),
];

/// The cases of all suites that call their backend from one thread only, as `suite/case`.
pub fn cases_of_one_thread() -> impl Iterator<Item = String> {
    let queue = names("queue", QUEUE);
    let backend = BACKEND
        .iter()
        .flat_map(|(suite, cases)| names(suite, cases));
    queue.chain(backend)
}

fn names<T: ?Sized>(suite: &'static str, cases: Cases<T>) -> impl Iterator<Item = String> {
    let cases = cases.iter().copied().flatten();
    cases.map(move |(name, _)| format!("{suite}/{name}"))
}

/// Runs one of [`cases_of_one_thread`] on a new, empty backend.
///
/// # Errors
/// Why the case failed, or that there is no such case.
pub fn run_case(name: &str, backend: &Arc<dyn Backend>) -> Result<(), String> {
    let unknown = || format!("there is no case `{name}`");
    let (suite, case) = name.split_once('/').ok_or_else(unknown)?;
    if suite == "queue" {
        let test = find(QUEUE, case).ok_or_else(unknown)?;
        let queue: Arc<dyn Queue> = Arc::<dyn Backend>::clone(backend);
        return attempt(test, &|| Arc::clone(&queue));
    }
    let suite = BACKEND.iter().find(|(name, _)| *name == suite);
    let test = suite.and_then(|(_, cases)| find(cases, case));
    attempt(test.ok_or_else(unknown)?, &|| Arc::clone(backend))
}

fn find<T: ?Sized>(cases: Cases<T>, name: &str) -> Option<super::Test<T>> {
    let mut cases = cases.iter().copied().flatten();
    cases.find(|(case, _)| *case == name).map(|(_, test)| *test)
}
