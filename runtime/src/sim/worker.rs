//! Workers: they claim attempts, run handlers that are stubbed, and report. And the ticks of the engines beside them.

use std::fmt;
use std::time::Duration;

use serde_json::Value;

use super::engine::{Outcome, Process};
use super::fault::{Fault, FaultKind};
use super::store::{Claim, Claimed, StoreAccess};
use super::world::{Happening, PATIENCE, Transport, World};
use crate::plan::NodeId;
use crate::port::{RunId, StepRef, Timestamp};
use crate::run::{Answer, Input, Next, Phase, Place, RetryOwner, ScopeId, StepError};

/// How long a claim holds unless it is prolonged.
const LEASE: Duration = Duration::from_secs(30);
/// How often a worker prolongs it.
const HEARTBEAT: Duration = Duration::from_secs(10);
/// When an item comes again that was handed to another transport.
const DISPATCH_DEADLINE: Duration = Duration::from_secs(300);
/// An attempt that lost so many workers fails.
const MAX_LOSSES: u32 = 5;
/// Operators lose patience, too.
const MOST_INTERVENTIONS: u32 = 5;
/// How much earlier than due the host may bring a retry.
const EARLY: Duration = Duration::from_secs(1);

/// An attempt in the hands of a worker.
#[derive(Debug)]
pub(super) struct Execution {
    claim: Claim,
    process: Process,
    /// When the handler returns.
    until: Timestamp,
    /// The worker hangs: its lease is not prolonged.
    stalled: bool,
    result: Option<Handled>,
}

/// How a handler ended.
#[derive(Debug, Clone)]
pub(super) enum Handled {
    Output(Value),
    Error(StepError),
}

/// A result on its way to an engine.
#[derive(Debug, Clone)]
pub(super) struct Report {
    step: StepRef,
    fence: u64,
    result: Handled,
    pub(super) boot: u32,
}

impl<A: StoreAccess> World<'_, A> {
    /// A process does all that is due by its clock.
    pub(super) fn wake_up(&mut self, process: Process) {
        let now = self.clock(process);
        while !self.is_broken() {
            let carried_out = if let Some(step) = self.store.overdue(now) {
                self.give_up(process, step, timed_out())
            } else if let Some(timer) = self.store.due_timer(now) {
                let run = timer.key.run;
                let input = Input::TimerFired {
                    name: timer.key.name.clone(),
                    generation: timer.generation,
                };
                self.fire(process, run, input)
            } else if let Some(step) = self.store.first_visible(now) {
                self.hand_out(process, step);
                true
            } else {
                return;
            };
            if !carried_out {
                // The process died on it; another one goes on.
                return;
            }
        }
    }

    fn fire(&mut self, process: Process, run: RunId, input: Input) -> bool {
        match self.change(process, run, input) {
            Outcome::Unanswered => false,
            Outcome::Answered(Answer::Applied { .. }) => true,
            other => {
                self.broken(format!("a due timer leads to nothing: {other:?}"));
                false
            }
        }
    }

    /// The engine ends an attempt by itself.
    fn give_up(&mut self, process: Process, step: StepRef, error: StepError) -> bool {
        let input = Input::Failed {
            step,
            error,
            retry_owner: RetryOwner::Engine,
        };
        match self.change(process, step.run, input) {
            Outcome::Unanswered => false,
            Outcome::Answered(Answer::Recorded { .. }) => true,
            other => {
                self.broken(format!(
                    "{} has an item and cannot be ended: {other:?}",
                    Named(&step)
                ));
                false
            }
        }
    }

    /// Gives a visible item to a worker, or to the other transport.
    fn hand_out(&mut self, process: Process, step: StepRef) {
        let now = self.clock(process);
        match self.transport {
            Transport::Native => {
                if let Claimed::Yes(claim) = self.store.claim(step, now, LEASE) {
                    self.admit(process, claim);
                }
            }
            Transport::Relayed => {
                self.store.postpone(step, now.after(DISPATCH_DEADLINE));
                self.publish(step, Duration::ZERO);
            }
        }
    }

    /// The transport of the host takes a message.
    fn publish(&mut self, step: StepRef, delay: Duration) {
        let mut copies = 1;
        if self.chance.strikes(Fault::DuplicateDelivery) {
            copies += 1;
        }
        for _ in 0..copies {
            if self.chance.strikes(Fault::LostMessage) {
                self.note(format_args!(
                    "{}: {}",
                    Fault::LostMessage.as_str(),
                    Named(&step)
                ));
                continue;
            }
            let after = delay + self.latency();
            self.plan(after, Happening::Deliver(step));
        }
    }

    /// A worker got a message and claims the attempt it names, or the one that follows it.
    pub(super) fn deliver(&mut self, step: StepRef) {
        let process = self.process_for(step.run);
        let now = self.clock(process);
        let mut step = step;
        loop {
            match self.store.claim(step, now, LEASE) {
                Claimed::Yes(claim) => return self.admit(process, claim),
                Claimed::Held { until } => {
                    let after = until.since(now);
                    return self.plan(after, Happening::Deliver(step));
                }
                Claimed::Gone => match self.attempt_after(&step, now) {
                    Some((_, due)) if due > now.after(EARLY) => {
                        return self.plan(due.since(now), Happening::Deliver(step));
                    }
                    Some((next, _)) => step = next,
                    None => return,
                },
            }
        }
    }

    /// The attempt that waits in place of a failed one, when the host redelivers the failed one's message.
    fn attempt_after(&self, step: &StepRef, now: Timestamp) -> Option<(StepRef, Timestamp)> {
        if self.retry_owner != RetryOwner::Host {
            return None;
        }
        let place = place_of(step);
        let state = self.ledgers.get(&step.run)?.shadow.as_ref()?.step(place)?;
        let due = match state.phase {
            Phase::Retrying { due } => due,
            Phase::Running => now,
            _ => return None,
        };
        (state.attempt > step.attempt).then(|| (place.attempt(step.run, state.attempt), due))
    }

    /// Lets a claimed attempt be run, or ends it when it must not be.
    fn admit(&mut self, process: Process, claim: Claim) {
        if claim.losses >= MAX_LOSSES {
            let message = format!("{} workers were lost while running it", claim.losses);
            self.give_up(process, claim.step, StepError::new("WORKER_LOST", message));
        } else if claim.deadline <= self.clock(process) {
            self.give_up(process, claim.step, timed_out());
        } else {
            self.execute(process, claim);
        }
    }

    fn execute(&mut self, process: Process, claim: Claim) {
        let step = claim.step;
        self.note(format_args!(
            "{} claimed, fence {}",
            Named(&step),
            claim.fence
        ));
        if self.chance.strikes(Fault::CrashBeforeEffect) {
            return self.note(format_args!("{}", Fault::CrashBeforeEffect.as_str()));
        }
        let stubbed = self.stub(&step).and_then(|stub| stub.duration);
        let mut duration = stubbed.unwrap_or_else(|| self.chance.millis(5, 500));
        let mut stalled = false;
        if self.chance.strikes(Fault::Timeout) {
            duration += claim.timeout;
        } else if self.chance.strikes(Fault::LostLease) {
            duration += LEASE + self.chance.millis(1_000, 60_000);
            stalled = true;
        }
        let number = self.next_execution();
        let execution = Execution {
            claim,
            process,
            until: self.now.after(duration),
            stalled,
            result: None,
        };
        self.executions.insert(number, execution);
        self.plan(duration / 2, Happening::Effect(number));
        if !stalled && duration > HEARTBEAT {
            self.plan(HEARTBEAT, Happening::Heartbeat(number));
        }
    }

    /// The handler does its work, or fails at it.
    pub(super) fn take_effect(&mut self, number: u64) {
        let Some(execution) = self.executions.get(&number) else {
            return;
        };
        let (step, until) = (execution.claim.step, execution.until);
        let result = self.handle(&step);
        if matches!(result, Handled::Output(_)) {
            self.note(format_args!("{} takes effect", Named(&step)));
            if let Some(ledger) = self.ledgers.get_mut(&step.run) {
                *ledger.effects.entry(place_of(&step)).or_default() += 1;
            }
            if self.chance.strikes(Fault::CrashAfterEffect) {
                self.executions.remove(&number);
                return self.note(format_args!("{}", Fault::CrashAfterEffect.as_str()));
            }
        }
        if let Some(execution) = self.executions.get_mut(&number) {
            execution.result = Some(result);
        }
        let left = until.since(self.now);
        self.plan(left, Happening::Return(number));
    }

    fn handle(&mut self, step: &StepRef) -> Handled {
        let stub = self.stub(step);
        let stubbed_failure = stub.map_or(0.0, |stub| stub.fail);
        let error = stub.and_then(|stub| stub.error.clone());
        if self.chance.one_in(stubbed_failure) {
            let usual = || StepError::new("HANDLER_ERROR", "the stub fails");
            return Handled::Error(error.unwrap_or_else(usual));
        }
        if self
            .chance
            .one_in(self.scenario.faults.chance(FaultKind::Fail))
        {
            let fatal = self.chance.one_in(0.2);
            let fault = if fatal {
                Fault::FatalFailure
            } else {
                Fault::Failure
            };
            self.chance.note(fault);
            return Handled::Error(StepError {
                retryable: fatal.then_some(false),
                ..StepError::new("HANDLER_ERROR", fault.as_str())
            });
        }
        if let Some(wrong) = self.wrong_output(step)
            && self.chance.strikes(Fault::WrongOutput)
        {
            return Handled::Output(wrong);
        }
        let scenario = self.scenario;
        let fallback = self.fell_back(step);
        let plan = self.ledgers.get(&step.run).map(|ledger| &ledger.plan);
        let node = plan.and_then(|plan| plan.node(NodeId(step.node)));
        let output = node.map_or(Value::Null, |node| {
            scenario.stubs.output(node, fallback, &mut self.chance)
        });
        Handled::Output(output)
    }

    /// An output that the step's schema forbids.
    fn wrong_output(&self, step: &StepRef) -> Option<Value> {
        let ledger = self.ledgers.get(&step.run)?;
        let node = ledger.plan.node(NodeId(step.node))?;
        let schema = node.task()?.output_schema.as_ref()?;
        let candidates = [
            Value::Null,
            Value::from("not what was agreed"),
            Value::from(-1),
        ];
        candidates
            .into_iter()
            .find(|candidate| !schema.violations(candidate).is_empty())
    }

    fn fell_back(&self, step: &StepRef) -> bool {
        let shadow = self
            .ledgers
            .get(&step.run)
            .and_then(|it| it.shadow.as_ref());
        let state = shadow.and_then(|state| state.step(place_of(step)));
        state.is_some_and(|state| state.fallback)
    }

    /// The handler has returned: its worker reports.
    pub(super) fn returned(&mut self, number: u64) {
        let Some(execution) = self.executions.remove(&number) else {
            return;
        };
        if self.chance.strikes(Fault::CrashBeforeReport) {
            return self.note(format_args!("{}", Fault::CrashBeforeReport.as_str()));
        }
        let Some(result) = execution.result else {
            return;
        };
        self.send(Report {
            step: execution.claim.step,
            fence: execution.claim.fence,
            result,
            boot: self.boot,
        });
    }

    /// A report goes on its way.
    pub(super) fn send(&mut self, report: Report) {
        if self.chance.strikes(Fault::DuplicateReport) {
            let after = self.latency();
            self.plan(after, Happening::Report(Box::new(report.clone())));
        }
        let happening = if self.chance.strikes(Fault::LostReport) {
            return self.plan(PATIENCE, Happening::Repeat(Box::new(report)));
        } else {
            Happening::Report(Box::new(report))
        };
        let after = self.latency();
        self.plan(after, happening);
    }

    /// A report arrives at an engine.
    pub(super) fn reported(&mut self, report: Report) {
        if report.boot != self.boot {
            return;
        }
        let step = report.step;
        if matches!(report.result, Handled::Error(_))
            && self.store.was_reclaimed(step, report.fence)
        {
            // A failure of an attempt that another worker has taken over says nothing about that worker's doing.
            return;
        }
        let process = self.process_for(step.run);
        let retry_owner = self.retry_owner;
        let input = match report.result.clone() {
            Handled::Output(output) => Input::Succeeded {
                step,
                output,
                retry_owner,
            },
            Handled::Error(error) => Input::Failed {
                step,
                error,
                retry_owner,
            },
        };
        match self.change(process, step.run, input) {
            Outcome::Answered(answer) => {
                self.note(format_args!("{} reported: {answer:?}", Named(&step)));
                self.acknowledge(step.run);
                if self.chance.strikes(Fault::LostAnswer) {
                    return self.plan(PATIENCE, Happening::Repeat(Box::new(report)));
                }
                self.answered(process, step, answer);
            }
            Outcome::Refused(rejection) => {
                self.broken(format!(
                    "the result of {} is refused: {rejection}",
                    Named(&step)
                ));
            }
            Outcome::Unanswered => self.plan(PATIENCE, Happening::Repeat(Box::new(report))),
        }
    }

    /// A host that waits out the delays of retries redelivers the message of the failed attempt.
    fn answered(&mut self, process: Process, step: StepRef, answer: Answer) {
        if self.retry_owner == RetryOwner::Host
            && let Answer::Recorded {
                next: Next::Retry { at, .. },
                ..
            } = answer
        {
            let delay = at.since(self.clock(process));
            self.publish(step, delay);
        }
    }

    pub(super) fn heartbeat(&mut self, number: u64) {
        let Some(execution) = self.executions.get(&number) else {
            return;
        };
        let until = self.clock(execution.process).after(LEASE);
        let claim = execution.claim;
        if !execution.stalled && self.store.extend(claim.step, claim.fence, until) {
            self.plan(HEARTBEAT, Happening::Heartbeat(number));
        }
    }

    pub(super) fn cancel(&mut self, run: RunId) {
        let process = self.process_for(run);
        let input = Input::Cancel {
            reason: "enough".to_owned(),
        };
        match self.change(process, run, input) {
            Outcome::Answered(Answer::Applied { .. }) => {
                self.chance.note(Fault::Cancel);
                self.acknowledge(run);
            }
            Outcome::Unanswered => self.plan(PATIENCE, Happening::Cancel(run)),
            Outcome::Answered(_) | Outcome::Refused(_) => {}
        }
    }

    /// An operator may have another look at a run that failed.
    pub(super) fn run_failed(&mut self, run: RunId) {
        let Some(ledger) = self.ledgers.get_mut(&run) else {
            return;
        };
        let chance = self.scenario.faults.chance(FaultKind::Operator);
        if ledger.interventions < MOST_INTERVENTIONS && self.chance.one_in(chance) {
            ledger.interventions += 1;
            let after = self.chance.millis(1_000, 60_000);
            self.plan(after, Happening::RetryByHand(run));
        }
    }

    pub(super) fn retry_by_hand(&mut self, run: RunId) {
        let state = self.ledgers.get(&run).and_then(|it| it.shadow.as_ref());
        let failed: Vec<Place> = state
            .iter()
            .flat_map(|state| state.steps())
            .filter(|(_, step)| matches!(step.phase, Phase::Failed { .. } | Phase::Canceled))
            .map(|(place, _)| place)
            .collect();
        let Some(place) = self.chance.pick(&failed).copied() else {
            return;
        };
        let process = self.process_for(run);
        let input = Input::RetryStep {
            scope: place.scope.0,
            node: place.node.0,
        };
        match self.change(process, run, input) {
            Outcome::Answered(_) => {
                self.chance.note(Fault::RetryByHand);
                self.acknowledge(run);
            }
            Outcome::Unanswered => self.plan(PATIENCE, Happening::RetryByHand(run)),
            Outcome::Refused(rejection) => self.note(format_args!("{rejection}")),
        }
    }

    fn stub(&self, step: &StepRef) -> Option<&super::stub::Stub> {
        let plan = &self.ledgers.get(&step.run)?.plan;
        self.scenario
            .stubs
            .of_step(&plan.node(NodeId(step.node))?.id)
    }
}

fn timed_out() -> StepError {
    StepError::new("TIMEOUT", "the attempt did not report a result in time")
}

/// An attempt in the log.
struct Named<'a>(&'a StepRef);

impl fmt::Display for Named<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let StepRef {
            scope,
            node,
            attempt,
            ..
        } = self.0;
        write!(f, "attempt {attempt} of scope {scope}, node {node}")
    }
}

fn place_of(step: &StepRef) -> Place {
    Place {
        scope: ScopeId(step.scope),
        node: NodeId(step.node),
    }
}
