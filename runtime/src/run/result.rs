//! What workers report about attempts.

use serde_json::{Map, Value};

use super::bounds::{foreign_violations, violations};
use super::effect::Effect;
use super::event::Event;
use super::input::{RetryOwner, StepError};
use super::machine::{Machine, expression_error};
use super::names::Given;
use super::ready::unmet;
use super::state::{Phase, Place, ScopeId};
use super::transition::{Answer, Next, Rejection};
use crate::plan::NodeId;
use crate::port::StepRef;

impl Machine<'_> {
    /// An attempt succeeded, says its worker: record it if it is news and its output keeps its contract.
    pub(super) fn succeeded(
        &mut self,
        step: &StepRef,
        output: Value,
        retry_owner: RetryOwner,
    ) -> Result<Answer, Rejection> {
        let place = match self.current(step)? {
            Ok(place) if self.runs_child(place) => return Ok(Answer::Late),
            Ok(place) => place,
            Err(answer) => return Ok(answer),
        };
        let next = match self.accept(place, output)? {
            Ok(output) => {
                self.complete(place, output, None)?;
                self.effects.push(Effect::Settle(*step));
                Next::Handled
            }
            Err(error) => self.attempt_failed(place, error, retry_owner)?,
        };
        self.recorded(next)
    }

    /// An attempt failed, says its worker.
    pub(super) fn failed(
        &mut self,
        step: &StepRef,
        error: StepError,
        retry_owner: RetryOwner,
    ) -> Result<Answer, Rejection> {
        let place = match self.current(step)? {
            Ok(place) if self.runs_child(place) => return Ok(Answer::Late),
            Ok(place) => place,
            Err(answer) => return Ok(answer),
        };
        let next = self.attempt_failed(place, error.bounded(), retry_owner)?;
        self.recorded(next)
    }

    pub(super) fn recorded(&mut self, next: Next) -> Result<Answer, Rejection> {
        self.advance()?;
        Ok(Answer::Recorded {
            next,
            status: self.status(),
        })
    }

    /// Where the attempt stands if it is still waited for, else the answer to its reporter.
    pub(super) fn current(&self, step: &StepRef) -> Result<Result<Place, Answer>, Rejection> {
        let run = self.state.run();
        let unknown = || Rejection::UnknownAttempt { run, step: *step };
        let place = Place {
            scope: ScopeId(step.scope),
            node: NodeId(step.node),
        };
        let gone = step.scope < self.state.next_scope && self.state.scope(place.scope).is_none();
        if gone && step.run == run {
            // The iteration it belongs to is finished.
            return Ok(Err(Answer::Late));
        }
        let state = self.state.step(place).ok_or_else(unknown)?;
        if step.run != run || step.attempt == 0 || step.attempt > state.attempt {
            return Err(unknown());
        }
        if step.attempt < state.attempt {
            return Ok(Err(Answer::Late));
        }
        Ok(match state.phase {
            Phase::Running | Phase::Child | Phase::Retrying { .. } => Ok(place),
            Phase::Completed | Phase::Failed { .. } => Err(Answer::Duplicate),
            Phase::Pending
            | Phase::Ready
            | Phase::Open
            | Phase::Waiting
            | Phase::Skipped { .. }
            | Phase::Canceled => Err(Answer::Late),
        })
    }

    /// The output as the step's own, once it has passed its checks.
    pub(super) fn accept(
        &mut self,
        place: Place,
        output: Value,
    ) -> Result<Result<Value, StepError>, Rejection> {
        let call = self.call(place)?;
        let broken = foreign_violations(call.output_schema.as_ref(), &output);
        if !broken.is_empty() {
            return self.violated(place, "output", broken).map(Err);
        }
        let input = self.step(place)?.input.clone().unwrap_or_default();
        for check in &call.postconditions {
            let mut names = self.names_of_task(place, call, Given::Data(&input), "postcondition");
            names.output = Some(&output);
            match check.expression.is_truthy(&names) {
                Ok(true) => {}
                Ok(false) => {
                    let message = unmet("postcondition", check);
                    self.record(Event::ValidationFailed {
                        step: Some(self.node(place)?.id.clone()),
                        subject: "postcondition".to_owned(),
                        violations: vec![message.clone()],
                    })?;
                    return Ok(Err(StepError::new("POSTCONDITION_FAILED", message)));
                }
                Err(error) => return Ok(Err(expression_error("a postcondition", &error))),
            }
        }
        self.mapped(place, output)
    }

    /// The output with the fields of `output_mapping` added.
    pub(super) fn mapped(
        &mut self,
        place: Place,
        output: Value,
    ) -> Result<Result<Value, StepError>, Rejection> {
        let node = self.node(place)?;
        if node.output_mapping.is_empty() {
            return Ok(Ok(output));
        }
        let mut added = Map::new();
        let mut names = self.names_of_step(place, "output_mapping");
        names.output = Some(&output);
        for (field, template) in &node.output_mapping {
            match template.render(&names) {
                Ok(value) => drop(added.insert(field.clone(), value)),
                Err(error) => {
                    let subject = format!("output_mapping.{field}");
                    return Ok(Err(expression_error(&subject, &error)));
                }
            }
        }
        let mut members = match output {
            Value::Object(members) => members,
            Value::Null => Map::new(),
            other => {
                self.record(Event::Warned {
                    message: format!(
                        "step `{}`: output_mapping adds fields to an object, but the output is none; it is left as it is",
                        node.id
                    ),
                })?;
                return Ok(Ok(other));
            }
        };
        members.extend(added);
        let output = Value::Object(members);
        let broken = violations(None, &output);
        if broken.is_empty() {
            Ok(Ok(output))
        } else {
            self.violated(place, "output", broken).map(Err)
        }
    }

    /// Settles a step with an output; `ignored` is the failure that is treated as success.
    pub(super) fn complete(
        &mut self,
        place: Place,
        output: Value,
        ignored: Option<StepError>,
    ) -> Result<(), Rejection> {
        let node = self.node(place)?;
        let succeeded = ignored.is_none();
        let written = match &node.output_to {
            Some(name) if succeeded => vec![(name.clone(), written(&output, &node.output_fields))],
            None if succeeded => node
                .output_fields
                .iter()
                .map(|field| (field.clone(), field_of(&output, field)))
                .collect(),
            _ => Vec::new(),
        };
        self.record(Event::StepCompleted {
            step: node.id.clone(),
            scope: place.scope.0,
            node: place.node.0,
            attempt: self.step(place)?.attempt,
            output,
            error: ignored,
        })?;
        for (name, value) in written {
            self.record(Event::VariableSet { name, value })?;
        }
        self.unblock_dependants(place);
        Ok(())
    }
}

/// What a variable gets of an output: all of it, or an object of the fields named.
fn written(output: &Value, fields: &[String]) -> Value {
    if fields.is_empty() {
        return output.clone();
    }
    let members = fields
        .iter()
        .map(|field| (field.clone(), field_of(output, field)));
    Value::Object(members.collect())
}

fn field_of(output: &Value, field: &str) -> Value {
    output.get(field).cloned().unwrap_or_default()
}
