//! What a step does: the kinds of OSSA, and the other ways manifests say the same.

use std::sync::Arc;

use crate::expression::{Expression, Template};

use super::super::code;
use super::super::model::{Execution, ExecutionKind, Step, StepAction, Task};
use super::super::reader::{Fields, Part};
use super::{control, reference, task, waiting};

/// The kind of step that `kind`, `type` or the other fields tell.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Task,
    Agent,
    Call,
    Parallel,
    Conditional,
    Switch,
    Decision,
    Loop,
    Approval,
    Human,
}

/// What the step does. A block that is an `if` takes the step's condition for its branch, and a loop over a single task
/// takes the step's input for that task.
pub(super) fn action(
    fields: &Fields<'_, '_>,
    id: &str,
    condition: &mut Option<Expression>,
    input: &mut Option<Template>,
) -> Option<StepAction> {
    let kind = kind(fields)?;
    match kind {
        Kind::Parallel => Some(control::parallel(fields)),
        Kind::Conditional => control::conditional(fields, condition),
        Kind::Switch => control::switch(fields),
        Kind::Decision => control::decision(fields, condition),
        Kind::Loop => control::repeat(fields, |fields| single(fields, id, input)),
        Kind::Approval => {
            fields.known(&["metadata", "timeout_hours"]);
            Some(StepAction::Approval(Box::new(waiting::approval(fields))))
        }
        Kind::Human => {
            fields.known(&["metadata", "due_date", "timeout_hours"]);
            let mut task = match fields.get("inline") {
                Some(part) => task::inline(&part, fields.report)?,
                None => Task::default(),
            };
            let execution = Execution {
                kind: ExecutionKind::Human,
                ..Execution::default()
            };
            task.execution.get_or_insert(execution);
            task.waiting
                .get_or_insert_with(|| Box::new(waiting::human(fields)));
            Some(StepAction::Inline(Arc::new(task)))
        }
        Kind::Agent => agent(fields),
        Kind::Task | Kind::Call => task_or_call(fields),
    }
}

fn kind(fields: &Fields<'_, '_>) -> Option<Kind> {
    let report = fields.report;
    let has = |names: &[&str]| {
        names.iter().any(|name| {
            fields
                .part
                .value
                .get(name)
                .is_some_and(|value| !value.is_null())
        })
    };
    let said = fields.get("type");
    let Some(part) = fields.get("kind").or(said.clone()) else {
        return Some(implied(&has));
    };
    let name = part.text(report)?;
    let kind = match name {
        "Task" | "task" => Kind::Task,
        "Agent" | "agent" => Kind::Agent,
        "Workflow" | "workflow" | "subflow" => Kind::Call,
        "Parallel" | "parallel" => Kind::Parallel,
        "Conditional" | "conditional" => Kind::Conditional,
        "switch" => Kind::Switch,
        "decision" => Kind::Decision,
        "Loop" | "loop" | "for-each" | "for_each" | "foreach" => Kind::Loop,
        "approval" | "Approval" => Kind::Approval,
        "human" | "Human" => Kind::Human,
        other => {
            report.push(
                part.error(code::UNKNOWN_VALUE, format!("`{other}` is no kind of step"))
                    .with_help("use `Task`, `Agent`, `Parallel`, `Conditional` or `Loop`"),
            );
            return None;
        }
    };
    if fields.get("kind").is_none()
        && let (Some(part), Some(proper)) = (said, proper_name(kind))
    {
        report.push(
            part.key_warning(
                code::ALIAS,
                format!("`type: {name}` is called `kind: {proper}` in OSSA"),
            )
            .with_help(format!("write `kind: {proper}`")),
        );
    }
    // A task with branches is meant as a condition.
    if kind == Kind::Task && has(&["branches"]) {
        return Some(Kind::Conditional);
    }
    Some(kind)
}

/// What OSSA calls the kind; it has no waiting steps.
fn proper_name(kind: Kind) -> Option<&'static str> {
    match kind {
        Kind::Task => Some("Task"),
        Kind::Agent => Some("Agent"),
        Kind::Parallel => Some("Parallel"),
        Kind::Conditional | Kind::Switch | Kind::Decision => Some("Conditional"),
        Kind::Loop => Some("Loop"),
        Kind::Call | Kind::Approval | Kind::Human => None,
    }
}

fn implied(has: &dyn Fn(&[&str]) -> bool) -> Kind {
    if has(&["agent", "agentRef", "agent_ref"]) {
        Kind::Agent
    } else if has(&["branches"]) {
        Kind::Conditional
    } else if has(&["cases"]) {
        Kind::Switch
    } else if has(&["on_true", "on_false"]) {
        Kind::Decision
    } else if has(&["parallel"]) {
        Kind::Parallel
    } else if has(&["loop"]) {
        Kind::Loop
    } else if has(&["approvers"]) {
        Kind::Approval
    } else if has(&["steps"]) && !has(&["ref", "inline", "task", "task_ref"]) {
        Kind::Conditional
    } else {
        Kind::Task
    }
}

fn agent(fields: &Fields<'_, '_>) -> Option<StepAction> {
    let report = fields.report;
    let inline = fields.get("inline");
    if let Some(part) = &inline {
        part.object(report)?;
    }
    let target = fields.any("ref", &["agent", "agentRef", "agent_ref"]);
    let reference = match &target {
        Some(part) => Some(reference::reference(part, report)?),
        None => None,
    };
    if reference.is_none() && inline.is_none() {
        fields.missing("ref");
        return None;
    }
    Some(StepAction::Agent {
        reference,
        inline: inline.map(|part| Box::new(part.value.clone())),
    })
}

fn task_or_call(fields: &Fields<'_, '_>) -> Option<StepAction> {
    let report = fields.report;
    // `task: {…}` is a definition unless it refers to one; with a prompt it is for a model.
    let definition = fields.get("task").filter(|part| is_definition(part));
    if let Some(part) = definition
        .as_ref()
        .filter(|part| part.value.get("prompt").is_some())
    {
        report.push(
            part.key_warning(
                code::ALIAS,
                "a task with a prompt is an inline agent in OSSA",
            )
            .with_help("write `kind: Agent` and `inline: {…}`"),
        );
        return Some(StepAction::Agent {
            reference: None,
            inline: Some(Box::new(part.value.clone())),
        });
    }
    let inline = fields.get("inline").or(definition.clone());
    let target = if definition.is_some() {
        fields.any("ref", &["task_ref", "taskRef"])
    } else {
        fields.any("ref", &["task", "task_ref", "taskRef"])
    };
    if let Some(part) = target {
        if let Some(inline) = &inline {
            report.push(inline.key_warning(
                code::IGNORED_FIELD,
                "the inline task is ignored because `ref` is given, too",
            ));
        }
        return Some(StepAction::Call(reference::reference(&part, report)?));
    }
    if let Some(part) = inline {
        return Some(StepAction::Inline(Arc::new(task::inline(&part, report)?)));
    }
    // The steps of a small sequence name an action; otherwise a handler is bound to the step's id.
    let capability = fields
        .any("action", &["capability", "uses"])
        .and_then(|part| part.text(report));
    Some(StepAction::Inline(Arc::new(Task {
        capabilities: capability.map(str::to_owned).into_iter().collect(),
        ..Task::default()
    })))
}

fn is_definition(part: &Part<'_>) -> bool {
    part.value.is_object() && part.value.get("ref").is_none() && part.value.get("name").is_none()
}

/// The body of a loop that names a task instead of steps.
fn single(fields: &Fields<'_, '_>, id: &str, input: &mut Option<Template>) -> Option<Step> {
    let action = if ["agent", "agentRef", "agent_ref"]
        .iter()
        .any(|name| fields.part.value.get(name).is_some())
    {
        agent(fields)?
    } else {
        task_or_call(fields)?
    };
    Some(Step {
        input: input.take(),
        path: fields.part.path.to_string(),
        ..Step::new(format!("{id}-each"), action)
    })
}
