//! One simulated world: a run, the processes that drive it, and what happens to them, in one thread and virtual time.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value};
use uuid::Uuid;

use super::chance::{Chance, FaultCounts};
use super::engine::{Outcome, Process, Processes};
use super::fault::{Fault, FaultKind};
use super::ledger::Ledger;
use super::operator::Operation;
use super::simulation::Scenario;
use super::store::{ModelStore, StoreAccess};
use super::trace::Trace;
use super::worker::{Executions, Report};
use crate::policy::Group;
use crate::port::{Priority, RunId, StepRef, Timestamp};
use crate::run::{Input, Place, Rejection, RetryOwner, Start};

/// Where virtual time begins: 2026-01-01T00:00:00Z.
pub(super) const BEGIN: Timestamp = Timestamp::from_millis(1_767_225_600_000);
/// A world in which more happens does not come to an end.
const MAX_HAPPENINGS: u64 = 10_000_000;
/// How long a client waits for an answer before it repeats its call.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);

/// What is wrong with the runtime itself, or with the world it was put into.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Breach {
    /// Seed of the world: simulate one run with it to see it again.
    pub seed: u64,
    /// Virtual time since the beginning, in milliseconds.
    pub at_ms: i64,
    /// What does not hold.
    pub what: String,
}

/// How step items reach workers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Transport {
    /// Workers take them from the store's own queue.
    Native,
    /// A relay passes them on to a transport of the host, which may lose and repeat them.
    Relayed,
}

/// What is to happen.
#[derive(Debug)]
pub(super) enum Happening {
    /// The client starts the run.
    Start(RunId),
    /// A process looks for what is due.
    Wake(Process),
    /// A worker gets the message of an attempt.
    Deliver(StepRef),
    /// A handler does what it is there for.
    Effect(u64),
    /// A handler returns.
    Return(u64),
    /// A worker prolongs its lease.
    Heartbeat(u64),
    /// A report arrives at an engine.
    Report(Box<Report>),
    /// A worker that got no answer reports again.
    Repeat(Box<Report>),
    /// A clock jumps by so many milliseconds.
    ClockJump(Process, i64),
    /// The power is cut.
    PowerCut,
    /// Somebody answers a step that waits; so many have before.
    Respond(RunId, Place, u32),
    /// An operator steers the run.
    Operate(RunId, Operation),
}

struct Entry {
    at: Timestamp,
    sequence: u64,
    happening: Happening,
}

impl Ord for Entry {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.at, self.sequence).cmp(&(other.at, other.sequence))
    }
}

impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Entry {}

pub(super) struct World<'a, A> {
    pub(super) scenario: &'a Scenario,
    seed: u64,
    pub(super) now: Timestamp,
    agenda: BinaryHeap<Reverse<Entry>>,
    sequence: u64,
    /// When the next wake-up is planned.
    wake: Option<Timestamp>,
    pub(super) chance: Chance,
    pub(super) store: ModelStore,
    pub(super) access: A,
    pub(super) processes: Processes,
    pub(super) transport: Transport,
    pub(super) retry_owner: RetryOwner,
    pub(super) ledgers: BTreeMap<RunId, Box<Ledger>>,
    /// The records of concurrency groups.
    pub(super) groups: BTreeMap<String, Group>,
    /// Attempts in the hands of workers, by number: a few.
    pub(super) executions: Executions,
    /// How often the machine was started: what it remembered before is gone.
    pub(super) boot: u32,
    /// The power is about to be cut: nothing reaches the disk or a client any more.
    pub(super) doomed: bool,
    pub(super) transitions: u64,
    pub(super) trace: Trace,
    breach: Option<Breach>,
}

/// What is left of a world.
pub(super) struct Ended {
    pub(super) seed: u64,
    pub(super) ledgers: BTreeMap<RunId, Box<Ledger>>,
    pub(super) breach: Option<Breach>,
    pub(super) faults: FaultCounts,
    pub(super) transitions: u64,
    pub(super) hash: [u8; 32],
    pub(super) log: Vec<String>,
}

impl<'a, A: StoreAccess> World<'a, A> {
    pub(super) fn new(scenario: &'a Scenario, seed: u64, access: A) -> Self {
        let mut chance = Chance::new(seed, scenario.faults);
        let relayed = scenario.faults.chance(FaultKind::Loss) > 0.0 && chance.one_in(0.5);
        let transport = if relayed {
            Transport::Relayed
        } else {
            Transport::Native
        };
        let retry_owner = if relayed && chance.one_in(0.5) {
            RetryOwner::Host
        } else {
            RetryOwner::Engine
        };
        Self {
            scenario,
            seed,
            now: BEGIN,
            agenda: BinaryHeap::new(),
            sequence: 0,
            wake: None,
            chance,
            store: ModelStore::default(),
            access,
            processes: Processes::default(),
            transport,
            retry_owner,
            ledgers: BTreeMap::new(),
            groups: BTreeMap::new(),
            executions: Executions::default(),
            boot: 0,
            doomed: false,
            transitions: 0,
            trace: Trace::new(scenario.keep_log),
            breach: None,
        }
    }

    /// Lets everything happen until nothing is left to happen.
    pub(super) fn run(mut self) -> Ended {
        self.begin();
        let mut happenings = 0;
        while self.breach.is_none() {
            let Some(Reverse(entry)) = self.agenda.pop() else {
                break;
            };
            happenings += 1;
            if happenings > MAX_HAPPENINGS {
                self.note(format_args!("given up: the run does not come to an end"));
                break;
            }
            self.now = self.now.max(entry.at);
            self.happen(entry.happening);
            self.plan_wake();
        }
        if self.breach.is_none() {
            let problem = self
                .ledgers
                .values()
                .find_map(|ledger| ledger.problem_of_history());
            let problem = problem.or_else(|| self.problem_of_family());
            if let Some(problem) = problem {
                self.broken(problem);
            }
        }
        let (hash, log) = self.trace.finish();
        Ended {
            seed: self.seed,
            ledgers: self.ledgers,
            breach: self.breach,
            faults: *self.chance.counts(),
            transitions: self.transitions,
            hash,
            log,
        }
    }

    fn begin(&mut self) {
        let run = RunId::from_uuid(Uuid::from_u64_pair(self.seed, 1));
        let input = self.scenario.input(&mut self.chance);
        let (transport, owner) = (self.transport, self.retry_owner);
        let workflow = self.scenario.plan.name();
        self.note(format_args!(
            "run {run} of {workflow}, {transport:?}, retries kept by {owner:?}, input {input}"
        ));
        let plan = Arc::clone(&self.scenario.plan);
        let ledger = Box::new(Ledger::new(run, plan, input));
        self.ledgers.insert(run, ledger);
        self.plan(Duration::ZERO, Happening::Start(run));
        if self
            .chance
            .one_in(self.scenario.faults.chance(FaultKind::Clock))
        {
            for _ in 0..=self.chance.below(3) {
                let process = self.processes.any(&mut self.chance);
                let by = self.chance.between(1_000, 7_200_000);
                let by = if self.chance.one_in(0.5) { by } else { -by };
                let after = self.chance.millis(0, 120_000);
                self.plan(after, Happening::ClockJump(process, by));
            }
        }
        self.plan_operations(run);
    }

    fn happen(&mut self, happening: Happening) {
        match happening {
            Happening::Start(run) => self.start(run),
            Happening::Wake(process) => {
                self.wake = None;
                self.wake_up(process);
            }
            Happening::Deliver(step) => self.deliver(step),
            Happening::Effect(execution) => self.take_effect(execution),
            Happening::Return(execution) => self.returned(execution),
            Happening::Heartbeat(execution) => self.heartbeat(execution),
            Happening::Report(report) => self.reported(*report),
            Happening::Repeat(report) => {
                if report.boot == self.boot {
                    self.send(*report);
                }
            }
            Happening::ClockJump(process, by) => {
                let fault = if by < 0 {
                    Fault::ClockBack
                } else {
                    Fault::ClockForward
                };
                self.chance.note(fault);
                self.note(format_args!("{}: {process:?} by {by} ms", fault.as_str()));
                self.processes.of(process).skew += by;
            }
            Happening::PowerCut => self.cut_power(),
            Happening::Respond(run, place, earlier) => self.respond(run, place, earlier),
            Happening::Operate(run, operation) => self.operate(run, operation),
        }
    }

    /// The client starts the run, and repeats the call until it is answered.
    fn start(&mut self, run: RunId) {
        let Some(ledger) = self.ledgers.get(&run) else {
            return;
        };
        let start = Start {
            run,
            input: ledger.input.clone().into(),
            idempotency_key: None,
            correlation_id: None,
            labels: crate::port::Labels::new(),
            traceparent: None,
            priority: Priority::Normal,
            trigger: None,
            env: Map::new(),
            queue: "default".to_owned(),
            default_retry: self.scenario.default_retry.clone(),
            groups: Vec::new(),
            parent: None,
        };
        let process = self.process_for(run);
        match self.change(process, run, Input::Start(Box::new(start))) {
            Outcome::Answered(_) | Outcome::Refused(Rejection::AlreadyStarted { .. }) => {
                self.acknowledge(run);
            }
            Outcome::Refused(rejection) => {
                self.note(format_args!("not started: {rejection}"));
                if let Some(ledger) = self.ledgers.get_mut(&run) {
                    ledger.refused = Some(rejection.to_string());
                }
            }
            Outcome::Unanswered => self.plan(PATIENCE, Happening::Start(run)),
        }
    }

    fn cut_power(&mut self) {
        self.note(format_args!("{}", Fault::PowerCut.as_str()));
        self.doomed = false;
        self.boot += 1;
        self.store.cut_power();
        self.processes.forget_all();
        self.executions.clear();
        for run in self.ledgers.keys().copied().collect::<Vec<_>>() {
            self.recover(run);
        }
    }

    /// Plans something for later.
    pub(super) fn plan(&mut self, after: Duration, happening: Happening) {
        self.sequence += 1;
        self.agenda.push(Reverse(Entry {
            at: self.now.after(after),
            sequence: self.sequence,
            happening,
        }));
    }

    /// Plans the wake-up at which the next thing is due, unless there is one.
    fn plan_wake(&mut self) {
        let Some(due) = self.store.next_due() else {
            return;
        };
        let process = Process::Home;
        let after = due.since(self.clock(process)).max(Duration::from_millis(1));
        let at = self.now.after(after);
        if self.wake.is_none_or(|planned| at < planned) {
            self.wake = Some(at);
            let process = self
                .processes
                .usually_home(&mut self.chance, self.scenario.faults);
            self.plan(after, Happening::Wake(process));
        }
    }

    pub(super) const fn is_broken(&self) -> bool {
        self.breach.is_some()
    }

    /// A number that no execution had before.
    pub(super) const fn next_execution(&mut self) -> u64 {
        self.sequence += 1;
        self.sequence
    }

    /// How long a message takes.
    pub(super) fn latency(&mut self) -> Duration {
        let mut latency = Duration::from_millis(1);
        if self.chance.strikes(Fault::Reorder) {
            latency += self.chance.millis(1, 500);
        }
        if self.chance.strikes(Fault::Delay) {
            latency += self.chance.millis(1_000, 60_000);
        }
        latency
    }

    /// What a process takes for the time.
    pub(super) fn clock(&self, process: Process) -> Timestamp {
        let skew = self.processes.skew(process);
        Timestamp::from_millis(self.now.as_millis().saturating_add(skew))
    }

    pub(super) fn note(&mut self, what: std::fmt::Arguments<'_>) {
        let since = self.now.as_millis() - BEGIN.as_millis();
        self.trace.note(Timestamp::from_millis(since), what);
    }

    /// Notes that something does not hold; the world ends.
    pub(super) fn broken(&mut self, what: String) {
        self.note(format_args!("BROKEN: {what}"));
        self.breach.get_or_insert(Breach {
            seed: self.seed,
            at_ms: self.now.as_millis() - BEGIN.as_millis(),
            what,
        });
    }
}

impl Scenario {
    /// The input of a run: the user's, else one made from the schema.
    fn input(&self, chance: &mut Chance) -> Value {
        match (&self.input, self.plan.input()) {
            (Some(input), _) => input.clone(),
            (None, Some(schema)) => super::sample::of_schema(schema, chance).value,
            (None, None) => Value::Object(Map::new()),
        }
    }
}
