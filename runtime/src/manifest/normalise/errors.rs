//! What a failure means: of a task, of a step, of a workflow.

use serde_json::Value;

use crate::policy::RetryPolicy;

use super::super::code;
use super::super::model::{Notification, OnFailure, Reference, StepErrorAction, TaskErrorAction};
use super::super::reader::{Fields, Part, Report};
use super::{reference, retry, step};

/// What a task says about errors, in `error_handling` and beside it.
#[derive(Default)]
pub(super) struct TaskErrors {
    pub(super) action: TaskErrorAction,
    pub(super) fallback: Option<Reference>,
    pub(super) mapping: Vec<(String, TaskErrorAction)>,
    pub(super) retry: Option<RetryPolicy>,
}

/// `error_handling` of a task, and `on_error` where it stands directly below `spec`.
pub(super) fn of_task(spec: &Fields<'_, '_>) -> TaskErrors {
    let report = spec.report;
    let mut errors = TaskErrors::default();
    for part in [spec.get("error_handling"), spec.get("on_error")]
        .into_iter()
        .flatten()
    {
        if part.value.is_string() {
            errors.action = task_action(&part, report).unwrap_or_default();
            continue;
        }
        if part.object(report).is_none() {
            continue;
        }
        let fields = Fields::of(&part, report);
        if let Some(part) = fields.any("on_error", &["strategy", "on_failure", "action"]) {
            errors.action = task_action(&part, report).unwrap_or_default();
        }
        // `fallback` may describe what to log instead of naming a task; then it is no field of ours.
        let names_task = part.value.get("fallback").is_none_or(Value::is_string);
        let aliases: &[&'static str] = if names_task { &["fallback"] } else { &[] };
        if let Some(part) = fields.any("fallback_task", aliases) {
            errors.fallback = reference::reference(&part, report);
        }
        if let Some(part) = fields.get("error_mapping") {
            part.object(report);
            errors.mapping.extend(
                part.members().filter_map(|(code, part)| {
                    Some((code.to_owned(), task_action(&part, report)?))
                }),
            );
        }
        errors.retry = match fields.any("retry", &["retry_policy"]) {
            Some(part) => retry::policy(&part, report),
            None => retry::beside(&fields),
        }
        .or(errors.retry);
        fields.ignore_rest();
    }
    let wants_fallback = errors.action == TaskErrorAction::Fallback
        || errors
            .mapping
            .iter()
            .any(|(_, action)| *action == TaskErrorAction::Fallback);
    if wants_fallback && errors.fallback.is_none() {
        let place = spec.get("error_handling").or_else(|| spec.get("on_error"));
        let place = place.as_ref().unwrap_or(&spec.part);
        report.push(
            place
                .error(
                    code::MISSING_FIELD,
                    "`fallback_task` is missing: `fallback` needs a task to run",
                )
                .with_help("name the task, or use `fail`, `retry` or `ignore`"),
        );
    }
    errors
}

fn task_action(part: &Part<'_>, report: &Report) -> Option<TaskErrorAction> {
    let name = part.text(report)?;
    let (action, proper) = match name {
        "fail" => return Some(TaskErrorAction::Fail),
        "retry" => return Some(TaskErrorAction::Retry),
        "fallback" => return Some(TaskErrorAction::Fallback),
        "ignore" => return Some(TaskErrorAction::Ignore),
        "continue" | "log_and_continue" | "skip" => (TaskErrorAction::Ignore, "ignore"),
        "rollback" | "halt" | "abort" => (TaskErrorAction::Fail, "fail"),
        _ => {
            report.push(
                part.error(
                    code::UNKNOWN_VALUE,
                    format!("`{name}` is no answer to an error"),
                )
                .with_help("use `fail`, `retry`, `fallback` or `ignore`"),
            );
            return None;
        }
    };
    report.push(
        part.warning(
            code::ALIAS,
            format!("`{name}` is called `{proper}` in OSSA"),
        )
        .with_help(format!("write `{proper}`")),
    );
    Some(action)
}

/// `on_error`, `on_failure` and `error_handling` of a step: the action, and whether the run goes on.
pub(super) fn of_step(fields: &Fields<'_, '_>) -> (Option<StepErrorAction>, bool) {
    let report = fields.report;
    let mut goes_on = fields.boolean("continue_on_error").unwrap_or(false);
    let mut action = fields
        .get("on_error")
        .and_then(|part| step_action(&part, report));
    if let Some(part) = fields.get("on_failure") {
        report.push(
            part.key_warning(
                code::ALIAS,
                "`on_failure` of a step is called `on_error` in OSSA",
            )
            .with_help("write `on_error: {action: …}`"),
        );
        action = action.or_else(|| step_action(&part, report));
    }
    if let Some(part) = fields.get("error_handling")
        && part.object(report).is_some()
    {
        let inner = Fields::of(&part, report);
        if let Some(part) = inner.get("on_error") {
            match part.value.as_str() {
                Some("continue" | "ignore" | "log_and_continue") => {
                    report.push(
                        part.warning(
                            code::ALIAS,
                            "this is called `continue_on_error: true` in OSSA",
                        )
                        .with_help("write `continue_on_error: true` in the step"),
                    );
                    goes_on = true;
                }
                _ => action = action.or_else(|| step_action(&part, report)),
            }
        }
        inner.ignore_rest();
    }
    (action, goes_on)
}

fn step_action(part: &Part<'_>, report: &Report) -> Option<StepErrorAction> {
    if part.value.is_string() {
        return named_step_action(part, report);
    }
    part.object(report)?;
    let fields = Fields::of(part, report);
    let goto = fields.get("goto");
    let compensation = fields.get("compensation");
    let name = match fields.any("action", &["strategy", "type"]) {
        Some(part) => part.text(report)?,
        None if goto.is_some() => "goto",
        None if compensation.is_some() => "compensate",
        None => "fail",
    };
    fields.ignore_rest();
    match name {
        "goto" => match goto {
            Some(part) => Some(StepErrorAction::Goto(part.text(report)?.to_owned())),
            None => {
                fields.missing("goto");
                None
            }
        },
        "compensate" => match compensation {
            Some(part) => Some(StepErrorAction::Compensate(Box::new(step::step(
                &part, report,
            )?))),
            None => {
                fields.missing("compensation");
                None
            }
        },
        _ => fields
            .any("action", &["strategy", "type"])
            .map_or(Some(StepErrorAction::Fail), |part| {
                named_step_action(&part, report)
            }),
    }
}

fn named_step_action(part: &Part<'_>, report: &Report) -> Option<StepErrorAction> {
    match part.text(report)? {
        "fail" | "halt" | "rollback" => Some(StepErrorAction::Fail),
        "continue" | "ignore" => Some(StepErrorAction::Continue),
        other => {
            report.push(
                part.error(
                    code::UNKNOWN_VALUE,
                    format!("`{other}` is no answer of a step to an error"),
                )
                .with_help("use `fail`, `continue`, `goto` or `compensate`"),
            );
            None
        }
    }
}

/// What a workflow says about errors.
#[derive(Default)]
pub(super) struct WorkflowErrors {
    pub(super) on_failure: OnFailure,
    pub(super) compensation: Vec<super::super::model::Step>,
    pub(super) notification: Option<Notification>,
    pub(super) retry: Option<RetryPolicy>,
}

/// `error_handling` of a workflow.
pub(super) fn of_workflow(part: &Part<'_>, report: &Report) -> WorkflowErrors {
    let mut errors = WorkflowErrors::default();
    if part.object(report).is_none() {
        return errors;
    }
    let fields = Fields::of(part, report);
    let mut notified = Vec::new();
    if let Some(part) = fields.any("on_failure", &["strategy", "on_error"]) {
        match part.value {
            // A list of things to do: what it notifies is told, the rest decides.
            Value::Array(_) => {
                for element in part.elements() {
                    list_action(&element, &mut errors, &mut notified, report);
                }
            }
            _ => errors.on_failure = on_failure(&part, report).unwrap_or_default(),
        }
    }
    if let Some(part) = fields.any("compensation_steps", &["rollback_steps", "compensation"]) {
        errors.compensation = step::steps(&part, report);
    }
    errors.notification = fields
        .get("notification")
        .and_then(|part| notification(&part, report));
    if !notified.is_empty() {
        errors
            .notification
            .get_or_insert_default()
            .channels
            .extend(notified);
    }
    errors.retry = match fields.any("retry_policy", &["retry"]) {
        Some(part) => retry::policy(&part, report),
        None => retry::beside(&fields),
    };
    if let Some(part) = fields.get("on_step_failure") {
        match part.value.as_str() {
            Some("retry") => {
                errors.retry.get_or_insert_default();
            }
            _ => errors.on_failure = on_failure(&part, report).unwrap_or_default(),
        }
    }
    fields.ignore_rest();
    errors
}

fn list_action(
    part: &Part<'_>,
    errors: &mut WorkflowErrors,
    notified: &mut Vec<String>,
    report: &Report,
) {
    if part.value.is_string() {
        errors.on_failure = on_failure(part, report).unwrap_or_default();
        return;
    }
    for (action, part) in part.members() {
        match action {
            "notify" => {
                if errors.on_failure == OnFailure::Halt {
                    errors.on_failure = OnFailure::Notify;
                }
                notified.extend(part.texts(report));
            }
            other => report.push(
                part.error(
                    code::UNKNOWN_VALUE,
                    format!("`{other}` is no answer of a workflow to a failure"),
                )
                .with_help("use `on_failure: halt|continue|notify|compensate|rollback`"),
            ),
        }
    }
}

fn on_failure(part: &Part<'_>, report: &Report) -> Option<OnFailure> {
    let name = part.text(report)?;
    let (answer, proper) = match name {
        "halt" => return Some(OnFailure::Halt),
        "continue" => return Some(OnFailure::Continue),
        "rollback" => return Some(OnFailure::Rollback),
        "notify" => return Some(OnFailure::Notify),
        "compensate" | "compensation" => return Some(OnFailure::Compensate),
        "fail_fast" | "fail" | "stop" | "abort" => (OnFailure::Halt, "halt"),
        "ignore" => (OnFailure::Continue, "continue"),
        _ => {
            report.push(
                part.error(
                    code::UNKNOWN_VALUE,
                    format!("`{name}` is no answer of a workflow to a failure"),
                )
                .with_help("use `halt`, `continue`, `notify`, `compensate` or `rollback`"),
            );
            return None;
        }
    };
    report.push(
        part.warning(
            code::ALIAS,
            format!("`{name}` is called `{proper}` in OSSA"),
        )
        .with_help(format!("write `on_failure: {proper}`")),
    );
    Some(answer)
}

fn notification(part: &Part<'_>, report: &Report) -> Option<Notification> {
    part.object(report)?;
    let fields = Fields::of(part, report);
    let notification = Notification {
        channels: fields
            .any("channels", &["channel"])
            .map(|part| part.texts(report))
            .unwrap_or_default(),
        template: fields.text("template"),
    };
    fields.ignore_rest();
    Some(notification)
}
