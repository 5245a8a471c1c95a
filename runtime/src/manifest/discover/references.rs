//! The references a manifest makes.

use std::sync::Arc;

use super::super::code;
use super::super::diagnostic::{Diagnostic, Severity};
use super::super::load::Level;
use super::super::model::{Body, Manifest, Reference, Step, StepAction, StepErrorAction, Task};
use super::error::CatalogError;

type Resolve<'r> = &'r dyn Fn(&Reference) -> Result<Arc<Manifest>, CatalogError>;

/// Each reference that leads to no manifest.
pub(super) fn check(manifest: &Manifest, level: Level, resolve: Resolve<'_>) -> Vec<Diagnostic> {
    let mut references = Vec::new();
    match &manifest.body {
        Body::Task(task) => of_task(task, "$.spec", &mut references),
        Body::Workflow(workflow) => {
            of_steps(&workflow.steps, &mut references);
            of_steps(&workflow.compensation, &mut references);
        }
        Body::MessageRouting(_) | Body::Agent(_) => {}
    }
    references
        .into_iter()
        .filter_map(|(reference, path)| {
            let error = resolve(reference).err()?;
            // A run evaluates these before it looks for them.
            if matches!(error, CatalogError::Dynamic { .. }) {
                return None;
            }
            let severity = match (&error, level) {
                (CatalogError::Unresolved { .. }, Level::Lenient) => Severity::Warning,
                _ => Severity::Error,
            };
            Some(diagnostic(&error, severity).at_path(path))
        })
        .collect()
}

fn diagnostic(error: &CatalogError, severity: Severity) -> Diagnostic {
    let diagnostic = Diagnostic::new(error.code(), severity, error.to_string());
    match error.code() {
        code::UNRESOLVED_REFERENCE => {
            diagnostic.with_help("add the manifest below a root, or name an existing one; a handler bound to the step does, too")
        }
        code::ESCAPING_REFERENCE => diagnostic.with_help("move the file below a manifest root, or add a root"),
        _ => diagnostic,
    }
}

fn of_task<'m>(task: &'m Task, path: &str, references: &mut Vec<(&'m Reference, String)>) {
    if let Some(fallback) = &task.fallback {
        references.push((fallback, format!("{path}.error_handling.fallback_task")));
    }
    for (position, dependency) in task.dependencies.iter().enumerate() {
        if !dependency.optional {
            references.push((
                &dependency.reference,
                format!("{path}.dependencies[{position}].ref"),
            ));
        }
    }
    of_steps(&task.steps, references);
}

fn of_steps<'m>(steps: &'m [Step], references: &mut Vec<(&'m Reference, String)>) {
    for step in steps {
        match &step.action {
            StepAction::Call(reference)
            | StepAction::Agent {
                reference: Some(reference),
                ..
            } => references.push((reference, format!("{}.ref", step.path))),
            StepAction::Inline(task) => of_task(task, &format!("{}.inline", step.path), references),
            StepAction::Parallel(inner) => of_steps(inner, references),
            StepAction::Conditional {
                branches,
                otherwise,
            } => {
                for branch in branches {
                    of_steps(&branch.steps, references);
                }
                of_steps(otherwise, references);
            }
            StepAction::Loop(repeat) => of_steps(&repeat.steps, references),
            StepAction::Agent {
                reference: None, ..
            }
            | StepAction::Approval(_) => {}
        }
        if let Some(StepErrorAction::Compensate(undo)) = &step.on_error {
            of_steps(std::slice::from_ref(undo), references);
        }
    }
}
