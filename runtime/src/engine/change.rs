//! From inputs to committed transitions: load, decide, commit; on a conflict, once more on the new state.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use rand::RngExt as _;

use super::core::Core;
use super::errand::Errands;
use super::stored::{self, Decision, Hot, not_found};
use crate::error::{Category, Error, code};
use crate::port::{CommitOutcome, RunId, StoreError};
use crate::run::{Answer, Input, Rejection, StepError};

/// A run that changed under so many tries is left to the caller.
const TRIES: u32 = 40;
/// Tries before the first pause: most conflicts are with one other writer.
const EAGER_TRIES: u32 = 4;

/// An input that was carried out, with the state it led to, or found nothing to do, with the state that said so.
#[derive(Debug)]
pub(super) struct Changed {
    pub(super) answer: Answer,
    pub(super) hot: Arc<Hot>,
}

/// An input not yet carried out.
struct Pending {
    /// Where its answer belongs.
    place: usize,
    run: RunId,
    input: Input,
    tries: u32,
}

impl Core {
    /// Carries out one input.
    pub(super) fn change(&self, run: RunId, input: Input) -> Result<Changed, Error> {
        self.change_many(vec![(run, input)])
            .pop()
            .unwrap_or_else(|| Err(busy(run)))
    }

    /// Carries out inputs, those of different runs in one commit, those of one run in their order, and the errands that
    /// they lead to. Each stands for itself; answers are in the order of the inputs.
    pub(super) fn change_many(&self, inputs: Vec<(RunId, Input)>) -> Vec<Result<Changed, Error>> {
        let mut errands = Errands::new();
        let answers = self.change_noting(inputs, &mut errands);
        self.carry_out(errands);
        answers
    }

    /// As [`change_many`](Self::change_many), with the errands left to the caller.
    pub(super) fn change_noting(
        &self,
        inputs: Vec<(RunId, Input)>,
        errands: &mut Errands,
    ) -> Vec<Result<Changed, Error>> {
        let mut answers: Vec<Option<Result<Changed, Error>>> = Vec::new();
        answers.resize_with(inputs.len(), || None);
        let runs: Vec<_> = inputs.iter().map(|(run, _)| *run).collect();
        let mut pending: Vec<_> = inputs
            .into_iter()
            .enumerate()
            .map(|(place, (run, input))| Pending {
                place,
                run,
                input,
                tries: 0,
            })
            .collect();
        // Inputs that must not be answered from memory: memory has been wrong about their run.
        let mut doubted = HashSet::new();
        while !pending.is_empty() {
            let (now, later) = first_of_each_run(pending);
            let round = Round {
                core: self,
                doubted: &mut doubted,
                again: later,
                answers: &mut answers,
                errands,
            };
            pending = round.run(now);
        }
        answers
            .into_iter()
            .zip(runs)
            .map(|(answer, run)| answer.unwrap_or_else(|| Err(busy(run))))
            .collect()
    }

    /// Loads several runs at once; one that is damaged does not keep the others from being loaded.
    fn load_each(&self, runs: &[RunId]) -> HashMap<RunId, Result<Arc<Hot>, Error>> {
        let stored = match self.backend().map(|backend| backend.load(runs)) {
            Ok(Ok(stored)) => stored,
            Ok(Err(StoreError::Corrupt { .. })) if runs.len() > 1 => {
                return runs.iter().map(|run| (*run, self.load(*run))).collect();
            }
            Ok(Err(error)) => return fail_each(runs, &error.into()),
            Err(error) => return fail_each(runs, &error),
        };
        let revived = stored.into_iter().zip(runs).map(|(stored, run)| {
            let hot = stored
                .ok_or_else(|| not_found(*run))
                .and_then(|stored| self.revive(&stored));
            (*run, hot.map(Arc::new))
        });
        revived.collect()
    }
}

/// One pass over inputs of different runs.
struct Round<'a> {
    core: &'a Core,
    doubted: &'a mut HashSet<RunId>,
    again: Vec<Pending>,
    answers: &'a mut Vec<Option<Result<Changed, Error>>>,
    errands: &'a mut Errands,
}

impl Round<'_> {
    /// Answers what can be answered; returns what is to be tried again, in the order of the inputs.
    fn run(mut self, inputs: Vec<Pending>) -> Vec<Pending> {
        let mut states = self.states(&inputs);
        let mut prepared = Vec::with_capacity(inputs.len());
        for pending in inputs {
            let state = states.remove(&pending.run);
            match state.unwrap_or_else(|| Err(busy(pending.run))) {
                Err(error) => self.answer(pending.place, Err(error)),
                Ok(hot) => prepared.extend(self.decide(pending, hot)),
            }
        }
        self.commit(prepared);
        self.again.sort_by_key(|pending| pending.place);
        self.again
    }

    /// The states to decide on: from memory where it is not in doubt.
    fn states(&self, inputs: &[Pending]) -> HashMap<RunId, Result<Arc<Hot>, Error>> {
        let mut states = HashMap::with_capacity(inputs.len());
        let mut missing = Vec::new();
        for run in inputs.iter().map(|pending| pending.run) {
            let known = self.core.states.take(&run);
            match known.filter(|_| !self.doubted.contains(&run)) {
                Some(hot) => drop(states.insert(run, Ok(hot))),
                None => missing.push(run),
            }
        }
        if !missing.is_empty() {
            states.extend(self.core.load_each(&missing));
        }
        states
    }

    fn decide(&mut self, pending: Pending, hot: Arc<Hot>) -> Option<(Pending, Ready)> {
        let now = self.core.now();
        let input = pending.input.clone();
        // Memory that is not in doubt may still be old. Only a commit proves it right, so whatever is not committed
        // is said on the word of the store.
        let certain = self.doubted.contains(&pending.run);
        match stored::decide(hot, input, now) {
            Ok(Decision::Nothing { answer, hot }) => {
                if certain {
                    self.core.remember(Arc::clone(&hot));
                    self.answer(pending.place, Ok(Changed { answer, hot }));
                } else {
                    self.doubt(pending);
                }
                None
            }
            Ok(Decision::Change { answer, prepared }) => match prepared {
                Ok(prepared) => Some((pending, Ready { answer, prepared })),
                Err(error) => {
                    self.refuse(pending, error);
                    None
                }
            },
            Err(_) if !certain => {
                self.doubt(pending);
                None
            }
            Err(rejection) => {
                let error = rejected(pending.run, &rejection);
                self.answer(pending.place, Err(error));
                None
            }
        }
    }

    /// An output that is too large fails its attempt; anything else that is, its caller.
    fn refuse(&mut self, pending: Pending, error: Error) {
        match pending.input {
            Input::Succeeded {
                step, retry_owner, ..
            } if error.code() == code::TOO_LARGE => {
                let error = StepError {
                    retryable: Some(false),
                    ..StepError::new("OUTPUT_TOO_LARGE", error.message())
                };
                self.again.push(Pending {
                    input: Input::Failed {
                        step,
                        error,
                        retry_owner,
                    },
                    ..pending
                });
            }
            Input::ChildEnded {
                step,
                started,
                result: Ok(_),
            } if error.code() == code::TOO_LARGE => {
                let error = StepError {
                    retryable: Some(false),
                    ..StepError::new("OUTPUT_TOO_LARGE", error.message())
                };
                self.again.push(Pending {
                    input: Input::ChildEnded {
                        step,
                        started,
                        result: Err(error),
                    },
                    ..pending
                });
            }
            _ => self.answer(pending.place, Err(error)),
        }
    }

    fn commit(&mut self, prepared: Vec<(Pending, Ready)>) {
        if prepared.is_empty() {
            return;
        }
        let mut commits = Vec::with_capacity(prepared.len());
        let mut waiting = Vec::with_capacity(prepared.len());
        for (pending, Ready { answer, prepared }) in prepared {
            commits.push(prepared.commit);
            waiting.push((pending, answer, prepared.hot));
        }
        let outcomes = self
            .core
            .publish_events(&mut commits)
            .and_then(|()| Ok(self.core.backend()?.commit(&commits)?));
        let outcomes = match outcomes {
            Ok(outcomes) => outcomes,
            Err(error) => return self.fail(waiting, &error),
        };
        let waiting = waiting.into_iter().zip(&commits);
        for (((pending, answer, hot), commit), outcome) in waiting.zip(outcomes) {
            match outcome {
                CommitOutcome::Committed => {
                    Core::note_errands(commit, self.errands);
                    let hot = Arc::new(hot);
                    self.core.remember(Arc::clone(&hot));
                    self.doubted.remove(&pending.run);
                    self.answer(pending.place, Ok(Changed { answer, hot }));
                }
                CommitOutcome::Conflict { .. } | CommitOutcome::Duplicate { .. } => {
                    self.doubt(pending);
                }
            }
        }
    }

    /// Whether anything was written is not known: memory must not be believed.
    fn fail(&mut self, waiting: Vec<(Pending, Answer, Hot)>, error: &Error) {
        for (pending, ..) in waiting {
            self.core.states.remove(&pending.run);
            self.answer(pending.place, Err(error.clone()));
        }
    }

    /// Has the input tried again on the state the store has.
    fn doubt(&mut self, mut pending: Pending) {
        self.core.states.remove(&pending.run);
        self.doubted.insert(pending.run);
        pending.tries += 1;
        if pending.tries >= TRIES {
            let error = busy(pending.run);
            self.answer(pending.place, Err(error));
            return;
        }
        if pending.tries > EAGER_TRIES {
            let pause = rand::rng().random_range(0..=u64::from(pending.tries));
            thread::sleep(Duration::from_millis(pause));
        }
        self.again.push(pending);
    }

    fn answer(&mut self, place: usize, answer: Result<Changed, Error>) {
        if let Some(slot) = self.answers.get_mut(place) {
            *slot = Some(answer);
        }
    }
}

/// A decided transition.
struct Ready {
    answer: Answer,
    prepared: Box<super::stored::Prepared>,
}

/// Splits off the first input of each run: a commit is made of transitions that do not build on each other.
fn first_of_each_run(pending: Vec<Pending>) -> (Vec<Pending>, Vec<Pending>) {
    let mut seen = HashSet::with_capacity(pending.len());
    pending
        .into_iter()
        .partition(|pending| seen.insert(pending.run))
}

fn fail_each(runs: &[RunId], error: &Error) -> HashMap<RunId, Result<Arc<Hot>, Error>> {
    runs.iter().map(|run| (*run, Err(error.clone()))).collect()
}

pub(super) fn busy(run: RunId) -> Error {
    Error::new(
        Category::Engine,
        code::RUN_BUSY,
        format!("run {run} changed under every try to change it"),
    )
    .retryable()
    .of_run(run)
}

/// The error of an input that the machine does not apply.
pub(super) fn rejected(run: RunId, rejection: &Rejection) -> Error {
    let category = match rejection {
        Rejection::InvalidInput { .. }
        | Rejection::Variable { .. }
        | Rejection::InvalidAnswer { .. } => Category::Input,
        Rejection::UnknownAttempt { .. } => Category::Token,
        _ => Category::Engine,
    };
    let error = Error::new(category, rejection.code(), rejection.to_string()).of_run(run);
    match rejection {
        Rejection::NotMigratable { differences, .. } => error.with_violations(differences.clone()),
        Rejection::InvalidInput { violations, .. } => error.with_violations(violations.clone()),
        Rejection::InvalidAnswer { step, violations } => error
            .of_step(step.clone())
            .with_violations(violations.clone()),
        Rejection::NotRetryable { step, .. }
        | Rejection::NotWaiting { step, .. }
        | Rejection::StepNotSteerable { step, .. } => error.of_step(step.clone()),
        _ => error,
    }
}
