//! Tasks that work through a list: what each item is given, and what becomes of all of them.

use std::borrow::Cow;

use serde_json::{Map, Value, json};

use super::event::Event;
use super::machine::Machine;
use super::state::{Cursor, Place};
use super::transition::Rejection;
use crate::plan::TaskCall;

impl Machine<'_> {
    /// The input of the batch around, with the members of the item over it, and `item` and `index`.
    pub(super) fn item_input(&self, place: Place) -> Value {
        let batch = self.state.owner(place.scope);
        let batch = batch.and_then(|batch| self.state.step(batch));
        let input = batch.and_then(|batch| batch.input.clone());
        let scope = self.state.scope(place.scope);
        let iteration = scope.and_then(|scope| scope.iteration).unwrap_or_default();
        let cursor = batch
            .and_then(|batch| batch.block.as_deref())
            .and_then(|block| block.cursor.as_ref());
        let items = cursor
            .map(|cursor| cursor.items.clone())
            .unwrap_or_default();
        let item = items.element(iteration).map(Cow::into_owned);
        // The list itself is not handed on with each of its items.
        let mut members = input.unwrap_or_default().members_but(&items);
        if let Some(Value::Object(item)) = &item {
            members.extend(item.clone());
        }
        members.insert("item".to_owned(), item.unwrap_or_default());
        members.insert("index".to_owned(), iteration.into());
        Value::Object(members)
    }

    /// The outcome of a batch: how many there were, the outputs, the failures; and what the output schema declares
    /// besides, as far as it can be told.
    pub(super) fn batch_output(
        &mut self,
        place: Place,
        cursor: &Cursor,
        task: &TaskCall,
    ) -> Result<Value, Rejection> {
        let results = || cursor.results.iter().flatten();
        let is_failed = |result: &Value| {
            result
                .get("status")
                .is_some_and(|status| status == "failed")
        };
        let failed = results().filter(|result| is_failed(result)).count();
        let succeeded = cursor.finished.saturating_sub(failed);
        let outputs: Vec<&Value> = results()
            .filter(|result| !is_failed(result))
            .filter_map(|result| result.get("output"))
            .collect();
        let failures: Vec<Value> = results()
            .filter(|result| is_failed(result))
            .map(|result| json!({"index": result.get("index"), "error": result.pointer("/steps/item/error")}))
            .collect();
        let mut output = Map::new();
        output.insert("total".to_owned(), cursor.finished.into());
        output.insert("succeeded".to_owned(), succeeded.into());
        output.insert("failed".to_owned(), failed.into());
        output.insert("results".to_owned(), json!(outputs));
        output.insert("failures".to_owned(), json!(failures));
        let declared: Vec<String> = task
            .output_schema
            .iter()
            .flat_map(|schema| schema.properties().map(str::to_owned))
            .collect();
        for name in declared {
            if output.contains_key(&name) {
                continue;
            }
            let count = match name.strip_prefix("total_") {
                Some(what) if what.contains("fail") => Some(failed),
                Some(_) => Some(succeeded),
                None => None,
            };
            match count {
                Some(count) => drop(output.insert(name, count.into())),
                None => {
                    let id = &self.node(place)?.id;
                    let message =
                        format!("batch `{id}`: nothing tells what `{name}` of its output is");
                    self.record(Event::Warned { message })?;
                }
            }
        }
        Ok(Value::Object(output))
    }
}
