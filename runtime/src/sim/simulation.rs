//! What is simulated, and doing it.

use std::sync::Arc;

use serde_json::Value;

use super::chance::Chance;
use super::fault::Faults;
use super::report::Report;
use super::sample;
use super::store::{Sound, StoreAccess};
use super::stub::Stubs;
use super::world::World;
use crate::plan::{Plan, Schema};
use crate::policy::RetryPolicy;

/// A workflow or task and the world it is put into.
#[derive(Debug, Clone)]
pub struct Scenario {
    /// What runs.
    pub plan: Arc<Plan>,
    /// What goes wrong.
    pub faults: Faults,
    /// What handlers do.
    pub stubs: Stubs,
    /// The input of every run; `None` = one made from the input schema, another for each run.
    pub input: Option<Value>,
    /// Policy of steps for which the manifest names none; `None` = one attempt.
    pub default_retry: Option<RetryPolicy>,
    /// Whether the log of each run is kept, not only its hash.
    pub keep_log: bool,
}

impl Scenario {
    /// Nothing goes wrong, and handlers return what their schemas allow.
    #[must_use]
    pub fn of(plan: Arc<Plan>) -> Self {
        Self {
            plan,
            faults: Faults::none(),
            stubs: Stubs::default(),
            input: None,
            default_retry: None,
            keep_log: false,
        }
    }

    /// Simulates so many runs, each in a world of its own with a seed of its own: `seed`, `seed + 1`, …
    #[must_use]
    pub fn simulate(&self, seed: u64, runs: u64) -> Report {
        self.simulate_on(seed, runs, || Sound)
    }

    /// As [`simulate`](Self::simulate), with something between the engines and each world's store.
    #[must_use]
    pub fn simulate_on<A: StoreAccess>(
        &self,
        seed: u64,
        runs: u64,
        mut access: impl FnMut() -> A,
    ) -> Report {
        let mut report = Report::new(self, seed);
        for number in 0..runs {
            let seed = seed.wrapping_add(number);
            report.add(World::new(self, seed, access()).run());
        }
        report.finish()
    }

    /// What an author should know before believing the report: stubs without a step, outputs and inputs that no value
    /// was found for.
    #[must_use]
    pub fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        for id in self.stubs.steps() {
            if self.plan.find(id).is_none() {
                warnings.push(format!("there is no step `{id}` to stub"));
            }
        }
        if self.input.is_none() && !fits(self.plan.input()) {
            warnings.push(
                "no input was found that the schema takes: give one, or every run is refused"
                    .to_owned(),
            );
        }
        for node in self.plan.nodes() {
            let schema = node.task().and_then(|task| task.output_schema.as_ref());
            if self.stubs.of_step(&node.id).is_none() && !fits(schema) {
                warnings.push(format!(
                    "step `{}`: no output was found that its schema takes; stub it, or its attempts fail",
                    node.id
                ));
            }
        }
        warnings
    }
}

fn fits(schema: Option<&Schema>) -> bool {
    let mut chance = Chance::new(0, Faults::none());
    schema.is_none_or(|schema| sample::of_schema(schema, &mut chance).fits)
}
