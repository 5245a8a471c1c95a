//! Steps that are named: in `depends_on`, in `goto`, in expressions.

use crate::expression::References;

use super::super::code;
use super::super::diagnostic::{Diagnostic, Severity};
use super::super::model::{Step, StepAction, StepErrorAction, Workflow};
use super::super::reader::{Report, nearest};
use super::index::Index;

/// Every named step of a workflow exists.
pub(super) fn check(index: &Index<'_>, workflow: &Workflow, report: &Report) {
    steps(index, report);
    for (name, template) in &workflow.variables {
        known(
            index,
            &template.references(),
            &format!("$.spec.context.variables.{name}"),
            report,
        );
    }
    for (name, template) in &workflow.output {
        known(
            index,
            &template.references(),
            &format!("$.spec.output.{name}"),
            report,
        );
    }
    let declared: Vec<&str> = workflow
        .secrets
        .iter()
        .map(|secret| secret.name.as_str())
        .collect();
    if !declared.is_empty() {
        for entry in &index.steps {
            secrets(entry.step, &declared, report);
        }
    }
}

/// Every step named by a step exists.
pub(super) fn steps(index: &Index<'_>, report: &Report) {
    for entry in &index.steps {
        let step = entry.step;
        for (position, target) in step.depends_on.iter().flatten().enumerate() {
            if index.find(target).is_none() {
                let path = format!("{}.depends_on[{position}]", step.path);
                push_unknown(index, target, &path, report);
            }
        }
        if let Some(StepErrorAction::Goto(target)) = &step.on_error
            && index.find(target).is_none()
        {
            push_unknown(
                index,
                target,
                &format!("{}.on_error.goto", step.path),
                report,
            );
        }
        for (field, references) in fields(step) {
            known(index, &references, &format!("{}{field}", step.path), report);
        }
    }
}

/// The fields of a step that hold expressions, with what they refer to. Inner steps have their own.
pub(super) fn fields(step: &Step) -> Vec<(String, References)> {
    let mut fields = Vec::new();
    if let Some(condition) = &step.condition {
        fields.push((".condition".to_owned(), condition.references()));
    }
    if let Some(input) = &step.input {
        fields.push((".input".to_owned(), input.references()));
    }
    for (name, template) in &step.output.mapping {
        fields.push((format!(".output_mapping.{name}"), template.references()));
    }
    match &step.action {
        StepAction::Conditional { branches, .. } => {
            for (position, branch) in branches.iter().enumerate() {
                fields.push((
                    format!(".branches[{position}].condition"),
                    branch.condition.references(),
                ));
            }
        }
        StepAction::Loop(repeat) => {
            fields.push((".loop.over".to_owned(), repeat.over.references()));
            if let Some(parallelism) = &repeat.parallelism {
                fields.push((".loop.parallelism".to_owned(), parallelism.references()));
            }
        }
        _ => {}
    }
    fields
}

fn known(index: &Index<'_>, references: &References, path: &str, report: &Report) {
    for id in &references.steps {
        if index.find(id).is_none() {
            push_unknown(index, id, path, report);
        }
    }
    let count = index.lists.first().map_or(0, |list| list.steps.len());
    for position in &references.step_positions {
        if *position >= count {
            push_unknown(index, &format!("steps[{position}]"), path, report);
        }
    }
}

fn push_unknown(index: &Index<'_>, id: &str, path: &str, report: &Report) {
    if report.is_full(Severity::Error) {
        return;
    }
    let diagnostic = Diagnostic::new(
        code::UNKNOWN_STEP,
        Severity::Error,
        format!("there is no step `{id}`"),
    );
    let ids = index.ids();
    let help = match nearest(id, &ids) {
        Some(id) => format!("did you mean `{id}`?"),
        None if ids.len() <= 12 => format!("the steps are {}", list(&ids)),
        None => "name the id of a step of this document".to_owned(),
    };
    report.push(diagnostic.with_help(help).at_path(path));
}

fn list(ids: &[&str]) -> String {
    let quoted: Vec<String> = ids.iter().map(|id| format!("`{id}`")).collect();
    quoted.join(", ")
}

fn secrets(step: &Step, declared: &[&str], report: &Report) {
    for (field, references) in fields(step) {
        for name in &references.secrets {
            if name != "*" && !declared.contains(&name.as_str()) {
                report.push(
                    Diagnostic::new(
                        code::UNKNOWN_VALUE,
                        Severity::Warning,
                        format!("the secret `{name}` is not one of `context.secrets`"),
                    )
                    .with_help("declare it there, so that the host knows where to find it")
                    .at_path(format!("{}{field}", step.path)),
                );
            }
        }
    }
}
