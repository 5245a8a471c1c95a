//! The output of a run that completed.

use std::borrow::Cow;

use serde_json::{Map, Value};

use super::bounds::{MAX_DATA_DEPTH, is_too_deep, violations};
use super::data::Data;
use super::event::Event;
use super::machine::Machine;
use super::names::{Names, Site};
use super::state::Phase;
use super::transition::Rejection;
use crate::expression::Template;
use crate::plan::{NodeId, RunResult};

impl Machine<'_> {
    /// The run's output. What cannot be found is null, what breaks the schema is recorded: neither fails the run.
    pub(super) fn run_output(&mut self) -> Result<Value, Rejection> {
        let output = match self.plan.result() {
            RunResult::Step(node) => self
                .output_of(*node)
                .cloned()
                .unwrap_or_default()
                .into_value(),
            RunResult::Mapping(mapping) => self.mapped_output(mapping)?,
            RunResult::Collected => self.collected_output()?,
        };
        let output = if is_too_deep(&output) {
            self.warn(format!(
                "the output nests deeper than {MAX_DATA_DEPTH} levels, it is left out"
            ))?;
            Value::Null
        } else {
            output
        };
        let violations = violations(self.plan.output(), &output);
        if !violations.is_empty() {
            self.record(Event::ValidationFailed {
                step: None,
                subject: "run output".to_owned(),
                violations,
            })?;
        }
        Ok(output)
    }

    fn mapped_output(&mut self, mapping: &[(String, Template)]) -> Result<Value, Rejection> {
        let mut output = Map::new();
        for (name, template) in mapping {
            let names = self.names_of_run();
            let value = match template.render(&names) {
                Ok(value) => value,
                Err(error) => {
                    self.warn(format!("output `{name}` cannot be evaluated: {error}"))?;
                    Value::Null
                }
            };
            output.insert(name.clone(), value);
        }
        Ok(Value::Object(output))
    }

    fn collected_output(&mut self) -> Result<Value, Rejection> {
        let mut output = Map::new();
        let Some(schema) = self.plan.output() else {
            return Ok(Value::Object(output));
        };
        for name in schema.properties() {
            let value = match self.found(name) {
                Some(value) => value.into_owned(),
                None => {
                    self.warn(format!(
                        "output `{name}` is neither a variable nor in the output of a step"
                    ))?;
                    Value::Null
                }
            };
            output.insert(name.to_owned(), value);
        }
        Ok(Value::Object(output))
    }

    /// A variable of this name, else the field of this name in the output of the last step that has one.
    fn found(&self, name: &str) -> Option<Cow<'_, Value>> {
        let variable = self.state.variables().get(name).map(Cow::Borrowed);
        variable.or_else(|| {
            let mut nodes = self.plan.document_order().iter().rev();
            nodes.find_map(|node| self.output_of(*node)?.member(name))
        })
    }

    fn output_of(&self, node: NodeId) -> Option<&Data> {
        let place = self.names_of_run().instance(node)?;
        let step = self.state.step(place)?;
        step.output
            .as_ref()
            .filter(|_| step.phase == Phase::Completed)
    }

    fn names_of_run(&self) -> Names<'_> {
        self.names_at(Site::of_run("output"))
    }

    fn warn(&mut self, message: String) -> Result<(), Rejection> {
        self.record(Event::Warned { message })
    }
}
