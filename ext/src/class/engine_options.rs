//! The arrays of options that `Ossa\Runtime\Engine` takes, as the runtime's own types.

use std::sync::Arc;
use std::time::Duration;

use ossa_runtime::adapter::SqlOptions;
use ossa_runtime::engine::{EngineOptions, StartRequest, Startable};
use ossa_runtime::error::{Category, Error, code};
use ossa_runtime::manifest::Kind;
use ossa_runtime::port::{Priority, RunId};
use ossa_runtime::run::{RetryOwner, StepError};
use serde_json::{Map, Value};

use super::channel_options;
use super::manifest::level;
use super::policies;
use super::run_options::labels;
use crate::callbacks::{EngineCallbacks, PhpCallbacks};
use crate::convert::argument::{Bytes, Table};
use crate::convert::from_php;
use crate::convert::options::Options;
use crate::error::{Answer, Fault};

/// A day: the longest lease.
const LONGEST_LEASE: u64 = 86_400;
/// A year: the longest delay, in milliseconds.
pub(super) const LONGEST_DELAY: u64 = 366 * 86_400_000;

/// The options of `open()`.
pub(super) struct Opened {
    /// As the runtime takes them.
    pub(super) options: EngineOptions,
    /// The queue of step items.
    pub(super) queue: String,
}

/// Reads the options of `open()`.
pub(super) fn open(options: Table<'_>) -> Answer<Opened> {
    opened(&Options::read(
        "options of Engine::open()",
        options,
        &OPENING,
    )?)
}

/// What all ways of opening an engine take.
const OPENING: [&str; 11] = [
    "manifest_roots",
    "level",
    "queue",
    "retry_owner",
    "default_retry",
    "retries",
    "breakers",
    "channels",
    "callbacks",
    "lease_seconds",
    "env",
];

/// The option `channels`.
const CHANNELS: [&str; 5] = [
    "max_message_bytes",
    "retention_seconds",
    "receipt_retention_seconds",
    "dead_letter_retention_seconds",
    "settings",
];

/// Reads the options of `over()`: those of `open()`, and those of the store.
pub(super) fn over(options: Table<'_>) -> Answer<(Opened, SqlOptions)> {
    let mut known = OPENING.to_vec();
    known.extend(["table_prefix", "auto_setup", "poll_ms"]);
    let given = Options::read("options of Engine::over()", options, &known)?;
    let mut store = SqlOptions::default();
    if let Some(prefix) = given.text("table_prefix")? {
        prefix.clone_into(&mut store.prefix);
    }
    if let Some(auto_setup) = given.boolean("auto_setup")? {
        store.auto_setup = auto_setup;
    }
    if let Some(poll) = given.integer("poll_ms", 1..=60_000)? {
        store.poll = Duration::from_millis(poll);
    }
    Ok((opened(&given)?, store))
}

fn opened(given: &Options<'_>) -> Answer<Opened> {
    let mut options = EngineOptions {
        level: level(given)?,
        default_retry: policies::default_retry(given)?,
        retries: policies::retries(given)?,
        breakers: policies::breakers(given)?,
        env: env(given)?,
        ..EngineOptions::default()
    };
    if let Some(roots) = given.all_bytes("manifest_roots")? {
        options.manifest_roots = roots.into_iter().map(Bytes::path).collect();
    }
    if let Some(queue) = given.text("queue")? {
        queue.clone_into(&mut options.queue);
    }
    if given.one_of("retry_owner", &["engine", "host"])? == Some("host") {
        options.retry_owner = RetryOwner::Host;
    }
    if let Some(lease) = lease(given)? {
        options.lease = lease;
    }
    if let Some(channels) = given.nested("channels", &CHANNELS)? {
        options.channels = channel_options::kept(&channels)?;
    }
    if let Some(callbacks) = given.table("callbacks")? {
        let callbacks = PhpCallbacks::read(Some(callbacks), "callbacks")?;
        options.callbacks = Arc::new(EngineCallbacks::new(callbacks));
    }
    Ok(Opened {
        queue: options.queue.clone(),
        options,
    })
}

/// The option `lease_seconds`.
pub(super) fn lease(given: &Options<'_>) -> Answer<Option<Duration>> {
    let seconds = given.integer("lease_seconds", 1..=LONGEST_LEASE)?;
    Ok(seconds.map(Duration::from_secs))
}

fn env(given: &Options<'_>) -> Answer<Map<String, Value>> {
    let env = given.object("env")?.unwrap_or_default();
    match env.iter().find(|(_, value)| !value.is_string()) {
        Some((name, _)) => Err(given.refuse(
            "env",
            &format!("must map names to strings, but \"{name}\" is none"),
        )),
        None => Ok(env),
    }
}

/// What `start()` was given.
pub(super) fn start(reference: &str, input: Table<'_>, options: Table<'_>) -> Answer<StartRequest> {
    let given = Options::read(
        "options of Engine::start()",
        options,
        &[
            "kind",
            "idempotency_key",
            "correlation_id",
            "labels",
            "traceparent",
            "priority",
            "trigger",
        ],
    )?;
    let kind = match given.one_of("kind", &["Task", "Workflow"])? {
        Some("Task") => Some(Kind::Task),
        Some(_) => Some(Kind::Workflow),
        None => None,
    };
    let input = from_php::data(input.get(), "$input")?;
    let mut request = StartRequest::of(reference, input);
    request.what = Startable::Reference {
        reference: reference.to_owned(),
        kind,
    };
    request.idempotency_key = given.text("idempotency_key")?.map(str::to_owned);
    request.correlation_id = given.text("correlation_id")?.map(str::to_owned);
    request.labels = labels(&given)?;
    request.traceparent = given.text("traceparent")?.map(str::to_owned);
    if let Some(name) = given.text("priority")? {
        request.priority = priority(name)?;
    }
    request.trigger = given.object("trigger")?.map(Value::Object);
    Ok(request)
}

/// The priority with this name.
pub(super) fn priority(name: &str) -> Answer<Priority> {
    Priority::parse(name).ok_or_else(|| {
        Fault::argument(format!("\"{name}\" is no priority"))
            .with_help("use critical, high, normal or low")
    })
}

/// An error of a handler, as `fail()` takes it.
pub(super) fn step_error(of: &'static str, error: Table<'_>) -> Answer<StepError> {
    let given = Options::read(
        of,
        error,
        &[
            "code",
            "message",
            "class",
            "retryable",
            "retry_after_ms",
            "details",
        ],
    )?;
    let required = |key| {
        given
            .text(key)?
            .ok_or_else(|| given.refuse(key, "is missing"))
    };
    let mut error = StepError::new(required("code")?, required("message")?);
    error.class = given.text("class")?.map(str::to_owned);
    error.retryable = given.boolean("retryable")?;
    error.retry_after = given
        .integer("retry_after_ms", 0..=LONGEST_DELAY)?
        .map(Duration::from_millis);
    error.details = given.value("details")?;
    Ok(error)
}

/// The run with this id; an error when the text cannot be an id, as no run has it.
pub(super) fn run_id(text: Bytes<'_>) -> Answer<RunId> {
    known_run_id(text).ok_or_else(|| {
        let shown: String = String::from_utf8_lossy(text.as_slice())
            .chars()
            .take(60)
            .collect();
        let message = format!("there is no run \"{shown}\"");
        Error::new(Category::Engine, code::RUN_NOT_FOUND, message)
            .with_help("the id of a run is a UUID, as start() returned it")
            .into()
    })
}

/// The run with this id; `None` when the text cannot be an id.
pub(super) fn known_run_id(text: Bytes<'_>) -> Option<RunId> {
    std::str::from_utf8(text.as_slice()).ok()?.parse().ok()
}

/// A number of things asked for, at least 1.
pub(super) fn count(number: i64, argument: &str) -> Answer<usize> {
    usize::try_from(number)
        .ok()
        .filter(|count| *count > 0)
        .ok_or_else(|| Fault::argument(format!("{argument} must be at least 1, not {number}")))
}
