//! Steps that wait: for a person, for approvals, for an event.
//!
//! Nothing is held in memory meanwhile. Of two answers that contradict each other the first counts, and the second is
//! told so.

use serde_json::{Map, Value, json};

use super::bounds::foreign_violations;
use super::effect::Effect;
use super::event::Event;
use super::evolve::Unfitting;
use super::input::StepError;
use super::machine::{Machine, expression_error};
use super::names::Given;
use super::state::{Phase, Place, RunState, Vote, WaitState};
use super::transition::{Answer, Rejection};
use crate::plan::{Action, Plan, PlannedWait, WaitKind};
use crate::port::Timestamp;

/// Signals that are kept for steps which do not wait for them yet.
pub const MAX_KEPT_SIGNALS: usize = 100;

/// A person's answer to a step that waits.
#[derive(Debug, Clone, PartialEq)]
pub struct Decision {
    /// Scope instance of the step.
    pub scope: u32,
    /// Its node.
    pub node: u32,
    /// What a form asks for; of an approval `true`, `false`, `approve` or `reject`.
    pub decision: Value,
    /// Who answers: a name that stands for one person.
    pub by: String,
    /// A remark.
    pub comment: Option<String>,
}

impl Machine<'_> {
    /// Has a step wait, and takes a signal that came before.
    pub(super) fn begin_wait(
        &mut self,
        place: Place,
        input: Value,
        wait: &PlannedWait,
    ) -> Result<(), Rejection> {
        let (assignee, expects) = match self.asked(place, wait, &input) {
            Ok(asked) => asked,
            Err(error) => return self.settle_failure(place, *error).map(drop),
        };
        let due = wait.timeout.map(|timeout| self.now.after(timeout));
        let escalates = wait.escalation.as_ref().map(|e| self.now.after(e.after));
        self.record(Event::StepWaiting {
            step: self.node(place)?.id.clone(),
            scope: place.scope.0,
            node: place.node.0,
            input,
            assignee,
            expects,
            due,
            escalates,
        })?;
        for (kind, at) in [(TIMEOUT, due), (ESCALATION, escalates)] {
            if let Some(due) = at {
                self.effects.push(Effect::SetTimer {
                    name: timer(kind, place),
                    generation: self.state.waits,
                    due,
                });
            }
        }
        let kept = self.state.signals.iter().find(|signal| {
            let step = self.state.step(place);
            let waited = step.and_then(|step| step.wait.as_deref());
            waited.is_some_and(|waited| answers(wait, waited, &signal.name, &signal.payload))
        });
        let Some(signal) = kept.cloned() else {
            return Ok(());
        };
        self.answered(place, None, None, Some(signal.name))?;
        self.take_answer(place, (*signal.payload).clone())
    }

    /// Who is asked, and what an event must say. A task of another manifest knows its own input only.
    fn asked(
        &self,
        place: Place,
        wait: &PlannedWait,
        input: &Value,
    ) -> Result<Asked, Box<StepError>> {
        let names = match wait.task.name {
            Some(_) => self.names_of_task(place, &wait.task, Given::Value(input), "wait"),
            None => self.names_of_step(place, "wait"),
        };
        let failed = |what: &str, error| Box::new(expression_error(what, &error));
        let assignee = wait
            .assignee
            .as_ref()
            .map(|assignee| assignee.render(&names));
        let assignee = assignee
            .transpose()
            .map_err(|error| failed("the assignee", error))?
            .filter(|assignee| !assignee.is_null());
        let mut expects = Map::new();
        if let WaitKind::Event { filter, .. } = &wait.kind {
            for (field, template) in filter {
                let value = template
                    .render(&names)
                    .map_err(|error| failed("the filter of the event", error))?;
                expects.insert(field.clone(), value);
            }
        }
        Ok((assignee, expects))
    }

    /// A person answers.
    pub(super) fn decide(&mut self, decision: Decision) -> Result<Answer, Rejection> {
        let place = Place {
            scope: super::state::ScopeId(decision.scope),
            node: crate::plan::NodeId(decision.node),
        };
        let run = self.state.run();
        let step = self.state.step(place).ok_or(Rejection::UnknownAttempt {
            run,
            step: place.attempt(run, 0),
        })?;
        let Action::Wait(wait) = &self.node(place)?.action else {
            return Err(self.not_waiting(place, "it is not a step that people answer"));
        };
        if step.phase != Phase::Waiting {
            let by = step
                .wait
                .as_ref()
                .and_then(|wait| wait.answered_by.as_ref());
            let reason = match by {
                Some(by) => format!("it was answered by {by}"),
                None => format!("it is {}", step.phase.as_str()),
            };
            return Err(self.not_waiting(place, &reason));
        }
        match &wait.kind {
            WaitKind::Human => self.fill_in(place, wait, decision)?,
            WaitKind::Approval { require, .. } => self.vote(place, *require, decision)?,
            WaitKind::Event { name, .. } => {
                let reason = format!("it waits for the signal `{name}`");
                return Err(self.not_waiting(place, &reason));
            }
        }
        self.advance()?;
        Ok(Answer::Applied {
            status: self.status(),
        })
    }

    fn fill_in(
        &mut self,
        place: Place,
        wait: &PlannedWait,
        decision: Decision,
    ) -> Result<(), Rejection> {
        let mut answer = decision.decision;
        if let Some(form) = &wait.form {
            form.apply_defaults(&mut answer);
        }
        let violations = foreign_violations(wait.form.as_ref(), &answer);
        if !violations.is_empty() {
            return Err(self.invalid_answer(place, violations));
        }
        self.answered(place, Some(decision.by), decision.comment, None)?;
        self.take_answer(place, answer)
    }

    fn vote(&mut self, place: Place, require: u32, decision: Decision) -> Result<(), Rejection> {
        let Some(approved) = approval(&decision.decision) else {
            let violations = vec!["$: neither an approval nor a rejection".to_owned()];
            return Err(self.invalid_answer(place, violations));
        };
        let votes = |machine: &Self| {
            let step = machine.state.step(place);
            let wait = step.and_then(|step| step.wait.as_deref());
            wait.map(|wait| wait.votes.clone()).unwrap_or_default()
        };
        if votes(self).iter().any(|vote| vote.by == decision.by) {
            let reason = format!("{} has decided already", decision.by);
            return Err(self.not_waiting(place, &reason));
        }
        self.record(Event::StepVoted {
            step: self.node(place)?.id.clone(),
            scope: place.scope.0,
            node: place.node.0,
            by: decision.by,
            approved,
            comment: decision.comment,
        })?;
        let votes = votes(self);
        let approvals = votes.iter().filter(|vote| vote.approved).count();
        if approved && u32::try_from(approvals).unwrap_or(u32::MAX) < require {
            return Ok(());
        }
        self.take_answer(place, outcome(approved, &votes))
    }

    /// An event is sent to the run: it answers every step that waits for it, or is kept for the next one that will.
    pub(super) fn signal(&mut self, name: String, payload: Value) -> Result<Answer, Rejection> {
        let refused = |machine: &Self, reason: String| Rejection::SignalRefused {
            run: machine.state.run(),
            status: machine.state.status(),
            name: name.clone(),
            reason,
        };
        if self.status().is_terminal() {
            return Err(refused(self, "the run has ended".to_owned()));
        }
        let plan = self.plan;
        let waits = |action: &Action| match action {
            Action::Wait(wait) => {
                matches!(&wait.kind, WaitKind::Event { name: known, .. } if *known == name)
            }
            _ => false,
        };
        if !plan.nodes().iter().any(|node| waits(&node.action)) {
            return Err(refused(
                self,
                "no step of the workflow waits for it".to_owned(),
            ));
        }
        let violations = foreign_violations(None, &payload);
        if !violations.is_empty() {
            return Err(refused(self, violations.join("; ")));
        }
        let waiting: Vec<Place> = self
            .state
            .steps()
            .filter(|(_, step)| step.phase == Phase::Waiting)
            .filter(|(place, step)| {
                let node = plan.node(place.node);
                let (Some(Action::Wait(wait)), Some(state)) =
                    (node.map(|node| &node.action), step.wait.as_deref())
                else {
                    return false;
                };
                answers(wait, state, &name, &payload)
            })
            .map(|(place, _)| place)
            .collect();
        if waiting.is_empty() {
            if self.state.signals.len() >= MAX_KEPT_SIGNALS {
                let reason =
                    format!("{MAX_KEPT_SIGNALS} signals are kept for steps to come already");
                return Err(refused(self, reason));
            }
            self.record(Event::SignalKept { name, payload })?;
        } else {
            for place in waiting {
                self.answered(place, None, None, None)?;
                self.take_answer(place, payload.clone())?;
            }
        }
        self.advance()?;
        Ok(Answer::Applied {
            status: self.status(),
        })
    }

    fn answered(
        &mut self,
        place: Place,
        by: Option<String>,
        comment: Option<String>,
        kept: Option<String>,
    ) -> Result<(), Rejection> {
        self.record(Event::StepAnswered {
            step: self.node(place)?.id.clone(),
            scope: place.scope.0,
            node: place.node.0,
            by,
            comment,
            kept,
        })
    }

    /// The answer is the step's output, once it has passed its checks.
    fn take_answer(&mut self, place: Place, answer: Value) -> Result<(), Rejection> {
        // An answer before this one may have ended the run.
        if self.step(place)?.phase != Phase::Waiting {
            return Ok(());
        }
        match self.accept(place, answer)? {
            Ok(output) => self.complete(place, output, None),
            Err(error) => self.settle_failure(place, error).map(drop),
        }
    }

    /// A timer of a step that waits is due: its time is up, or people are told.
    pub(super) fn wait_timer_fired(
        &mut self,
        name: &str,
        generation: u64,
    ) -> Result<Answer, Rejection> {
        let Some((kind, place)) = parse(name) else {
            return Ok(Answer::Ignored);
        };
        let step = self.state.step(place);
        let step = step.filter(|step| step.phase == Phase::Waiting);
        let wait = step.and_then(|step| step.wait.as_deref());
        let (Some(wait), Action::Wait(plan)) = (
            wait.filter(|wait| wait.generation == generation),
            &self.node(place)?.action,
        ) else {
            return Ok(Answer::Ignored);
        };
        if kind == ESCALATION {
            if wait.escalates.is_none() {
                return Ok(Answer::Ignored);
            }
            let to = plan
                .escalation
                .as_ref()
                .map(|escalation| escalation.to.clone());
            self.record(Event::StepEscalated {
                step: self.node(place)?.id.clone(),
                scope: place.scope.0,
                node: place.node.0,
                to: to.unwrap_or_default(),
            })?;
            let name = name.to_owned();
            self.effects.push(Effect::ClearTimer { name });
        } else {
            let limit = plan.timeout.unwrap_or_default().as_secs_f64();
            let message = format!("there was no answer within {limit} s");
            self.settle_failure(place, StepError::new("TIMEOUT", message))?;
            self.advance()?;
        }
        Ok(Answer::Applied {
            status: self.status(),
        })
    }

    /// Removes the timers of a step that is about to wait no more.
    pub(super) fn clear_wait(&mut self, event: &Event) {
        let settles = matches!(
            event,
            Event::StepCompleted { .. }
                | Event::StepFailed { .. }
                | Event::StepSkipped { .. }
                | Event::StepCanceled { .. }
                | Event::StepFellBack { .. }
        );
        let Some(place) = event.place().filter(|_| settles) else {
            return;
        };
        let step = self.state.step(place);
        let step = step.filter(|step| step.phase == Phase::Waiting);
        let Some(wait) = step.and_then(|step| step.wait.as_deref()) else {
            return;
        };
        let timers = [(TIMEOUT, wait.due), (ESCALATION, wait.escalates)];
        let set = timers.into_iter().filter(|(_, at)| at.is_some());
        let names: Vec<_> = set.map(|(kind, _)| timer(kind, place)).collect();
        let clear = names.into_iter().map(|name| Effect::ClearTimer { name });
        self.effects.extend(clear);
    }

    fn not_waiting(&self, place: Place, reason: &str) -> Rejection {
        let node = self.plan.node(place.node);
        Rejection::NotWaiting {
            run: self.state.run(),
            status: self.state.status(),
            step: node.map(|node| node.id.clone()).unwrap_or_default(),
            reason: reason.to_owned(),
        }
    }

    fn invalid_answer(&self, place: Place, violations: Vec<String>) -> Rejection {
        let node = self.plan.node(place.node);
        Rejection::InvalidAnswer {
            step: node.map(|node| node.id.clone()).unwrap_or_default(),
            violations,
        }
    }
}

impl RunState {
    /// Folds an event about a step that waits.
    pub(super) fn evolve_wait(
        &mut self,
        plan: &Plan,
        place: Place,
        event: &Event,
        at: Timestamp,
    ) -> Result<(), Unfitting> {
        if let Event::StepWaiting {
            input,
            assignee,
            expects,
            due,
            escalates,
            ..
        } = event
        {
            self.waits += 1;
            let generation = self.waits;
            let input = self.kept(input);
            let step = self.step_mut(place)?;
            step.input = Some(input);
            step.started_at.get_or_insert(at);
            step.wait = Some(Box::new(WaitState {
                generation,
                assignee: assignee.clone(),
                expects: expects.clone(),
                due: *due,
                escalates: *escalates,
                votes: Vec::new(),
                answered_by: None,
            }));
            return self.enter(plan, place, Phase::Waiting, at);
        }
        if let Event::StepAnswered {
            kept: Some(name), ..
        } = event
            && let Some(position) = self.signals.iter().position(|signal| {
                let step = self.step(place);
                let wait = step.and_then(|step| step.wait.as_deref());
                signal.name == *name && wait.is_some_and(|wait| fits(wait, &signal.payload))
            })
        {
            self.signals.remove(position);
        }
        let wait = self.step_mut(place)?.wait.as_deref_mut();
        let wait = wait.ok_or_else(|| Unfitting::new("the step does not wait"))?;
        match event {
            Event::StepVoted {
                by,
                approved,
                comment,
                ..
            } => {
                wait.answered_by = Some(by.clone());
                wait.votes.push(Vote {
                    by: by.clone(),
                    approved: *approved,
                    comment: comment.clone(),
                    at,
                });
            }
            Event::StepAnswered { by, .. } => wait.answered_by.clone_from(by),
            _ => wait.escalates = None,
        }
        Ok(())
    }
}

type Asked = (Option<Value>, Map<String, Value>);

const TIMEOUT: &str = "wait";
const ESCALATION: &str = "escalate";

fn timer(kind: &str, place: Place) -> String {
    format!("{kind}/{}/{}", place.scope.0, place.node.0)
}

fn parse(name: &str) -> Option<(&str, Place)> {
    let (kind, place) = name.split_once('/')?;
    let (scope, node) = place.split_once('/')?;
    let place = Place {
        scope: super::state::ScopeId(scope.parse().ok()?),
        node: crate::plan::NodeId(node.parse().ok()?),
    };
    [TIMEOUT, ESCALATION]
        .contains(&kind)
        .then_some((kind, place))
}

/// Whether a signal is what the step waits for.
fn answers(wait: &PlannedWait, state: &WaitState, name: &str, payload: &Value) -> bool {
    match &wait.kind {
        WaitKind::Event { name: awaited, .. } => awaited == name && fits(state, payload),
        _ => false,
    }
}

/// Whether each field is what it must be; a list stands for any of its elements.
fn fits(wait: &WaitState, payload: &Value) -> bool {
    wait.expects.iter().all(|(path, expected)| {
        let mut names = path.split('.');
        let found = names.try_fold(payload, |value, name| value.get(name));
        let found = found.unwrap_or(&Value::Null);
        match expected {
            Value::Array(any) => any.contains(found) || expected == found,
            expected => expected == found,
        }
    })
}

fn approval(decision: &Value) -> Option<bool> {
    let decision = decision.get("decision").unwrap_or(decision);
    match decision {
        Value::Bool(approved) => Some(*approved),
        Value::String(word) => match word.as_str() {
            "approve" | "approved" | "yes" => Some(true),
            "reject" | "rejected" | "no" => Some(false),
            _ => None,
        },
        _ => decision.get("approved").and_then(Value::as_bool),
    }
}

fn outcome(approved: bool, votes: &[Vote]) -> Value {
    let approvals = votes.iter().map(|vote| {
        json!({
            "by": vote.by,
            "decision": if vote.approved { "approved" } else { "rejected" },
            "comment": vote.comment,
            "at": vote.at.to_string(),
        })
    });
    json!({"approved": approved, "approvals": approvals.collect::<Vec<_>>()})
}
