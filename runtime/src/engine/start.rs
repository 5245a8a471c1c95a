//! Starting runs.

use std::sync::{Arc, Mutex};

use serde_json::Value;
use uuid::{ContextV7, Uuid};

use super::Engine;
use super::change::rejected;
use super::core::Core;
use super::errand::Errands;
use super::options::{check_labels, check_queue};
use super::stored::{Before, Hot, Prepared, prepare};
use crate::error::{Category, Error, code};
use crate::manifest::{Document, Kind};
use crate::plan::Plan;
use crate::port::{CommitOutcome, Labels, Priority, RunId, Timestamp};
use crate::run::{self, Data, Input, Start};

/// What to start, and with what.
#[derive(Debug, Clone)]
pub struct StartRequest {
    /// The task or workflow.
    pub what: Startable,
    /// Its input. Read from JSON text (`serde_json::from_str`), long lists in it are never values in memory.
    pub input: Data,
    /// Starting again with the same workflow and key gives the same run.
    pub idempotency_key: Option<String>,
    /// Ties together what belongs to one business case.
    pub correlation_id: Option<String>,
    /// Names and values to find the run by; those of the manifest's `metadata.labels` are added.
    pub labels: Labels,
    /// W3C trace context handed to every step.
    pub traceparent: Option<String>,
    /// Priority of the run's step items.
    pub priority: Priority,
    /// The event that starts the run: `trigger` in expressions.
    pub trigger: Option<Value>,
    /// Queue of the step items; `None` = the engine's.
    pub queue: Option<String>,
}

/// A task or workflow, by reference or compiled.
#[derive(Debug, Clone)]
pub enum Startable {
    /// Name, path below a manifest root, or `ossa://` URI; where both a task and a workflow have the name, `kind` tells
    /// which one is meant.
    Reference {
        /// The reference.
        reference: String,
        /// Only one of this kind.
        kind: Option<Kind>,
    },
    /// A compiled plan.
    Plan(Arc<Plan>),
}

impl StartRequest {
    /// A start of the manifest with this name or path, without options.
    #[must_use]
    pub fn of(reference: impl Into<String>, input: impl Into<Data>) -> Self {
        Self::new(
            Startable::Reference {
                reference: reference.into(),
                kind: None,
            },
            input.into(),
        )
    }

    /// A start of a compiled plan, without options.
    #[must_use]
    pub fn of_plan(plan: Arc<Plan>, input: impl Into<Data>) -> Self {
        Self::new(Startable::Plan(plan), input.into())
    }

    fn new(what: Startable, input: Data) -> Self {
        Self {
            what,
            input,
            idempotency_key: None,
            correlation_id: None,
            labels: Labels::new(),
            traceparent: None,
            priority: Priority::default(),
            trigger: None,
            queue: None,
        }
    }

    /// With an idempotency key.
    #[must_use]
    pub fn with_key(mut self, key: impl Into<String>) -> Self {
        self.idempotency_key = Some(key.into());
        self
    }
}

/// A started run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StartedRun {
    /// The run.
    pub run: RunId,
    /// `false` when a run with the same idempotency key existed already.
    pub is_new: bool,
}

impl Engine {
    /// Starts a run. Durable when it returns.
    ///
    /// # Errors
    /// Category manifest when it is missing, invalid or cannot be run yet; input when the input breaks the schema;
    /// argument for a bad option; what the store fails with. After a store error the run may exist: repeat the call
    /// with an idempotency key to be sure of one.
    pub fn start(&self, request: StartRequest) -> Result<StartedRun, Error> {
        self.start_many(vec![request])
            .pop()
            .unwrap_or_else(|| Err(nothing_done()))
    }

    /// Every manifest below the roots as it is now, with what there is to say about it: what is wrong with the document,
    /// where its references lead, and whether this version can run it.
    #[must_use]
    pub fn manifests(&self) -> Vec<Document> {
        self.core().library.documents()
    }

    /// Starts many runs in one transaction; answers are in the order of the requests. Each stands for itself.
    pub fn start_many(&self, requests: Vec<StartRequest>) -> Vec<Result<StartedRun, Error>> {
        self.core().start_many(requests)
    }
}

impl Core {
    pub(super) fn start_many(&self, requests: Vec<StartRequest>) -> Vec<Result<StartedRun, Error>> {
        let mut answers: Vec<Option<Result<StartedRun, Error>>> = Vec::new();
        let mut prepared = Vec::new();
        for request in requests {
            let answer = match self.prepare_start(request) {
                Ok(run) => {
                    prepared.push((answers.len(), run));
                    None
                }
                Err(error) => Some(Err(error)),
            };
            answers.push(answer);
        }
        for (place, answer) in self.commit_starts(prepared) {
            if let Some(slot) = answers.get_mut(place) {
                *slot = Some(answer);
            }
        }
        answers
            .into_iter()
            .map(|answer| answer.unwrap_or_else(|| Err(nothing_done())))
            .collect()
    }

    fn prepare_start(&self, request: StartRequest) -> Result<Prepared, Error> {
        let queue = match request.queue {
            Some(queue) => {
                check_queue(&queue)?;
                queue
            }
            None => self.options.queue.clone(),
        };
        let plan = match request.what {
            Startable::Reference { reference, kind } => self.library.plan(&reference, kind)?,
            Startable::Plan(plan) => plan,
        };
        check_labels(&request.labels)?;
        let backend = self.backend()?;
        self.plans.keep(&plan, &*backend)?;
        let now = self.now();
        let start = Start {
            run: fresh_run(now),
            input: request.input,
            idempotency_key: request.idempotency_key,
            correlation_id: request.correlation_id,
            labels: request.labels,
            traceparent: request.traceparent,
            priority: request.priority,
            trigger: request.trigger,
            env: self.options.env.clone(),
            queue,
            default_retry: self.options.default_retry.clone(),
            groups: Vec::new(),
            parent: None,
        };
        let run = start.run;
        let transition = run::apply(&plan, None, Input::Start(Box::new(start)), now)
            .map_err(|rejection| rejected(run, &rejection))?;
        prepare(&Before::default(), plan, transition, now)
    }

    fn commit_starts(
        &self,
        prepared: Vec<(usize, Prepared)>,
    ) -> Vec<(usize, Result<StartedRun, Error>)> {
        if prepared.is_empty() {
            return Vec::new();
        }
        let mut errands = Errands::new();
        let (mut commits, states): (Vec<_>, Vec<_>) = prepared
            .into_iter()
            .map(|(place, prepared)| (prepared.commit, (place, prepared.hot)))
            .unzip();
        let outcomes = self
            .publish_events(&mut commits)
            .and_then(|()| Ok(self.backend()?.commit(&commits)?));
        let outcomes = match outcomes {
            Ok(outcomes) => outcomes,
            Err(error) => {
                return states
                    .into_iter()
                    .map(|(place, _)| (place, Err(error.clone())))
                    .collect();
            }
        };
        let mut started = Vec::with_capacity(states.len());
        for (((place, hot), outcome), commit) in states.into_iter().zip(outcomes).zip(&commits) {
            if outcome == CommitOutcome::Committed {
                Self::note_errands(commit, &mut errands);
            }
            started.push((place, self.started(hot, outcome)));
        }
        self.carry_out(errands);
        started
    }

    fn started(&self, hot: Hot, outcome: CommitOutcome) -> Result<StartedRun, Error> {
        let run = hot.head.run;
        match outcome {
            CommitOutcome::Committed => {
                self.remember(Arc::new(hot));
                Ok(StartedRun { run, is_new: true })
            }
            CommitOutcome::Duplicate { existing } => Ok(StartedRun {
                run: existing,
                is_new: false,
            }),
            // The id was made for this run: who else has it made it in a repeated call of the backend itself.
            CommitOutcome::Conflict { .. } => Ok(StartedRun { run, is_new: true }),
        }
    }
}

/// Counts the ids made within one millisecond; one for the process, whatever number of engines it has.
static IDS: Mutex<ContextV7> = Mutex::new(ContextV7::new());

/// A run's id: a version 7 UUID of the engine's clock. Ids made by one process sort in the order they were made in.
fn fresh_run(now: Timestamp) -> RunId {
    let millis = u64::try_from(now.as_millis()).unwrap_or(0);
    let nanos = u32::try_from(millis % 1000 * 1_000_000).unwrap_or(0);
    let time = uuid::Timestamp::from_unix(&IDS, millis / 1000, nanos);
    RunId::from_uuid(Uuid::new_v7(time))
}

fn nothing_done() -> Error {
    Error::new(
        Category::Engine,
        code::RUN_BUSY,
        "the call was not carried out",
    )
    .retryable()
}
