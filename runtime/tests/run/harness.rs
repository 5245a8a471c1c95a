//! A run under test. It checks after every input what must always hold: the invariants, that the log replays to the
//! state, that a snapshot reads back, and that attempts and their queue items match.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use ossa_runtime::manifest::model::{Manifest, Reference};
use ossa_runtime::manifest::{self, Options};
use ossa_runtime::plan::{Plan, PlanError, Resolver, Unresolved};
use ossa_runtime::port::{LogRow, Priority, RunId, RunStatus, StepRef, Timestamp, Version};
use ossa_runtime::run::{
    Answer, Command, Dispatch, Effect, Event, Input, Next, Order, Place, Rejection, RetryOwner,
    RowValues, RunState, RunView, Start, StepError, StepJob, StepOrder, StepView, Transition,
    apply, check_invariants,
};
use serde_json::{Map, Value, json};
use uuid::Uuid;

/// Manifests by name.
#[derive(Default)]
pub(crate) struct Shelf(BTreeMap<String, Arc<Manifest>>);

impl Resolver for Shelf {
    fn resolve(&self, reference: &Reference, _: &Manifest) -> Result<Arc<Manifest>, Unresolved> {
        self.0.get(&reference.0).cloned().ok_or_else(|| Unresolved {
            reason: "not on the shelf".to_owned(),
        })
    }
}

/// The manifests of a text.
pub(crate) fn manifests(text: &str) -> Vec<Arc<Manifest>> {
    let loaded = manifest::load_str(text, &Options::default());
    let errors: Vec<_> = loaded.diagnostics().filter(|d| d.is_error()).collect();
    assert!(errors.is_empty(), "{errors:#?}");
    loaded.manifests().cloned().collect()
}

/// Compiles the first manifest of a text; the others may be referred to by name.
pub(crate) fn compile(text: &str) -> Result<Plan, Vec<PlanError>> {
    let all = manifests(text);
    let named = all.iter().map(|m| (m.metadata.name.clone(), m.clone()));
    Plan::compile(&all[0], &Shelf(named.collect()))
}

/// A workflow `demo` with this `spec`.
pub(crate) fn workflow(spec: &str) -> String {
    format!(
        "apiVersion: ossa/v0.3.0\nkind: Workflow\nmetadata: {{name: demo, version: 1.0.0}}\nspec:\n{}",
        indented(spec)
    )
}

/// A task of this name with this `spec`.
pub(crate) fn task(name: &str, spec: &str) -> String {
    format!(
        "apiVersion: ossa/v0.3.0\nkind: Task\nmetadata: {{name: {name}}}\nspec:\n{}",
        indented(spec)
    )
}

/// Several documents.
pub(crate) fn documents(texts: &[String]) -> String {
    texts.join("\n---\n")
}

fn indented(text: &str) -> String {
    text.lines().map(|line| format!("  {line}\n")).collect()
}

pub(crate) fn start_with(input: Value) -> Start {
    Start {
        run: RunId::from_uuid(Uuid::from_u128(7)),
        input: input.into(),
        idempotency_key: None,
        correlation_id: None,
        labels: ossa_runtime::port::Labels::new(),
        traceparent: None,
        priority: Priority::Normal,
        trigger: None,
        env: Map::new(),
        queue: "work".to_owned(),
        default_retry: None,
        groups: Vec::new(),
        parent: None,
    }
}

pub(crate) const fn succeeded(step: StepRef, output: Value) -> Input {
    Input::Succeeded {
        step,
        output,
        retry_owner: RetryOwner::Engine,
    }
}

pub(crate) const fn failed(step: StepRef, error: StepError) -> Input {
    Input::Failed {
        step,
        error,
        retry_owner: RetryOwner::Engine,
    }
}

pub(crate) const BEGIN: Timestamp = Timestamp::from_millis(1_000_000);

/// A run, its log, and the queue items that should exist.
#[derive(Clone)]
pub(crate) struct Run {
    pub(crate) plan: Arc<Plan>,
    pub(crate) state: RunState,
    pub(crate) now: Timestamp,
    pub(crate) rows: Vec<LogRow>,
    pub(crate) events: Vec<Event>,
    pub(crate) effects: Vec<Effect>,
    pub(crate) items: BTreeMap<StepRef, Dispatch>,
    settled: BTreeSet<StepRef>,
}

impl Run {
    /// A started run of a workflow with this `spec`, without input.
    pub(crate) fn of(spec: &str) -> Self {
        Self::text(&workflow(spec), json!({}))
    }

    /// A started run of the first manifest of a text.
    pub(crate) fn text(text: &str, input: Value) -> Self {
        Self::begin(text, start_with(input)).unwrap()
    }

    pub(crate) fn begin(text: &str, start: Start) -> Result<Self, Rejection> {
        let plan = compile(text).unwrap_or_else(|errors| panic!("{errors:#?}"));
        Self::on(Arc::new(plan), start)
    }

    pub(crate) fn on(plan: Arc<Plan>, start: Start) -> Result<Self, Rejection> {
        let transition = apply(&plan, None, Input::Start(Box::new(start)), BEGIN)?;
        let mut run = Self {
            plan,
            state: transition.state.clone(),
            now: BEGIN,
            rows: Vec::new(),
            events: Vec::new(),
            effects: Vec::new(),
            items: BTreeMap::new(),
            settled: BTreeSet::new(),
        };
        run.take(transition, Version::default());
        Ok(run)
    }

    pub(crate) fn apply(&mut self, input: Input) -> Result<Answer, Rejection> {
        let before = self.state.version();
        let transition = apply(&self.plan, Some(self.state.clone()), input, self.now)?;
        let answer = transition.answer;
        self.take(transition, before);
        Ok(answer)
    }

    fn take(&mut self, transition: Transition, before: Version) {
        let changed = !transition.events.is_empty();
        assert_eq!(
            transition.state.version(),
            if changed { before.next() } else { before },
            "a transition with events makes the next version, one without makes none"
        );
        if changed {
            self.rows.push(LogRow {
                version: transition.state.version(),
                at: self.now,
                events: serde_json::to_string(&transition.events).unwrap(),
            });
        } else {
            assert_eq!(transition.effects, [], "effects come with events");
            assert_eq!(
                transition.state, self.state,
                "without events nothing changes"
            );
        }
        for effect in &transition.effects {
            match effect {
                Effect::Dispatch(dispatch) => {
                    let old = self.items.insert(dispatch.step, (**dispatch).clone());
                    assert!(old.is_none() && !self.settled.contains(&dispatch.step));
                }
                Effect::Settle(step) => {
                    assert!(
                        self.items.remove(step).is_some(),
                        "{step:?} was not in the queue"
                    );
                    assert!(self.settled.insert(*step), "{step:?} was settled twice");
                }
                Effect::Reschedule { step, at } => {
                    let item = self.items.get_mut(step);
                    let item = item.unwrap_or_else(|| panic!("{step:?} is not in the queue"));
                    item.not_before = *at;
                }
                Effect::SetTimer { .. } | Effect::ClearTimer { .. } => {}
            }
        }
        self.state = transition.state;
        self.events = transition.events;
        self.effects = transition.effects;
        self.check();
    }

    fn check(&self) {
        assert_eq!(
            check_invariants(&self.plan, &self.state),
            Vec::<String>::new()
        );
        let replayed = RunState::replay(&self.plan, None, &self.rows).unwrap();
        assert_eq!(replayed, self.state, "the log replays to the state");
        let read =
            RunState::from_snapshot(&self.plan, &self.state.to_snapshot(), self.row()).unwrap();
        assert_eq!(read, self.state, "the snapshot reads back");
        let mut nodes: Vec<_> = self.items.keys().map(|s| (s.scope, s.node)).collect();
        nodes.dedup();
        assert_eq!(nodes.len(), self.items.len(), "one live attempt a node");
        let in_flight = self.view().steps.iter().filter(|s| is_in_flight(s)).count();
        assert_eq!(
            in_flight,
            self.items.len(),
            "every step in flight has its item"
        );
    }

    /// The values of a log row, for a snapshot that refers to it.
    pub(crate) fn row(&self) -> impl Fn(Version) -> Option<RowValues> + '_ {
        |version| {
            let row = self.rows.iter().find(|row| row.version == version)?;
            Some(RowValues::read(row).unwrap())
        }
    }

    /// The state as it would be after a restart: from a snapshot of `version` and the rows after it.
    pub(crate) fn restored_from(&self, version: usize) -> RunState {
        let head = RunState::replay(&self.plan, None, &self.rows[..version]).unwrap();
        let snapshot = head.to_snapshot();
        let head = RunState::from_snapshot(&self.plan, &snapshot, self.row()).unwrap();
        RunState::replay(&self.plan, Some(head), &self.rows[version..]).unwrap()
    }

    /// The attempt of a step that is in flight.
    pub(crate) fn attempt(&self, step: &str) -> StepRef {
        let found = self.items.values().find(|item| item.job.step == step);
        found
            .unwrap_or_else(|| panic!("`{step}` is not in flight"))
            .step
    }

    pub(crate) fn job(&self, step: &str) -> &StepJob {
        &self.items[&self.attempt(step)].job
    }

    pub(crate) fn item(&self, step: &str) -> &Dispatch {
        &self.items[&self.attempt(step)]
    }

    pub(crate) fn complete(&mut self, step: &str, output: Value) -> Answer {
        let step = self.attempt(step);
        self.apply(succeeded(step, output)).unwrap()
    }

    pub(crate) fn fail(&mut self, step: &str, code: &str) -> Answer {
        self.fail_with(step, StepError::new(code, format!("{code} happened")))
    }

    pub(crate) fn fail_with(&mut self, step: &str, error: StepError) -> Answer {
        let step = self.attempt(step);
        self.apply(failed(step, error)).unwrap()
    }

    pub(crate) fn retry(&mut self, step: &str) -> Result<Answer, Rejection> {
        self.steer_step(step, StepOrder::Retry)
    }

    pub(crate) fn steer(&mut self, command: Command) -> Result<Answer, Rejection> {
        self.apply(Input::Steer(Box::new(Order {
            command,
            by: "ada".to_owned(),
            reason: String::new(),
        })))
    }

    pub(crate) fn steer_step(&mut self, step: &str, order: StepOrder) -> Result<Answer, Rejection> {
        let place = self.place(step);
        self.steer(Command::Step {
            scope: place.scope.0,
            node: place.node.0,
            order,
        })
    }

    pub(crate) fn advance(&mut self, by: Duration) {
        self.now = self.now.after(by);
    }

    pub(crate) fn place(&self, step: &str) -> Place {
        let node = self.plan.find(step).unwrap();
        let mut places = self.state.steps().map(|(place, _)| place);
        places.find(|place| place.node == node).unwrap()
    }

    pub(crate) fn view(&self) -> RunView {
        self.state.view(&self.plan)
    }

    pub(crate) fn step(&self, id: &str) -> StepView {
        let found = self.view().steps.into_iter().find(|step| step.id == id);
        found.unwrap_or_else(|| panic!("there is no step `{id}`"))
    }

    /// Ids of the steps in flight, in document order.
    pub(crate) fn in_flight(&self) -> Vec<String> {
        let steps = self.view().steps.into_iter();
        steps.filter(is_in_flight).map(|step| step.id).collect()
    }

    /// `id=status` of every step, in document order.
    pub(crate) fn statuses(&self) -> String {
        let steps = self.view().steps.into_iter();
        let parts = steps.map(|step| format!("{}={}", step.id, step.status));
        parts.collect::<Vec<_>>().join(" ")
    }

    pub(crate) fn status(&self) -> RunStatus {
        self.state.status()
    }

    pub(crate) fn output(&self) -> &Value {
        self.state.output().expect("the run completed")
    }

    /// Names of the latest transition's events.
    pub(crate) fn event_types(&self) -> Vec<String> {
        types(&self.events)
    }
}

pub(crate) fn types(events: &[Event]) -> Vec<String> {
    let value = serde_json::to_value(events).unwrap();
    let events = value.as_array().unwrap().iter();
    events
        .map(|event| event["type"].as_str().unwrap().to_owned())
        .collect()
}

fn is_in_flight(step: &StepView) -> bool {
    (step.kind == "task" || step.fallback) && matches!(step.status, "running" | "retrying")
}

/// The answer to a result that was recorded.
pub(crate) fn recorded(next: Next, status: RunStatus) -> Answer {
    Answer::Recorded { next, status }
}

pub(crate) fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

pub(crate) fn cancel(reason: &str) -> Input {
    Input::Cancel {
        by: "ada".to_owned(),
        reason: reason.to_owned(),
    }
}
