//! People who steer runs: at any moment, and whatever the run thinks of it.

use super::engine::Outcome;
use super::fault::{Fault, FaultKind};
use super::store::StoreAccess;
use super::world::{Happening, PATIENCE, World};
use crate::port::RunId;
use crate::run::{Answer, Command, Input, Order, Phase, Place, Rejection, StepOrder, StepState};

/// Operators lose patience, too.
const MOST_INTERVENTIONS: u32 = 5;

/// Who orders it.
const OPERATOR: &str = "operator";

/// What an operator does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operation {
    Cancel,
    Abort,
    Pause,
    Resume,
    Quarantine,
    Release,
    Skip,
    Execute,
    Retry,
}

impl Operation {
    /// Those that come without an occasion.
    const UNPROVOKED: [Self; 6] = [
        Self::Cancel,
        Self::Abort,
        Self::Pause,
        Self::Quarantine,
        Self::Skip,
        Self::Execute,
    ];

    const fn fault(self) -> Fault {
        match self {
            Self::Cancel => Fault::Cancel,
            Self::Abort => Fault::Abort,
            Self::Pause | Self::Resume => Fault::Pause,
            Self::Quarantine | Self::Release => Fault::Quarantine,
            Self::Skip => Fault::SkipByHand,
            Self::Execute => Fault::ExecuteByHand,
            Self::Retry => Fault::RetryByHand,
        }
    }

    /// Whether the operation may be meant for a step that stands like this.
    const fn is_for(self, step: &StepState) -> bool {
        match self {
            Self::Retry => matches!(step.phase, Phase::Failed { .. } | Phase::Canceled),
            Self::Execute => matches!(step.phase, Phase::Ready) || step.phase.is_in_flight(),
            _ => true,
        }
    }
}

impl<A: StoreAccess> World<'_, A> {
    /// Operators plan what they will do to a run.
    pub(super) fn plan_operations(&mut self, run: RunId) {
        let chance = self.scenario.faults.chance(FaultKind::Operator);
        if !self.chance.one_in(chance) {
            return;
        }
        for _ in 0..=self.chance.below(3) {
            let after = self.chance.millis(0, 2_000);
            if let Some(operation) = self.chance.pick(&Operation::UNPROVOKED).copied() {
                self.plan(after, Happening::Operate(run, operation));
            }
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
            let operation = if self.chance.one_in(0.3) {
                Operation::Skip
            } else {
                Operation::Retry
            };
            self.plan(after, Happening::Operate(run, operation));
        }
    }

    pub(super) fn operate(&mut self, run: RunId, operation: Operation) {
        let Some(input) = self.input_of(run, operation) else {
            return;
        };
        let process = self.process_for(run);
        match self.change(process, run, input) {
            Outcome::Unanswered => {
                return self.plan(PATIENCE, Happening::Operate(run, operation));
            }
            Outcome::Answered(Answer::Applied { .. }) => {
                self.note(format_args!("{}", operation.fault().as_str()));
                self.chance.note(operation.fault());
                self.acknowledge(run);
            }
            Outcome::Refused(
                rejection @ (Rejection::NotSteerable { .. }
                | Rejection::StepNotSteerable { .. }
                | Rejection::NotRetryable { .. }
                | Rejection::NotStarted),
            ) => self.note(format_args!("{rejection}")),
            Outcome::Answered(Answer::Ignored) => {}
            other => self.broken(format!("{operation:?} leads to {other:?}")),
        }
        self.plan_end_of_hold(run, operation);
    }

    /// Whoever holds a run lets it go on one day.
    fn plan_end_of_hold(&mut self, run: RunId, operation: Operation) {
        let state = self.ledgers.get(&run).and_then(|it| it.shadow.as_ref());
        let undo = match operation {
            Operation::Pause if state.is_some_and(|it| it.paused().is_some()) => Operation::Resume,
            Operation::Quarantine if state.is_some_and(|it| it.quarantined().is_some()) => {
                Operation::Release
            }
            _ => return,
        };
        let after = self.chance.millis(1_000, 600_000);
        self.plan(after, Happening::Operate(run, undo));
    }

    fn input_of(&mut self, run: RunId, operation: Operation) -> Option<Input> {
        let command = match operation {
            Operation::Cancel => {
                return Some(Input::Cancel {
                    by: OPERATOR.to_owned(),
                    reason: "enough".to_owned(),
                });
            }
            Operation::Abort => Command::Abort,
            Operation::Pause => Command::Pause,
            Operation::Resume => Command::Resume,
            Operation::Quarantine => Command::Quarantine,
            Operation::Release => Command::Release,
            Operation::Retry => self.command_for(run, operation, StepOrder::Retry)?,
            Operation::Skip => self.command_for(run, operation, StepOrder::Skip)?,
            Operation::Execute => self.command_for(run, operation, StepOrder::Execute)?,
        };
        Some(Input::Steer(Box::new(Order {
            command,
            by: OPERATOR.to_owned(),
            reason: String::new(),
        })))
    }

    fn command_for(
        &mut self,
        run: RunId,
        operation: Operation,
        order: StepOrder,
    ) -> Option<Command> {
        let place = self.step_for(run, operation)?;
        Some(Command::Step {
            scope: place.scope.0,
            node: place.node.0,
            order,
        })
    }

    fn step_for(&mut self, run: RunId, operation: Operation) -> Option<Place> {
        let state = self.ledgers.get(&run)?.shadow.as_ref()?;
        let meant = state.steps().filter(|(_, step)| operation.is_for(step));
        let meant: Vec<Place> = meant.map(|(place, _)| place).collect();
        self.chance.pick(&meant).copied()
    }
}
