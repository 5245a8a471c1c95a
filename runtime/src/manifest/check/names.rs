//! Names that mean two things.

use std::collections::BTreeSet;

use crate::expression::NAMED_ROOTS;

use super::super::code;
use super::super::diagnostic::{Diagnostic, Severity};
use super::super::model::{Step, StepAction, Workflow};
use super::super::reader::Report;

/// Warns about variables and loop names that hide, or are hidden by, a name of the expression language, and refuses
/// secrets declared twice.
pub(super) fn check(workflow: &Workflow, report: &Report) {
    for (name, _) in &workflow.variables {
        root(
            name,
            "variable",
            &format!("$.spec.context.variables.{name}"),
            report,
        );
    }
    steps(&workflow.steps, report);
    let mut seen = BTreeSet::new();
    for (position, secret) in workflow.secrets.iter().enumerate() {
        if !seen.insert(secret.name.as_str()) {
            report.push(
                Diagnostic::new(
                    code::AMBIGUOUS_NAME,
                    Severity::Error,
                    format!("the secret `{}` is declared twice", secret.name),
                )
                .at_path(format!("$.spec.context.secrets[{position}]")),
            );
        }
    }
}

fn steps(list: &[Step], report: &Report) {
    for step in list {
        if let Some(name) = &step.output.to {
            root(
                name,
                "variable",
                &format!("{}.output.to", step.path),
                report,
            );
        }
        match &step.action {
            StepAction::Parallel(inner) => steps(inner, report),
            StepAction::Conditional {
                branches,
                otherwise,
            } => {
                for branch in branches {
                    steps(&branch.steps, report);
                }
                steps(otherwise, report);
            }
            StepAction::Loop(repeat) => {
                for (field, name, own) in [
                    ("as", &repeat.item, "item"),
                    ("index", &repeat.index, "index"),
                ] {
                    if name != own {
                        root(
                            name,
                            "loop variable",
                            &format!("{}.loop.{field}", step.path),
                            report,
                        );
                    }
                }
                steps(&repeat.steps, report);
            }
            _ => {}
        }
    }
}

fn root(name: &str, what: &str, path: &str, report: &Report) {
    if NAMED_ROOTS.contains(&name) {
        report.push(
            Diagnostic::new(
                code::AMBIGUOUS_NAME,
                Severity::Warning,
                format!("the {what} `{name}` has a name that expressions already give a meaning"),
            )
            .with_help("give it another name")
            .at_path(path),
        );
    }
}
