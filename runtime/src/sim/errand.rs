//! What runs ask of each other, carried out by whoever finds it due; and what must hold between a run and its children.

use std::sync::Arc;

use super::engine::{Outcome, Process};
use super::ledger::Ledger;
use super::store::StoreAccess;
use super::worker::place_of;
use super::world::World;
use crate::manifest::model::ClosePolicy;
use crate::plan::{Action, NodeId, Plan};
use crate::port::{RunId, StepRef};
use crate::run::{Errand, Input, Phase, Rejection, RunState, Start, StepError};

impl<A: StoreAccess> World<'_, A> {
    /// Carries out an errand; `false` when the process died on it.
    pub(super) fn run_errand(&mut self, process: Process, run: RunId, errand: Errand) -> bool {
        let Some(plan) = self.ledgers.get(&run).map(|it| Arc::clone(&it.plan)) else {
            self.broken(format!("{errand:?} of run {run}, which nobody started"));
            return false;
        };
        let state = match self.state(run, &plan) {
            Ok(state) => state,
            Err(problem) => {
                self.broken(problem);
                return false;
            }
        };
        let done = match errand {
            Errand::StartChild(step) => {
                let start = state.child_to_start(&plan, &step);
                start.map(|start| self.start_child(process, &plan, step, start))
            }
            Errand::CloseChild(step) => {
                let closing = state.child_to_close(&plan, &step);
                closing.map(|(closing, start)| {
                    let close = Input::Close {
                        abort: closing.abort,
                        reason: "its parent waits for it no more".to_owned(),
                    };
                    let start = (!closing.started).then_some(start);
                    self.close_child(process, &plan, step, close, start)
                })
            }
            Errand::TellParent => state.result_for_parent().map(|(step, result)| {
                let ended = Input::ChildEnded {
                    step,
                    started: true,
                    result,
                };
                match self.change(process, step.run, ended) {
                    Outcome::Unanswered => false,
                    Outcome::Answered(_) | Outcome::Refused(_) => {
                        self.acted(process, run, Input::ParentTold)
                    }
                }
            }),
        };
        done.unwrap_or_else(|| {
            self.broken(format!(
                "{errand:?} of run {run} is due, and nothing is to be done"
            ));
            false
        })
    }

    fn acted(&mut self, process: Process, run: RunId, input: Input) -> bool {
        match self.change(process, run, input) {
            Outcome::Unanswered => false,
            Outcome::Answered(_) => true,
            Outcome::Refused(rejection) => {
                self.broken(format!(
                    "an errand of run {run} is done, and refused: {rejection}"
                ));
                false
            }
        }
    }

    fn start_child(&mut self, process: Process, plan: &Plan, step: StepRef, start: Start) -> bool {
        let child = start.run;
        if !self.know_child(plan, &step, &start) {
            return false;
        }
        let input = match self.change(process, child, Input::Start(Box::new(start))) {
            Outcome::Unanswered => return false,
            Outcome::Answered(_) => {
                self.plan_operations(child);
                Input::ChildStarted { step }
            }
            Outcome::Refused(Rejection::AlreadyStarted { .. }) => Input::ChildStarted { step },
            Outcome::Refused(rejection) => {
                self.ledgers.remove(&child);
                Input::ChildEnded {
                    step,
                    started: false,
                    result: Err(StepError::new("REFUSED", rejection.to_string())),
                }
            }
        };
        self.acted(process, step.run, input)
    }

    fn close_child(
        &mut self,
        process: Process,
        plan: &Plan,
        step: StepRef,
        close: Input,
        start: Option<Start>,
    ) -> bool {
        let child = crate::run::child_run(&step);
        if let Some(start) = start {
            if !self.know_child(plan, &step, &start) {
                return false;
            }
            let reason = "its parent waits for it no more".to_owned();
            let start = Box::new(start);
            // Of the two the first counts.
            match self.change(process, child, Input::Forestall { start, reason }) {
                Outcome::Unanswered => return false,
                Outcome::Answered(_) | Outcome::Refused(_) => {}
            }
        }
        match self.change(process, child, close) {
            Outcome::Unanswered => false,
            Outcome::Answered(_) => self.acted(process, step.run, Input::ChildClosed { step }),
            Outcome::Refused(rejection) => {
                self.broken(format!("child run {child} cannot be closed: {rejection}"));
                false
            }
        }
    }

    /// Has a child run followed from its first transition on.
    fn know_child(&mut self, plan: &Plan, step: &StepRef, start: &Start) -> bool {
        let node = plan.node(NodeId(step.node)).map(|node| &node.action);
        let child = match node {
            Some(Action::Subflow(subflow)) => plan.subflow(&subflow.plan),
            _ => None,
        };
        let Some(child) = child else {
            self.broken(format!("{step:?} has no workflow to run"));
            return false;
        };
        let ledger = || Ledger::of_child(start.run, Arc::clone(child), start.input.clone());
        self.ledgers.entry(start.run).or_insert_with(ledger);
        true
    }

    /// What does not hold between runs and their children when nothing happens any more.
    pub(super) fn problem_of_family(&self) -> Option<String> {
        self.ledgers.values().find_map(|ledger| {
            let state = ledger.shadow.as_ref()?;
            self.problem_of_child(state)
                .or_else(|| self.problem_of_parent(state))
        })
    }

    /// A child that has not ended is waited for, or was abandoned.
    fn problem_of_child(&self, child: &RunState) -> Option<String> {
        let parent = child.parent().filter(|_| !child.status().is_terminal())?;
        let ledger = self.ledgers.get(&parent.run)?;
        let state = ledger.shadow.as_ref()?;
        let attempt = parent.attempt();
        let step = state.step(place_of(&attempt));
        let awaited =
            step.is_some_and(|step| step.phase.is_in_flight() && step.attempt == attempt.attempt);
        let node = ledger
            .plan
            .node(NodeId(attempt.node))
            .map(|node| &node.action);
        let abandoned =
            matches!(node, Some(Action::Subflow(subflow)) if subflow.close == ClosePolicy::Abandon);
        (!awaited && !abandoned)
            .then(|| format!("run {} goes on, and nobody waits for it", child.run()))
    }

    /// A step that waits for a child run waits for one that has not ended.
    fn problem_of_parent(&self, parent: &RunState) -> Option<String> {
        let mut waiting = parent
            .steps()
            .filter(|(_, step)| step.phase == Phase::Child)
            .filter_map(|(_, step)| step.child);
        let ended = waiting.find(|child| {
            let ledger = self.ledgers.get(child);
            ledger.is_none_or(|it| it.status().is_none_or(|status| status.is_terminal()))
        })?;
        Some(format!(
            "run {} waits for run {ended}, which has ended",
            parent.run()
        ))
    }
}
