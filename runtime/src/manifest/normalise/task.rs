//! Tasks: `kind: Task`, and tasks that stand inline in a step.

use super::super::code;
use super::super::model::{
    Assertion, Batch, Dependency, Execution, ExecutionKind, ItemErrorAction, Task,
};
use super::super::reader::{Fields, Part, Report};
use super::{errors, expression, reference, retry, schema, step, time, trigger, waiting};

/// The `spec` of `kind: Task`.
pub(super) fn task(part: &Part<'_>, report: &Report) -> Option<Task> {
    part.object(report)?;
    let fields = Fields::of(part, report);
    let task = fragment(&fields);
    let says_what_to_do =
        task.execution.is_some() || !task.steps.is_empty() || !task.capabilities.is_empty();
    if !says_what_to_do && part.value.get("execution").is_none() {
        report.push(
            part.error(
                code::MISSING_FIELD,
                "`execution` is missing: the task does not say what is called",
            )
            .with_help("add `execution: {type: deterministic, entrypoint: …}`, or `capabilities`")
            .at_mark(part.marks.head()),
        );
    }
    fields.known(&["observability", "description", "messaging"]);
    fields.ignore_rest();
    Some(task)
}

/// A task that stands in a step: everything is optional there.
pub(super) fn inline(part: &Part<'_>, report: &Report) -> Option<Task> {
    part.object(report)?;
    let fields = Fields::of(part, report);
    // A whole manifest may stand there, too.
    if let Some(spec) = fields.get("spec") {
        return inline(&spec, report);
    }
    let task = fragment(&fields);
    fields.known(&["observability", "description", "name"]);
    fields.ignore_rest();
    Some(task)
}

fn fragment(fields: &Fields<'_, '_>) -> Task {
    let report = fields.report;
    let execution_part = fields.get("execution");
    let execution_fields = execution_part.as_ref().map(|part| Fields::of(part, report));
    let mut execution = execution_fields.as_ref().and_then(execution);
    if let Some(part) = fields.get("timeout_seconds") {
        let timeout = time::timeout(&part, report);
        let execution = execution.get_or_insert_default();
        execution.timeout = execution.timeout.or(timeout);
    }
    let waiting = execution_fields.as_ref().and_then(|fields| {
        match execution.as_ref().map(|execution| execution.kind) {
            Some(ExecutionKind::Human) => Some(waiting::human(fields)),
            Some(ExecutionKind::EventWait) => waiting::event(fields),
            _ => None,
        }
    });
    let errors = errors::of_task(fields);
    // Batch and retry stand below `execution` in some manifests.
    let below = |name: &'static str| {
        execution_fields
            .as_ref()
            .and_then(|fields| fields.get(name))
    };
    let batch = fields.get("batch").or_else(|| below("batch"));
    let retry_part = fields.get("retry").or_else(|| below("retry"));
    if let Some(execution_fields) = &execution_fields {
        execution_fields.ignore_rest();
    }
    Task {
        execution,
        capabilities: fields
            .get("capabilities")
            .map(|part| capabilities(&part, report))
            .unwrap_or_default(),
        input: fields
            .any("input", &["inputs"])
            .and_then(|part| schema::schema(&part, report)),
        output: fields
            .any("output", &["outputs"])
            .and_then(|part| schema::schema(&part, report)),
        preconditions: assertions(fields, "preconditions"),
        postconditions: assertions(fields, "postconditions"),
        dependencies: dependencies(fields),
        condition: fields
            .any("condition", &["when"])
            .and_then(|part| expression::condition(&part, report)),
        retry: retry_part
            .and_then(|part| retry::policy(&part, report))
            .or(errors.retry),
        on_error: errors.action,
        fallback: errors.fallback,
        error_mapping: errors.mapping,
        batch: batch.and_then(|part| batch_settings(&part, report)),
        steps: fields
            .get("steps")
            .map(|part| step::steps(&part, report))
            .unwrap_or_default(),
        waiting: waiting.map(Box::new),
        triggers: trigger::triggers(fields),
        messaging: None,
    }
}

fn execution(fields: &Fields<'_, '_>) -> Option<Execution> {
    let report = fields.report;
    let kind = match fields.get("type") {
        None => ExecutionKind::Deterministic,
        Some(part) => execution_kind(&part, report)?,
    };
    let timeout = match fields.get("timeout_seconds") {
        Some(part) => time::timeout(&part, report),
        None => match fields.get("timeout_hours") {
            Some(part) => time::hours(&part, report),
            None => fields
                .get("timeout")
                .and_then(|part| time::with_unit(&part, report)),
        },
    };
    if matches!(kind, ExecutionKind::Human | ExecutionKind::EventWait) {
        fields.known(&["form", "due_date"]);
    }
    Some(Execution {
        kind,
        runtime: fields.text("runtime"),
        entrypoint: fields
            .any("entrypoint", &["handler"])
            .and_then(|part| part.text(report))
            .map(str::to_owned),
        timeout,
    })
}

fn execution_kind(part: &Part<'_>, report: &Report) -> Option<ExecutionKind> {
    match part.text(report)? {
        "deterministic" => Some(ExecutionKind::Deterministic),
        "idempotent" => Some(ExecutionKind::Idempotent),
        "transactional" => Some(ExecutionKind::Transactional),
        "human" => Some(ExecutionKind::Human),
        "event_wait" => Some(ExecutionKind::EventWait),
        other => {
            report.push(
                part.error(code::UNKNOWN_VALUE, format!("`{other}` is no known type of execution"))
                    .with_help("use `deterministic`, `idempotent` or `transactional`; `human` and `event_wait` wait"),
            );
            None
        }
    }
}

/// Names, or mappings with a name.
fn capabilities(part: &Part<'_>, report: &Report) -> Vec<String> {
    let mut names = Vec::new();
    for element in part.list(report) {
        let name = if element.value.is_object() {
            let fields = Fields::of(&element, report);
            match fields.any("name", &["id"]) {
                Some(part) => part.text(report),
                None => {
                    fields.missing("name");
                    None
                }
            }
        } else {
            element.text(report)
        };
        let Some(name) = name else {
            continue;
        };
        let is_plain = name.starts_with(|first: char| first.is_ascii_lowercase())
            && name
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
        if !is_plain {
            report.push(
                element
                    .warning(
                        code::BAD_NAME,
                        format!("the capability `{name}` is not written as OSSA asks; it is used"),
                    )
                    .with_help("use lower-case letters, digits and `_`, beginning with a letter"),
            );
        }
        if names.iter().any(|known| known == name) {
            report.push(element.warning(
                code::AMBIGUOUS_NAME,
                format!("the capability `{name}` stands twice"),
            ));
            continue;
        }
        names.push(name.to_owned());
    }
    names
}

fn assertions(fields: &Fields<'_, '_>, name: &'static str) -> Vec<Assertion> {
    let report = fields.report;
    let Some(part) = fields.get(name) else {
        return Vec::new();
    };
    part.list(report)
        .iter()
        .filter_map(|part| assertion(part, report))
        .collect()
}

/// A mapping with `expression`, or the expression alone.
fn assertion(part: &Part<'_>, report: &Report) -> Option<Assertion> {
    if !part.value.is_object() {
        return Some(Assertion {
            expression: expression::condition(part, report)?,
            message: None,
        });
    }
    let fields = Fields::of(part, report);
    let message = fields
        .any("error_message", &["message"])
        .and_then(|part| part.scalar_text(report));
    let condition = match fields.any("expression", &["condition"]) {
        Some(part) => expression::condition(&part, report),
        None => {
            fields.missing("expression");
            None
        }
    };
    fields.ignore_rest();
    Some(Assertion {
        expression: condition?,
        message,
    })
}

fn dependencies(fields: &Fields<'_, '_>) -> Vec<Dependency> {
    let report = fields.report;
    let Some(part) = fields.get("dependencies") else {
        return Vec::new();
    };
    part.list(report)
        .iter()
        .filter_map(|part| {
            if !part.value.is_object() {
                return Some(Dependency {
                    reference: reference::reference(part, report)?,
                    optional: false,
                });
            }
            let fields = Fields::of(part, report);
            fields.known(&["kind"]);
            let Some(target) = fields.any("ref", &["task", "agent", "name"]) else {
                fields.missing("ref");
                return None;
            };
            let optional = match fields.boolean("optional") {
                Some(optional) => optional,
                None => fields.boolean("required").is_some_and(|required| !required),
            };
            fields.ignore_rest();
            Some(Dependency {
                reference: reference::reference(&target, report)?,
                optional,
            })
        })
        .collect()
}

/// `batch`, unless it is switched off.
fn batch_settings(part: &Part<'_>, report: &Report) -> Option<Box<Batch>> {
    part.object(report)?;
    let fields = Fields::of(part, report);
    let enabled = fields.boolean("enabled");
    let parallelism = fields.get("parallelism").and_then(|part| {
        if !part.value.is_string() {
            time::positive(&part, report, "items")?;
        }
        expression::template(&part, report)
    });
    if let Some(part) = fields.get("chunk_size") {
        report.push(part.key_warning(
            code::IGNORED_FIELD,
            "`chunk_size` is ignored: items are handed out one by one, `parallelism` at a time",
        ));
    }
    let retry = match fields.get("retry") {
        Some(part) => retry::policy(&part, report),
        None => retry::beside(&fields),
    };
    let on_item_error = match fields.get("on_item_error") {
        Some(part) => item_error(&part, report),
        None => ItemErrorAction::Retry,
    };
    let items = fields
        .get("items")
        .and_then(|part| expression::template(&part, report));
    fields.known(&["backoff_seconds"]);
    fields.ignore_rest();
    if enabled.is_none() {
        report.push(
            part.key_warning(
                code::IGNORED_FIELD,
                "`batch` is ignored: it is off unless `enabled` is true",
            )
            .with_help("add `enabled: true`, or remove `batch`"),
        );
    }
    (enabled == Some(true)).then(|| {
        Box::new(Batch {
            items,
            parallelism,
            retry,
            on_item_error,
        })
    })
}

fn item_error(part: &Part<'_>, report: &Report) -> ItemErrorAction {
    match part.value.as_str() {
        Some("skip") => ItemErrorAction::Skip,
        Some("fail") => ItemErrorAction::Fail,
        Some("retry") => ItemErrorAction::Retry,
        _ => {
            report.push(
                part.error(
                    code::UNKNOWN_VALUE,
                    format!("`{}` is no answer to the error of an item", part.value),
                )
                .with_help("use `skip`, `fail` or `retry`"),
            );
            ItemErrorAction::Retry
        }
    }
}
