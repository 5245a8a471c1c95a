//! What stands in for handlers and for manifests that are not there.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Map, Value, json};
use thiserror::Error;

use super::chance::Chance;
use super::sample;
use crate::manifest::model::{Manifest, Reference};
use crate::manifest::{self, Options};
use crate::plan::{Node, Resolver, Unresolved};
use crate::run::StepError;

/// What the handlers of steps do, by step id. Steps that are not named return what their output schema allows.
#[derive(Debug, Clone, Default)]
pub struct Stubs {
    steps: BTreeMap<String, Stub>,
}

/// What the handler of one step does.
#[derive(Debug, Clone, Default)]
pub(super) struct Stub {
    outputs: Vec<Value>,
    /// How likely it is to fail.
    pub(super) fail: f64,
    /// What it fails with.
    pub(super) error: Option<StepError>,
    /// How long it takes.
    pub(super) duration: Option<Duration>,
}

/// A stub as users write it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    #[serde(default, deserialize_with = "given")]
    output: Option<Value>,
    #[serde(default)]
    outputs: Vec<Value>,
    #[serde(default)]
    fail: Option<f64>,
    #[serde(default)]
    error: Option<WrittenError>,
    #[serde(default)]
    duration_ms: Option<u64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenError {
    code: String,
    #[serde(default)]
    message: String,
    #[serde(default)]
    class: Option<String>,
    #[serde(default)]
    retryable: Option<bool>,
}

/// Why a text holds no stubs.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum StubError {
    /// It is neither YAML nor JSON.
    #[error("it cannot be read: {0}")]
    Unreadable(String),
    /// It is not a mapping of step ids.
    #[error("it is not a mapping from step ids to what their handlers do")]
    NotAMapping,
    /// What is said of a step makes no sense.
    #[error("step `{step}`: {reason}")]
    Step {
        /// The step.
        step: String,
        /// Why.
        reason: String,
    },
}

impl Stubs {
    /// Reads YAML or JSON: a mapping from step ids to `output` (or `outputs`, one of which is drawn), `fail` (a
    /// probability), `error` (`code`, `message`, `class`, `retryable`) and `duration_ms`.
    ///
    /// # Errors
    /// When the text is something else.
    pub fn parse(text: &str) -> Result<Self, StubError> {
        let value = manifest::read_data(text)
            .map_err(|diagnostic| StubError::Unreadable(diagnostic.message))?;
        let Value::Object(members) = value else {
            return Err(StubError::NotAMapping);
        };
        let mut steps = BTreeMap::new();
        for (step, value) in members {
            let stub = Stub::read(value).map_err(|reason| StubError::Step {
                step: step.clone(),
                reason,
            })?;
            steps.insert(step, stub);
        }
        Ok(Self { steps })
    }

    /// Ids of the steps for which there is a stub.
    pub fn steps(&self) -> impl Iterator<Item = &str> {
        self.steps.keys().map(String::as_str)
    }

    pub(super) fn of_step(&self, id: &str) -> Option<&Stub> {
        self.steps.get(id)
    }

    /// What is said in answer to a step that waits, if the user says so.
    pub(super) fn answer(&self, node: &Node, chance: &mut Chance) -> Option<Value> {
        let stub = self.of_step(&node.id)?;
        chance.pick(&stub.outputs).cloned()
    }

    /// What the handler of a node returns.
    pub(super) fn output(&self, node: &Node, fallback: bool, chance: &mut Chance) -> Value {
        let stub = self.of_step(&node.id);
        if let Some(output) = stub.and_then(|stub| chance.pick(&stub.outputs)) {
            return output.clone();
        }
        let task = node.task();
        let instead = task.and_then(|task| task.fallback.as_deref());
        let task = instead.filter(|_| fallback).or(task);
        match task.and_then(|task| task.output_schema.as_ref()) {
            Some(schema) => sample::of_schema(schema, chance).value,
            None => Value::Object(Map::new()),
        }
    }
}

impl Stub {
    fn read(value: Value) -> Result<Self, String> {
        let written: Written = serde_json::from_value(value).map_err(|error| error.to_string())?;
        let fail = written
            .fail
            .unwrap_or(if written.error.is_some() { 1.0 } else { 0.0 });
        if !(0.0..=1.0).contains(&fail) {
            return Err(format!("`fail` is {fail}: write a probability from 0 to 1"));
        }
        let mut outputs = written.outputs;
        outputs.extend(written.output);
        Ok(Self {
            outputs,
            fail,
            error: written.error.map(|error| StepError {
                class: error.class,
                retryable: error.retryable,
                ..StepError::new(error.code, error.message)
            }),
            duration: written.duration_ms.map(Duration::from_millis),
        })
    }
}

/// A field that is there has a value, also when that value is null.
fn given<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

/// Gives a task in the place of each manifest that another resolver does not find, and remembers for which.
pub struct StubbedReferences<'a> {
    inner: &'a dyn Resolver,
    missing: RefCell<BTreeMap<String, String>>,
}

impl<'a> StubbedReferences<'a> {
    /// What `inner` does not find is stubbed.
    #[must_use]
    pub const fn beside(inner: &'a dyn Resolver) -> Self {
        Self {
            inner,
            missing: RefCell::new(BTreeMap::new()),
        }
    }

    /// The references that were stubbed, with the reason why they lead nowhere.
    #[must_use]
    pub fn missing(&self) -> BTreeMap<String, String> {
        self.missing.borrow().clone()
    }
}

impl Resolver for StubbedReferences<'_> {
    fn resolve(&self, reference: &Reference, from: &Manifest) -> Result<Arc<Manifest>, Unresolved> {
        let unresolved = match self.inner.resolve(reference, from) {
            Ok(manifest) => return Ok(manifest),
            Err(unresolved) => unresolved,
        };
        let stub = stub_of(&reference.0).ok_or_else(|| unresolved.clone())?;
        let mut missing = self.missing.borrow_mut();
        missing.insert(reference.0.clone(), unresolved.reason);
        Ok(stub)
    }
}

/// A task named like the reference.
fn stub_of(reference: &str) -> Option<Arc<Manifest>> {
    let words = reference.split(|c: char| !c.is_ascii_alphanumeric());
    let words = words.filter(|word| !word.is_empty()).map(str::to_lowercase);
    let name = words.collect::<Vec<_>>().join("-");
    let name = format!("stub-{name}");
    let document = json!({
        "apiVersion": "ossa/v0.3.0",
        "kind": "Task",
        "metadata": {"name": name.chars().take(60).collect::<String>().trim_end_matches('-')},
        "spec": {"execution": {"type": "deterministic", "entrypoint": "stub"}},
    });
    let loaded = manifest::load_str(&document.to_string(), &Options::default());
    loaded.manifests().next().cloned()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn stubs_are_read_from_yaml_and_json() {
        let yaml = "charge: {output: {paid: true}, duration_ms: 2000}\nmail: {error: {code: DOWN}}\nnone: {output: null}";
        let stubs = Stubs::parse(yaml).unwrap();
        assert_eq!(
            stubs.steps().collect::<Vec<_>>(),
            ["charge", "mail", "none"]
        );
        let charge = stubs.of_step("charge").unwrap();
        assert_eq!(charge.outputs, [json!({"paid": true})]);
        assert_eq!(charge.duration, Some(Duration::from_secs(2)));
        assert!((stubs.of_step("mail").unwrap().fail - 1.0).abs() < f64::EPSILON);
        assert_eq!(stubs.of_step("none").unwrap().outputs, [Value::Null]);
        assert!(Stubs::parse(r#"{"a": {"outputs": [1, 2], "fail": 0.5}}"#).is_ok());
    }

    #[test]
    fn what_makes_no_sense_is_refused_with_the_step() {
        assert_eq!(Stubs::parse("[1]").unwrap_err(), StubError::NotAMapping);
        assert!(matches!(
            Stubs::parse("a: [").unwrap_err(),
            StubError::Unreadable(_)
        ));
        for text in ["a: {fail: 2}", "a: {outputt: 1}", "a: 5"] {
            let error = Stubs::parse(text).unwrap_err();
            assert!(error.to_string().starts_with("step `a`: "), "{error}");
        }
    }

    #[test]
    fn a_reference_that_leads_nowhere_gets_a_task_of_its_name() {
        for reference in ["./tasks/send-email.yaml", "ossa://acme/Ärger#1", "???"] {
            assert!(stub_of(reference).is_some(), "{reference}");
        }
    }
}
