//! Steps: what they are called, when they run, what they take and give.

use std::collections::HashMap;

use super::super::code;
use super::super::model::{ClosePolicy, OutputBinding, Step};
use super::super::reader::{Fields, Part, Report};
use super::{action, errors, expression, metadata, retry, time};

/// A list of steps, in document order.
pub(super) fn steps(part: &Part<'_>, report: &Report) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut beside = Vec::new();
    for (position, element) in part.list(report).iter().enumerate() {
        if !report.count_step(element) {
            break;
        }
        let Some(step) = read(element, position, report) else {
            continue;
        };
        let fields = Fields::of(element, report);
        beside.push(fields.get("parallel_with").and_then(|part| {
            let id = part.text(report)?;
            Some((id.to_owned(), part))
        }));
        steps.push(step);
    }
    resolve_parallel_with(&mut steps, &beside, report);
    steps
}

/// A step that stands alone, such as a compensation.
pub(super) fn step(part: &Part<'_>, report: &Report) -> Option<Step> {
    report.count_step(part).then_some(())?;
    read(part, 0, report)
}

fn read(part: &Part<'_>, position: usize, report: &Report) -> Option<Step> {
    part.object(report)?;
    let fields = Fields::of(part, report);
    let name = fields.get("name").and_then(|part| part.scalar_text(report));
    let id = id(&fields, name.as_deref(), position)?;
    let mut condition = fields
        .any("condition", &["when", "if"])
        .and_then(|part| expression::condition(&part, report));
    let mut input = fields
        .any("input", &["inputs"])
        .and_then(|part| expression::template(&part, report));
    let (on_error, continue_on_error) = errors::of_step(&fields);
    let action = action::action(&fields, &id, &mut condition, &mut input)?;
    let timeout = match fields.any("timeout_seconds", &["timeout"]) {
        Some(part) => time::with_unit(&part, report),
        None => fields
            .get("timeout_hours")
            .and_then(|part| time::hours(&part, report)),
    };
    let close = fields
        .any("close_policy", &["parent_close_policy"])
        .and_then(|part| close_policy(&part, report));
    let step = Step {
        depends_on: fields
            .any("depends_on", &["dependsOn", "needs"])
            .map(|part| part.texts(report)),
        output: output(&fields),
        retry: fields
            .any("retry", &["retry_policy"])
            .and_then(|part| retry::policy(&part, report)),
        is_async: fields.boolean("async").unwrap_or(false),
        labels: fields
            .get("labels")
            .map(|part| metadata::pairs(&part, report))
            .unwrap_or_default(),
        path: part.path.to_string(),
        id,
        name,
        action,
        condition,
        input,
        timeout,
        close,
        continue_on_error,
        on_error,
    };
    fields.known(&["description", "parallel_with"]);
    fields.ignore_rest();
    Some(step)
}

/// What becomes of a run that the step started; other engines' names for the same are understood.
fn close_policy(part: &Part<'_>, report: &Report) -> Option<ClosePolicy> {
    let name = part.text(report)?;
    let policy = match name {
        "cancel" | "request_cancel" => ClosePolicy::Cancel,
        "abort" | "terminate" => ClosePolicy::Abort,
        "abandon" => ClosePolicy::Abandon,
        _ => {
            report.push(
                part.error(code::UNKNOWN_VALUE, format!("`{name}` is no close policy"))
                    .with_help("use `cancel`, `abort` or `abandon`"),
            );
            return None;
        }
    };
    Some(policy)
}

/// The id, or one made of the name or of the position.
fn id(fields: &Fields<'_, '_>, name: Option<&str>, position: usize) -> Option<String> {
    let report = fields.report;
    if let Some(part) = fields.get("id") {
        let id = part.scalar_text(report)?;
        if id.trim().is_empty() {
            report.push(part.error(code::BAD_NAME, "the id is empty"));
            return None;
        }
        if !is_step_id(&id) {
            report.push(
                part.warning(
                    code::BAD_NAME,
                    format!("the id `{id}` is not written as OSSA asks; it is used"),
                )
                .with_help("use lower-case letters, digits, `_` and `-`, beginning with a letter"),
            );
        }
        return Some(id);
    }
    let id = name
        .map(slug)
        .filter(|slug| !slug.is_empty())
        .unwrap_or_else(|| format!("step-{}", position + 1));
    report.push(
        fields
            .part
            .warning(
                code::DERIVED_ID,
                format!("the step has no `id`; `{id}` is used"),
            )
            .with_help(format!("add `id: {id}`"))
            .at_mark(fields.part.marks.head()),
    );
    Some(id)
}

fn is_step_id(id: &str) -> bool {
    id.starts_with(|first: char| first.is_ascii_lowercase())
        && id.bytes().all(|byte| {
            byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'_' | b'-')
        })
}

/// Lower-case letters, digits, `_` and single dashes of `name`.
fn slug(name: &str) -> String {
    let mut slug = String::with_capacity(name.len());
    for character in name.trim().chars() {
        if character.is_ascii_alphanumeric() || character == '_' {
            slug.push(character.to_ascii_lowercase());
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
    }
    slug.truncate(slug.trim_end_matches('-').len());
    slug
}

fn output(fields: &Fields<'_, '_>) -> OutputBinding {
    let report = fields.report;
    let mut binding = OutputBinding::default();
    if let Some(part) = fields.get("output") {
        let inner = part.value.get("to").is_some() || part.value.get("fields").is_some();
        if inner {
            let inner = Fields::of(&part, report);
            binding.to = inner.text("to");
            binding.fields = inner
                .get("fields")
                .map(|part| part.texts(report))
                .unwrap_or_default();
            inner.ignore_rest();
        } else {
            types_only(&part, "output", report);
        }
    }
    if let Some(part) = fields.get("outputs") {
        types_only(&part, "outputs", report);
    }
    if let Some(part) = fields.get("output_mapping") {
        part.object(report);
        binding.mapping = part
            .members()
            .filter_map(|(name, part)| {
                Some((name.to_owned(), expression::template(&part, report)?))
            })
            .collect();
    }
    binding
}

/// Many manifests list the types of a step's output where OSSA maps it.
fn types_only(part: &Part<'_>, name: &str, report: &Report) {
    report.push(
        part.key_warning(code::IGNORED_FIELD, format!("`{name}` maps nothing: it has neither `to` nor `fields`; it is ignored"))
            .with_help("the whole output is `steps.<id>.output` anyway; to keep it in a variable write `output: {to: name}`"),
    );
}

/// A step beside another waits for what the other waits for.
fn resolve_parallel_with(
    steps: &mut [Step],
    beside: &[Option<(String, Part<'_>)>],
    report: &Report,
) {
    if beside.iter().all(Option::is_none) {
        return;
    }
    let positions: HashMap<String, usize> = steps
        .iter()
        .enumerate()
        .map(|(position, step)| (step.id.clone(), position))
        .collect();
    for position in 0..steps.len() {
        let Some(Some((first, part))) = beside.get(position) else {
            continue;
        };
        if steps
            .get(position)
            .is_none_or(|step| step.depends_on.is_some())
        {
            continue;
        }
        // Follow `parallel_with` of the other step in turn, at most once round all of them.
        let mut target = positions.get(first).copied();
        for _ in 0..steps.len() {
            let Some(Some((next, _))) = target.and_then(|target| beside.get(target)) else {
                break;
            };
            if target
                .and_then(|target| steps.get(target))
                .is_some_and(|step| step.depends_on.is_some())
            {
                break;
            }
            target = positions.get(next).copied();
        }
        let Some(target) = target else {
            report.push(
                part.error(
                    code::UNKNOWN_STEP,
                    format!("`parallel_with` names `{first}`, which is no step beside this one"),
                )
                .with_help("name the id of a step of the same list"),
            );
            continue;
        };
        let shared = match steps.get(target).map(|step| step.depends_on.clone()) {
            Some(Some(depends_on)) => depends_on,
            _ => target
                .checked_sub(1)
                .and_then(|before| steps.get(before))
                .map(|step| vec![step.id.clone()])
                .unwrap_or_default(),
        };
        if let Some(step) = steps.get_mut(position) {
            step.depends_on = Some(shared.into_iter().filter(|id| *id != step.id).collect());
        }
    }
}
