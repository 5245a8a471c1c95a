//! What runs ask of each other, carried out by whoever finds it due; and what must hold between a run and its children.

use std::sync::Arc;

use super::engine::{Outcome, Process};
use super::ledger::Ledger;
use super::store::StoreAccess;
use super::worker::place_of;
use super::world::World;
use crate::manifest::model::ClosePolicy;
use crate::plan::{Action, NodeId, Plan};
use crate::policy::{Group, Member, Standing};
use crate::port::{RunId, RunStatus, StepRef};
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
            Errand::Group(_) => state
                .member_to_note(&plan)
                .map(|(name, member, standing)| self.tend_group(process, name, member, standing)),
        };
        done.unwrap_or_else(|| {
            self.broken(format!(
                "{errand:?} of run {run} is due, and nothing is to be done"
            ));
            false
        })
    }

    fn tend_group(
        &mut self,
        process: Process,
        name: &str,
        member: Member,
        standing: Standing,
    ) -> bool {
        self.group(name).note(member, standing);
        loop {
            let holders = self.group(name).holders.clone();
            let mut gone = None;
            for holder in holders {
                let status = self.ledgers.get(&holder.run).and_then(|it| it.status());
                match status {
                    Some(status) if !status.is_terminal() => {
                        if matches!(
                            self.change(process, holder.run, Input::Admit),
                            Outcome::Unanswered
                        ) {
                            return false;
                        }
                    }
                    _ => gone = Some(holder),
                }
            }
            match gone {
                Some(gone) => self.group(name).note(gone, Standing::Ended),
                None => break,
            }
        }
        let group = self.group(name).clone();
        if standing == Standing::Waiting {
            if group.holds(member.run) {
                return true;
            }
            for other in group.superseded_by(member.run) {
                let close = Input::Close {
                    abort: false,
                    reason: "a newer run of the group takes its place".to_owned(),
                };
                if matches!(self.change(process, other, close), Outcome::Unanswered) {
                    return false;
                }
            }
        }
        let place = group.place(member.run);
        let ahead = place.map_or(0, |place| place + group.holders.len());
        let ahead = u32::try_from(ahead).unwrap_or(u32::MAX);
        self.acted(process, member.run, Input::GroupNoted { ahead })
    }

    fn group(&mut self, name: &str) -> &mut Group {
        self.groups.entry(name.to_owned()).or_default()
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
        let ledger = || {
            let input = start.input.whole().into_owned();
            Box::new(Ledger::of_child(start.run, Arc::clone(child), input))
        };
        self.ledgers.entry(start.run).or_insert_with(ledger);
        true
    }

    /// What does not hold between runs and their children when nothing happens any more.
    pub(super) fn problem_of_family(&self) -> Option<String> {
        self.ledgers.values().find_map(|ledger| {
            let state = ledger.shadow.as_ref()?;
            self.problem_of_child(state)
                .or_else(|| self.problem_of_parent(state))
                .or_else(|| problem_of_place(state))
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

/// Who waits for a slot gets it in the end.
fn problem_of_place(state: &RunState) -> Option<String> {
    let waits = state.status() == RunStatus::Pending;
    waits.then(|| format!("run {} never gets a slot of its group", state.run()))
}
