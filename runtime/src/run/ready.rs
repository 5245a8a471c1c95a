//! A step whose dependencies are settled: run it, skip it, or find that it cannot begin.

use serde_json::{Map, Value};

use super::bounds::violations;
use super::data::Data;
use super::event::{Event, SkipReason};
use super::input::StepError;
use super::machine::{Machine, expression_error};
use super::names::Given;
use super::state::{Phase, Place};
use super::transition::Rejection;
use crate::manifest::model::TaskErrorAction;
use crate::plan::{Action, TaskCall, TaskInput};

/// What comes of a step's condition and input.
enum Prepared {
    Input(Value),
    Skip,
}

/// Why a step cannot begin.
struct Refused {
    error: StepError,
    /// The input, when there was one and the task did not take it.
    input: Option<Value>,
}

impl From<StepError> for Refused {
    fn from(error: StepError) -> Self {
        Self { error, input: None }
    }
}

impl Machine<'_> {
    /// Decides what becomes of a step whose dependencies are settled.
    pub(super) fn consider(&mut self, place: Place) -> Result<(), Rejection> {
        let step = self.step(place)?;
        if step.phase != Phase::Pending || step.unmet > 0 {
            return Ok(());
        }
        let kept = step.input.clone().map(Data::into_value);
        let to_skip = step.to_skip;
        let jumped_to = step.jumped_to;
        if let Some(reason) = self.kept_from_running(place)?.filter(|_| !jumped_to) {
            return self.skip(place, reason);
        }
        if to_skip {
            return self.skip(place, SkipReason::Operator);
        }
        if let Some(input) = kept {
            return self.begin(place, input);
        }
        match self.prepare(place)? {
            Ok(Prepared::Input(input)) => self.begin(place, input),
            Ok(Prepared::Skip) => self.skip(place, SkipReason::Condition),
            Err(refused) => self.refused(place, refused),
        }
    }

    /// A task or workflow waits for a free slot, a block opens at once: only attempts take slots.
    fn begin(&mut self, place: Place, input: Value) -> Result<(), Rejection> {
        match &self.node(place)?.action {
            Action::Task(_) | Action::Subflow(_) => self.ready(place, input),
            Action::Parallel(block) => self.open_block(place, input, *block),
            Action::Steps(steps) => self.open_block(place, input, steps.block),
            Action::Loop(repeat) => self.open_loop(place, input, repeat),
            Action::Wait(wait) => self.begin_wait(place, input, wait),
            Action::Conditional(branches) => self.open_branch(place, input, branches),
        }
    }

    /// A step that cannot begin fails without an attempt. A fallback gets the input that the task was refused.
    fn refused(&mut self, place: Place, refused: Refused) -> Result<(), Rejection> {
        let Refused { error, input } = refused;
        if self.task_action(place, &error)? == TaskErrorAction::Fallback
            && let Some(input) = input
        {
            self.ready(place, input)?;
        }
        self.settle_failure(place, error).map(drop)
    }

    fn ready(&mut self, place: Place, input: Value) -> Result<(), Rejection> {
        self.record(Event::StepReady {
            step: self.node(place)?.id.clone(),
            scope: place.scope.0,
            node: place.node.0,
            input,
        })
    }

    pub(super) fn skip(&mut self, place: Place, reason: SkipReason) -> Result<(), Rejection> {
        self.record(Event::StepSkipped {
            step: self.node(place)?.id.clone(),
            scope: place.scope.0,
            node: place.node.0,
            reason,
        })?;
        self.unblock_dependants(place);
        Ok(())
    }

    /// Why the outcome of a dependency keeps the step from running, if one does.
    fn kept_from_running(&self, place: Place) -> Result<Option<SkipReason>, Rejection> {
        let mut reason = None;
        for dependency in &self.node(place)?.depends_on {
            let phase = self
                .step(Place {
                    node: *dependency,
                    ..place
                })?
                .phase;
            match phase {
                Phase::Failed { continued: false }
                | Phase::Canceled
                | Phase::Skipped {
                    reason:
                        SkipReason::UpstreamFailed | SkipReason::RunEnded | SkipReason::BlockEnded,
                } => return Ok(Some(SkipReason::UpstreamFailed)),
                Phase::Skipped { .. } if self.plan.propagate_skips() => {
                    reason = Some(SkipReason::UpstreamSkipped);
                }
                _ => {}
            }
        }
        Ok(reason)
    }

    /// The condition, then the input.
    fn prepare(&mut self, place: Place) -> Result<Result<Prepared, Refused>, Rejection> {
        let node = self.node(place)?;
        let names = self.names_of_step(place, "condition");
        match node.condition.as_ref().map(|c| c.is_truthy(&names)) {
            Some(Ok(false)) => return Ok(Ok(Prepared::Skip)),
            Some(Err(error)) => return Ok(Err(expression_error("the condition", &error).into())),
            Some(Ok(true)) | None => {}
        }
        match node.task() {
            Some(task) => self.prepare_task(place, task),
            None => {
                let names = self.names_of_step(place, "input");
                let input = node.input.as_ref().map(|input| input.render(&names));
                Ok(match input {
                    None => Ok(Prepared::Input(Value::Object(Map::new()))),
                    Some(Ok(input)) => Ok(Prepared::Input(input)),
                    Some(Err(error)) => Err(expression_error("the input", &error).into()),
                })
            }
        }
    }

    /// Input with defaults, schema, preconditions: in this order.
    fn prepare_task(
        &mut self,
        place: Place,
        task: &TaskCall,
    ) -> Result<Result<Prepared, Refused>, Rejection> {
        let mut input = match &task.input {
            TaskInput::Empty => Value::Object(Map::new()),
            TaskInput::Run => self.state.start().input.clone().into_value(),
            TaskInput::Item => self.item_input(place),
            TaskInput::Rendered(template) => {
                match template.render(&self.names_of_step(place, "input")) {
                    Ok(input) => input,
                    Err(error) => return Ok(Err(expression_error("the input", &error).into())),
                }
            }
        };
        if let Some(schema) = &task.input_schema {
            schema.apply_defaults(&mut input);
        }
        let names = self.names_of_task(place, task, Given::Value(&input), "task condition");
        match task.condition.as_ref().map(|c| c.is_truthy(&names)) {
            Some(Ok(false)) => return Ok(Ok(Prepared::Skip)),
            Some(Err(error)) => {
                return Ok(Err(
                    expression_error("the condition of the task", &error).into()
                ));
            }
            Some(Ok(true)) | None => {}
        }
        let checked = self.check_input(place, task, &input)?;
        Ok(match checked {
            Ok(()) => Ok(Prepared::Input(input)),
            Err(error) => Err(Refused {
                error,
                input: Some(input),
            }),
        })
    }

    /// Whether a task may begin with this input.
    pub(super) fn check_input(
        &mut self,
        place: Place,
        task: &TaskCall,
        input: &Value,
    ) -> Result<Result<(), StepError>, Rejection> {
        let violations = violations(task.input_schema.as_ref(), input);
        if !violations.is_empty() {
            return self.violated(place, "input", violations).map(Err);
        }
        for check in &task.preconditions {
            let names = self.names_of_task(place, task, Given::Value(input), "precondition");
            match check.expression.is_truthy(&names) {
                Ok(true) => {}
                Ok(false) => {
                    let message = unmet("precondition", check);
                    return Ok(Err(StepError::new("PRECONDITION_FAILED", message)));
                }
                Err(error) => return Ok(Err(expression_error("a precondition", &error))),
            }
        }
        Ok(Ok(()))
    }

    /// Records that a value broke its contract, and gives the error that follows.
    pub(super) fn violated(
        &mut self,
        place: Place,
        subject: &str,
        violations: Vec<String>,
    ) -> Result<StepError, Rejection> {
        let message = format!(
            "the {subject} does not match its schema: {}",
            violations.join("; ")
        );
        let error = StepError {
            details: Some(violations.clone().into()),
            ..StepError::new("VALIDATION_FAILED", message)
        };
        self.record(Event::ValidationFailed {
            step: Some(self.node(place)?.id.clone()),
            subject: subject.to_owned(),
            violations,
        })?;
        Ok(error)
    }
}

/// The author's message of a check that does not hold, else the check itself.
pub(super) fn unmet(kind: &str, check: &crate::plan::Check) -> String {
    check
        .message
        .clone()
        .unwrap_or_else(|| format!("the {kind} `{}` does not hold", check.expression.source()))
}
