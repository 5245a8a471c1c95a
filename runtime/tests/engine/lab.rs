//! A store, a clock and as many engines on them as a story needs.

use std::sync::Arc;
use std::time::Duration;

use ossa_runtime::adapter::MemoryStore;
use ossa_runtime::engine::{
    ClaimOutcome, Engine, EngineOptions, OrderedBy, Reported, RunDetails, StartRequest, StepClaim,
    StepReport,
};
use ossa_runtime::manifest::{Options, load_str, model::Manifest, model::Reference};
use ossa_runtime::plan::{Plan, Resolver, Unresolved};
use ossa_runtime::port::{
    Backend, Clock, LogRow, ManualClock, RunId, RunStatus, Timestamp, Version,
};
use ossa_runtime::run::{Next, RetryOwner, RowValues, StepError};
use serde_json::{Value, json};

use crate::server::TestServer;

/// Runs every story over each store, as `memory::story`, `sqlite::story` and so on.
#[macro_export]
macro_rules! stories {
    ($($(#[$meta:meta])* fn $name:ident($lab:ident) $body:block)+) => {
        $($(#[$meta])* fn $name($lab: &$crate::lab::Lab) $body)+
        /// With their names, for stores on a server that they share.
        #[allow(dead_code)]
        pub const STORIES: &[$crate::lab::Story] = &[$((stringify!($name), $name)),+];
        mod memory {
            $(#[test] fn $name() { super::$name(&$crate::lab::Lab::in_memory()); })+
        }
        mod sqlite {
            $(#[test] fn $name() { super::$name(&$crate::lab::Lab::in_file()); })+
        }
        #[cfg(feature = "redis")]
        mod redis {
            $(#[test] fn $name() { $crate::lab::Lab::in_server("redis").iter().for_each(super::$name); })+
        }
    };
}

/// A story by its name.
pub type Story = (&'static str, fn(&Lab));

pub enum Place {
    Memory(Arc<MemoryStore>),
    File(tempfile::TempDir),
    Server(TestServer),
    /// On a server that others use as well.
    Shared(String),
}

pub struct Lab {
    pub clock: Arc<ManualClock>,
    place: Place,
}

pub const QUEUE: &str = "steps";

impl Lab {
    pub fn in_memory() -> Self {
        Self::at(Place::Memory(Arc::new(MemoryStore::new())))
    }

    pub fn in_file() -> Self {
        Self::at(Place::File(tempfile::tempdir().unwrap()))
    }

    /// On a server that others use as well: the DSN is of this lab alone.
    pub fn on_shared(dsn: String) -> Self {
        Self::at(Place::Shared(dsn))
    }

    /// `None` where the server is not installed.
    pub fn in_server(name: &'static str) -> Option<Self> {
        TestServer::start(name).map(|server| Self::at(Place::Server(server)))
    }

    fn at(place: Place) -> Self {
        let morning = Timestamp::from_millis(1_763_700_000_000);
        Self {
            clock: Arc::new(ManualClock::at(morning)),
            place,
        }
    }

    pub fn options(&self) -> EngineOptions {
        EngineOptions {
            queue: QUEUE.to_owned(),
            clock: Arc::clone(&self.clock) as Arc<dyn Clock>,
            ..EngineOptions::default()
        }
    }

    /// One more engine on the same store, with nothing in its memory.
    pub fn engine(&self) -> Engine {
        self.engine_with(self.options())
    }

    /// An engine whose host redelivers the messages of failed attempts.
    pub fn host_engine(&self) -> Engine {
        self.engine_with(EngineOptions {
            retry_owner: RetryOwner::Host,
            ..self.options()
        })
    }

    pub fn engine_with(&self, options: EngineOptions) -> Engine {
        match &self.place {
            Place::Memory(store) => Engine::over(Arc::clone(store) as Arc<dyn Backend>, options),
            _ => Engine::open(&self.dsn().unwrap(), options),
        }
        .unwrap()
    }

    /// The backend itself, to look behind the engine.
    pub fn backend(&self) -> Arc<dyn Backend> {
        match &self.place {
            Place::Memory(store) => Arc::clone(store) as Arc<dyn Backend>,
            _ => ossa_runtime::adapter::open(&self.dsn().unwrap()).unwrap(),
        }
    }

    /// `None` for the store in memory.
    pub fn dsn(&self) -> Option<String> {
        match &self.place {
            Place::Memory(_) => None,
            Place::File(folder) => Some(format!("sqlite://{}/runs.db", folder.path().display())),
            Place::Server(server) => Some(server.dsn.clone()),
            Place::Shared(dsn) => Some(dsn.clone()),
        }
    }

    pub fn pass(&self, time: Duration) {
        self.clock.advance(time);
    }
}

/// The documents of one text, by name.
struct Shelf(Vec<Arc<Manifest>>);

impl Resolver for Shelf {
    fn resolve(&self, reference: &Reference, _: &Manifest) -> Result<Arc<Manifest>, Unresolved> {
        let mut all = self.0.iter();
        let found = all.find(|manifest| manifest.metadata.name == reference.0);
        found.cloned().ok_or_else(|| Unresolved {
            reason: format!("{} is not expected here", reference.0),
        })
    }
}

/// The plan of the first document; the others may be referred to by name.
pub fn plan(yaml: &str) -> Arc<Plan> {
    let loaded = load_str(yaml, &Options::default());
    assert!(
        loaded.is_valid(),
        "{:#?}",
        loaded.diagnostics().collect::<Vec<_>>()
    );
    let shelf = Shelf(loaded.manifests().cloned().collect());
    Arc::new(Plan::compile(&shelf.0[0], &shelf).unwrap())
}

/// A workflow whose steps call the handlers of their own names; `steps` is the YAML of the list's items.
pub fn workflow(steps: &str) -> Arc<Plan> {
    plan(&format!(
        "apiVersion: ossa/v0.3.0\nkind: Workflow\nmetadata: {{name: demo}}\nspec:\n  steps:\n{steps}"
    ))
}

/// `first`, then `second`, then `third`.
pub fn three_steps() -> Arc<Plan> {
    workflow(&["first", "second", "third"].map(step).concat())
}

/// A step after the one before it, whose handler is named like it.
pub fn step(id: &str) -> String {
    format!(
        "    - id: {id}\n      kind: Task\n      inline: {{execution: {{type: idempotent, entrypoint: {id}}}}}\n"
    )
}

/// A step with more fields, as YAML in one line each.
pub fn step_with(id: &str, fields: &[&str]) -> String {
    let mut text = step(id);
    for field in fields {
        text.push_str("      ");
        text.push_str(field);
        text.push('\n');
    }
    text
}

pub fn start(engine: &Engine, plan: &Arc<Plan>) -> RunId {
    start_with(engine, plan, json!({}))
}

pub fn start_with(engine: &Engine, plan: &Arc<Plan>, input: Value) -> RunId {
    let request = StartRequest::of_plan(Arc::clone(plan), input);
    engine.start(request).unwrap().run
}

/// The next attempt in the queue.
pub fn take(engine: &Engine) -> Arc<StepClaim> {
    try_take(engine).expect("an attempt should be in the queue")
}

pub fn try_take(engine: &Engine) -> Option<Arc<StepClaim>> {
    engine.receive(&[QUEUE], 1).unwrap().pop()
}

pub fn claimed(outcome: ClaimOutcome) -> Arc<StepClaim> {
    match outcome {
        ClaimOutcome::Claimed(claim) => claim,
        other => panic!("it should be claimed: {other:?}"),
    }
}

/// Takes the next attempt, checks that it is one of `step`, and completes it.
pub fn complete(engine: &Engine, step: &str) -> StepReport {
    let claim = take(engine);
    assert_eq!(claim.job.step, step);
    engine
        .complete(&claim.token, json!({ "done": step }))
        .unwrap()
}

/// Works until nothing is in the queue; returns the steps in the order they were run.
pub fn work_off(engine: &Engine) -> Vec<String> {
    let mut steps = Vec::new();
    while let Some(claim) = try_take(engine) {
        steps.push(claim.job.step.clone());
        let output = json!({ "done": claim.job.step });
        engine.complete(&claim.token, output).unwrap();
    }
    steps
}

pub fn failure() -> StepError {
    StepError::new("HANDLER_ERROR", "the handler threw")
}

pub fn run(engine: &Engine, id: RunId) -> RunDetails {
    engine.run(id).unwrap().expect("the run should exist")
}

pub fn status(engine: &Engine, id: RunId) -> RunStatus {
    run(engine, id).run.status
}

pub fn step_status(engine: &Engine, id: RunId, step: &str) -> &'static str {
    let details = run(engine, id);
    let found = details.run.steps.iter().find(|it| it.id == step);
    found.expect("the step should exist").status
}

pub const HANDLED: Reported = Reported::Recorded(Next::Handled);
pub const FINAL: Reported = Reported::Recorded(Next::Final);

/// An order that nobody in particular gave.
pub(crate) fn because(reason: &str) -> OrderedBy {
    OrderedBy::default().because(reason)
}

/// The events of each transition of a run, as JSON.
pub(crate) fn engine_rows(lab: &Lab, id: RunId) -> Vec<String> {
    let rows = lab.backend().history(&id, Version(0), 1000).unwrap();
    rows.into_iter().map(|row| row.events).collect()
}

/// The values of a log row, for a snapshot that refers to it.
pub(crate) fn row_of(rows: &[LogRow]) -> impl Fn(Version) -> Option<RowValues> + '_ {
    |version| {
        let row = rows.iter().find(|row| row.version == version)?;
        Some(RowValues::read(row).unwrap())
    }
}
