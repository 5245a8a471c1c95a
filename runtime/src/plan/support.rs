//! Constructs that the model knows and this version does not run: each is refused by name.

use super::{Construct, PlanError};
use crate::manifest::model::{Reference, Step, StepAction, Task};

/// Refuses what a step asks for, its task apart.
pub(super) fn step(step: &Step, waited_for_wholly: bool, errors: &mut Vec<PlanError>) {
    let mut refuse = |construct| errors.push(unsupported(construct, Some(&step.id), &step.path));
    if waited_for_wholly && step.is_async {
        refuse(Construct::AsyncInLoop);
    }
    match &step.action {
        StepAction::Agent { .. } => refuse(Construct::Agent),
        StepAction::Parallel(_) | StepAction::Conditional { .. } | StepAction::Loop(_) => {
            block(step, &mut refuse);
        }
        StepAction::Inline(_) | StepAction::Call(_) | StepAction::Approval(_) => {}
    }
}

/// Refuses what a block has no use for.
fn block(step: &Step, refuse: &mut impl FnMut(Construct)) {
    if step.retry.is_some() {
        refuse(Construct::BlockRetry);
    }
    if step.timeout.is_some() {
        refuse(Construct::BlockTimeout);
    }
}

/// Refuses what a task asks for.
pub(super) fn task(task: &Task, step: Option<&Step>, path: &str, errors: &mut Vec<PlanError>) {
    let id = step.map(|step| step.id.as_str());
    let mut refuse = |construct| errors.push(unsupported(construct, id, path));
    if task.waiting.is_some() && (task.batch.is_some() || !task.steps.is_empty()) {
        refuse(Construct::WaitOfSteps);
    } else if task.batch.is_some() && !task.steps.is_empty() {
        refuse(Construct::BatchOfSteps);
    }
    if task.steps.is_empty() {
        return;
    }
    let execution = task.execution.as_ref();
    if execution.is_some_and(|execution| execution.entrypoint.is_some()) {
        refuse(Construct::StepsAndEntrypoint);
    }
    if execution.is_some_and(|execution| execution.timeout.is_some()) {
        refuse(Construct::BlockTimeout);
    }
    if let Some(step) = step {
        block(step, &mut refuse);
    }
}

/// Whether a reference has to be resolved at run time.
pub(super) fn is_dynamic(reference: &Reference) -> bool {
    reference.0.contains("{{") || reference.0.contains("${")
}

pub(super) fn unsupported(construct: Construct, step: Option<&str>, path: &str) -> PlanError {
    PlanError::Unsupported {
        step: step.map(str::to_owned),
        path: path.to_owned(),
        construct,
    }
}
