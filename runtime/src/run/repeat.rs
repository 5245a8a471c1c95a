//! Loops: a scope for each iteration that runs, none for those to come and those that are finished.

use serde_json::{Map, Value, json};

use super::data::Data;
use super::event::Event;
use super::input::StepError;
use super::machine::{Machine, expression_error};
use super::names::Given;
use super::state::{Cursor, Phase, Place, ScopeId};
use super::transition::Rejection;
use crate::plan::PlannedLoop;

/// Iterations a loop may run at once.
pub const MAX_PARALLELISM: usize = 1000;

/// Iterations of a loop whose results are collected.
pub const MAX_COLLECTED: usize = 10_000;

/// JSON that the collected results of a loop may be together, in bytes.
pub const MAX_COLLECTED_BYTES: usize = 4 * 1024 * 1024;

impl Machine<'_> {
    /// Finds out what a loop goes over, and begins the first iterations.
    pub(super) fn open_loop(
        &mut self,
        place: Place,
        input: Value,
        repeat: &PlannedLoop,
    ) -> Result<(), Rejection> {
        let prepared = self.items(place, &input, repeat)?.and_then(|items| {
            let parallelism = self.parallelism(place, repeat)?;
            Ok((items, parallelism))
        });
        let (items, parallelism) = match prepared {
            Ok(prepared) => prepared,
            Err(error) => return self.settle_failure(place, *error).map(drop),
        };
        // What the log has is not written again.
        let items_of_input = self.state.start.input.way_to(&items);
        self.record(Event::StepOpened {
            step: self.node(place)?.id.clone(),
            scope: place.scope.0,
            node: place.node.0,
            input,
            branch: None,
            items: items_of_input.is_none().then_some(items),
            items_of_input,
            parallelism: Some(parallelism),
        })?;
        self.begin_iterations(place, repeat)
    }

    /// The elements: of a list, or the members of an object as `{key, value}`. Nothing has none.
    fn items(
        &mut self,
        place: Place,
        input: &Value,
        repeat: &PlannedLoop,
    ) -> Result<Result<Data, Box<StepError>>, Rejection> {
        let names = match &repeat.batch {
            Some(task) => self.names_of_task(place, task, Given::Value(input), "over"),
            None => self.names_of_step(place, "over"),
        };
        // A long list that is there already is gone over as it is.
        if let Some(path) = repeat.over.as_path()
            && let Some(list) = names.list(&path)
        {
            return Ok(bounded(list, repeat));
        }
        let items = match repeat.over.render(&names) {
            Err(error) => return Ok(Err(Box::new(expression_error("`over`", &error)))),
            Ok(Value::Array(items)) => items,
            Ok(Value::Object(members)) => members
                .into_iter()
                .map(|(key, value)| json!({"key": key, "value": value}))
                .collect(),
            Ok(Value::Null) => {
                let id = &self.node(place)?.id;
                let message = format!("loop `{id}` goes over nothing: `over` is null");
                self.record(Event::Warned { message })?;
                Vec::new()
            }
            Ok(Value::Bool(_) | Value::Number(_) | Value::String(_)) => {
                return Ok(refused("`over` is neither a list nor an object"));
            }
        };
        Ok(bounded(Value::Array(items).into(), repeat))
    }

    fn parallelism(&self, place: Place, repeat: &PlannedLoop) -> Result<usize, Box<StepError>> {
        let Some(template) = &repeat.parallelism else {
            return Ok(1);
        };
        let names = self.names_of_step(place, "parallelism");
        let value = template
            .render(&names)
            .map_err(|error| Box::new(expression_error("`parallelism`", &error)))?;
        if value.is_null() {
            return Ok(1);
        }
        let number = value
            .as_u64()
            .and_then(|number| usize::try_from(number).ok());
        match number.filter(|number| (1..=MAX_PARALLELISM).contains(number)) {
            Some(number) => Ok(number),
            None => refused(&format!(
                "`parallelism` is {value}, not a number from 1 to {MAX_PARALLELISM}"
            )),
        }
    }

    /// Begins as many iterations as may run; ends the loop when none is left.
    pub(super) fn begin_iterations(
        &mut self,
        place: Place,
        repeat: &PlannedLoop,
    ) -> Result<(), Rejection> {
        loop {
            let block = self.step(place)?.block.as_deref();
            let Some((block, cursor)) = block.and_then(|b| Some((b, b.cursor.as_ref()?))) else {
                return Ok(());
            };
            let (open, next) = (block.scopes.len(), cursor.next);
            if next < cursor.items.len() && open < cursor.parallelism {
                self.open_scope(place, repeat.block, Some(next))?;
            } else if open == 0 {
                let output = match &repeat.batch {
                    Some(task) => {
                        let cursor = cursor.clone();
                        self.batch_output(place, &cursor, task)?
                    }
                    None => output(cursor, repeat.collects),
                };
                return self.block_done(place, output);
            } else {
                return Ok(());
            }
        }
    }

    /// Nothing is left in an iteration that its end waits for. After a failure the iterations that run are waited for,
    /// and no other begins.
    pub(super) fn iteration_done(
        &mut self,
        place: Place,
        repeat: &PlannedLoop,
        scope: ScopeId,
    ) -> Result<(), Rejection> {
        if self.state.failure_in(scope).is_none() {
            self.finish_iteration(place, repeat, scope)?;
        }
        let step = self.step(place)?;
        let scopes = step.block.as_ref().map(|block| block.scopes.clone());
        let scopes = scopes.unwrap_or_default();
        let failed = scopes
            .iter()
            .find_map(|scope| self.state.failure_in(*scope));
        let Some(failed) = failed else {
            let bytes = step.block.as_ref().and_then(|block| block.cursor.as_ref());
            if bytes.is_some_and(|cursor| cursor.bytes > MAX_COLLECTED_BYTES) {
                return self.end_block(place, too_large());
            }
            return self.begin_iterations(place, repeat);
        };
        let waits = |scope: &ScopeId| self.state.scope(*scope).is_some_and(|s| s.pending > 0);
        if scopes.iter().any(waits) {
            return Ok(());
        }
        self.fail_block(place, failed)
    }

    fn finish_iteration(
        &mut self,
        place: Place,
        repeat: &PlannedLoop,
        scope: ScopeId,
    ) -> Result<(), Rejection> {
        let iteration = self.state.scope(scope).and_then(|scope| scope.iteration);
        let iteration = iteration.unwrap_or_default();
        let failed = self
            .state
            .places(scope)
            .any(|(_, step)| matches!(step.phase, Phase::Failed { .. }));
        let result = match repeat.collects {
            true => Some(self.result(place, scope, iteration, failed)?),
            false => None,
        };
        self.record(Event::IterationFinished {
            step: self.node(place)?.id.clone(),
            scope: place.scope.0,
            node: place.node.0,
            closed: scope.0,
            iteration,
            failed,
            result,
        })
    }

    fn result(
        &self,
        place: Place,
        scope: ScopeId,
        iteration: usize,
        failed: bool,
    ) -> Result<Value, Rejection> {
        let block = self.step(place)?.block.as_ref();
        let cursor = block.and_then(|block| block.cursor.as_ref());
        let item = cursor.and_then(|cursor| cursor.items.element(iteration));
        let mut steps = Map::new();
        for (inner, step) in self.state.places(scope) {
            let mut told = Map::from_iter([
                ("status".to_owned(), step.phase.as_str().into()),
                ("output".to_owned(), json!(step.output)),
            ]);
            if let Some(error) = &step.error {
                let error = json!({"code": error.code, "message": error.message});
                told.insert("error".to_owned(), error);
            }
            steps.insert(self.node(inner)?.id.clone(), told.into());
        }
        Ok(json!({
            "index": iteration,
            "item": item,
            "status": if failed { "failed" } else { "completed" },
            "output": self.last_output(scope),
            "steps": steps,
        }))
    }
}

/// The elements, unless more results would have to be kept than are allowed.
fn bounded(items: Data, repeat: &PlannedLoop) -> Result<Data, Box<StepError>> {
    let count = items.len();
    if repeat.collects && count > MAX_COLLECTED {
        return refused(&format!(
            "the results of {count} iterations would be collected because something reads them, {MAX_COLLECTED} are allowed; \
             have a step in the loop store them"
        ));
    }
    Ok(items)
}

/// The results in the order of the list; or, when nobody reads them, how many there were.
fn output(cursor: &Cursor, collects: bool) -> Value {
    if collects {
        let results = cursor.results.iter().flatten();
        return results.map(|result| (**result).clone()).collect();
    }
    json!({"iterations": cursor.finished, "failed": cursor.failed})
}

fn refused<T>(message: &str) -> Result<T, Box<StepError>> {
    Err(Box::new(StepError::new("VALIDATION_FAILED", message)))
}

fn too_large() -> StepError {
    StepError::new(
        "OUTPUT_TOO_LARGE",
        format!(
            "the collected results are more than {MAX_COLLECTED_BYTES} bytes of JSON; have a step in the loop store them"
        ),
    )
}
