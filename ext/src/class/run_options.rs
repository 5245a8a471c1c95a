//! The arrays with which runs are found and removed, as the runtime's own types.

use std::time::Duration;

use ossa_runtime::engine::PruneRule;
use ossa_runtime::port::{Labels, Page, RunFilter, RunStatus, Timestamp};
use serde_json::Value;

use super::engine_options::run_id;
use crate::convert::argument::Table;
use crate::convert::options::Options;
use crate::error::Answer;

/// Some hundred thousand years from the epoch, in milliseconds.
const LATEST: u64 = 1 << 53;

/// What `runs()` was given.
pub(super) fn runs(filter: Table<'_>) -> Answer<(RunFilter, Page)> {
    let given = Options::read(
        "$filter of Engine::runs()",
        filter,
        &[
            "status",
            "workflow",
            "correlation_id",
            "labels",
            "created_from",
            "created_before",
            "updated_from",
            "updated_before",
            "after",
            "limit",
        ],
    )?;
    let mut statuses = Vec::new();
    for name in given.text_or_texts("status")? {
        let status = RunStatus::parse(&name).ok_or_else(|| {
            given
                .refuse("status", &format!("has \"{name}\", which is no status"))
                .with_help("use pending, running, waiting, paused, completed, failed, canceled or quarantined")
        })?;
        statuses.push(status);
    }
    let moment = |key| -> Answer<Option<Timestamp>> {
        let millis = given.integer(key, 0..=LATEST)?;
        let millis = millis.and_then(|millis| i64::try_from(millis).ok());
        Ok(millis.map(Timestamp::from_millis))
    };
    let limit = given.integer("limit", 1..=10_000)?.unwrap_or(100);
    Ok((
        RunFilter {
            statuses,
            workflow: given.text("workflow")?.map(str::to_owned),
            correlation_id: given.text("correlation_id")?.map(str::to_owned),
            labels: labels(&given)?,
            created_from: moment("created_from")?,
            created_before: moment("created_before")?,
            updated_from: moment("updated_from")?,
            updated_before: moment("updated_before")?,
        },
        Page {
            after: given.bytes("after")?.map(run_id).transpose()?,
            limit: usize::try_from(limit).unwrap_or(usize::MAX),
        },
    ))
}

/// The labels among the options.
pub(super) fn labels(given: &Options<'_>) -> Answer<Labels> {
    let labels = given.object("labels")?.unwrap_or_default();
    labels
        .into_iter()
        .map(|(name, value)| match value {
            Value::String(value) => Ok((name, value)),
            _ => Err(given.refuse(
                "labels",
                &format!("must map names to strings, but \"{name}\" is none"),
            )),
        })
        .collect()
}

/// What `prune()` was given.
pub(super) fn prune_rules(rules: Table<'_>) -> Answer<Vec<PruneRule>> {
    let statuses = [
        ("completed", RunStatus::Completed),
        ("failed", RunStatus::Failed),
        ("canceled", RunStatus::Canceled),
    ];
    let given = Options::read(
        "$rules of Engine::prune()",
        rules,
        &statuses.map(|(name, _)| name),
    )?;
    let mut rules = Vec::new();
    for (name, status) in statuses {
        let Some(rule) = given.nested(name, &["max_age_seconds", "max_count"])? else {
            continue;
        };
        let max_age = rule.integer("max_age_seconds", 0..=LATEST)?;
        rules.push(PruneRule {
            status,
            max_age: max_age.map(Duration::from_secs),
            max_count: rule.integer("max_count", 0..=LATEST)?,
        });
    }
    Ok(rules)
}
