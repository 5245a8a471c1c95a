//! Workers: they run handlers that are stubbed, and report.

use std::fmt;
use std::time::Duration;

use serde_json::Value;

use super::engine::{Outcome, Process};
use super::fault::{Fault, FaultKind};
use super::store::{Claim, StoreAccess};
use super::world::{Happening, PATIENCE, World};
use crate::plan::NodeId;
use crate::port::{StepRef, Timestamp};
use crate::run::{Answer, Input, Next, Place, RetryOwner, ScopeId, StepError};

/// How long a claim holds unless it is prolonged.
pub(super) const LEASE: Duration = Duration::from_secs(30);
/// How often a worker prolongs it.
const HEARTBEAT: Duration = Duration::from_secs(10);

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

/// Executions by number.
#[derive(Debug, Default)]
pub(super) struct Executions(Vec<(u64, Execution)>);

impl Executions {
    fn get(&self, number: u64) -> Option<&Execution> {
        let found = self.0.iter().find(|(it, _)| *it == number);
        found.map(|(_, execution)| execution)
    }

    fn get_mut(&mut self, number: u64) -> Option<&mut Execution> {
        let found = self.0.iter_mut().find(|(it, _)| *it == number);
        found.map(|(_, execution)| execution)
    }

    fn remove(&mut self, number: u64) -> Option<Execution> {
        let at = self.0.iter().position(|(it, _)| *it == number)?;
        Some(self.0.swap_remove(at).1)
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }
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
    /// A worker begins with an attempt.
    pub(super) fn execute(&mut self, process: Process, claim: Claim) {
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
        self.executions.0.push((number, execution));
        self.plan(duration / 2, Happening::Effect(number));
        if !stalled && duration > HEARTBEAT {
            self.plan(HEARTBEAT, Happening::Heartbeat(number));
        }
    }

    /// The handler does its work, or fails at it.
    pub(super) fn take_effect(&mut self, number: u64) {
        let Some(execution) = self.executions.get(number) else {
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
                self.executions.remove(number);
                return self.note(format_args!("{}", Fault::CrashAfterEffect.as_str()));
            }
        }
        if let Some(execution) = self.executions.get_mut(number) {
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
        let faults = self.scenario.faults;
        if self.chance.one_in(faults.chance(FaultKind::Fail)) {
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
        if self.chance.one_in(faults.chance(FaultKind::Wrong))
            && let Some(wrong) = self.wrong_output(step)
        {
            self.chance.note(Fault::WrongOutput);
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
        let Some(execution) = self.executions.remove(number) else {
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
        if self.chance.strikes(Fault::LostReport) {
            return self.plan(PATIENCE, Happening::Repeat(Box::new(report)));
        }
        let after = self.latency();
        self.plan(after, Happening::Report(Box::new(report)));
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
        let Some(execution) = self.executions.get(number) else {
            return;
        };
        let until = self.clock(execution.process).after(LEASE);
        let claim = execution.claim;
        if !execution.stalled && self.store.extend(claim.step, claim.fence, until) {
            self.plan(HEARTBEAT, Happening::Heartbeat(number));
        }
    }

    fn stub(&self, step: &StepRef) -> Option<&super::stub::Stub> {
        let plan = &self.ledgers.get(&step.run)?.plan;
        self.scenario
            .stubs
            .of_step(&plan.node(NodeId(step.node))?.id)
    }
}

/// An attempt in the log.
pub(super) struct Named<'a>(pub(super) &'a StepRef);

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

pub(super) const fn place_of(step: &StepRef) -> Place {
    Place {
        scope: ScopeId(step.scope),
        node: NodeId(step.node),
    }
}
