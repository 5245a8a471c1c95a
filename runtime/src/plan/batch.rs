//! A task that works through a list: a loop over a single step, within the task's contract.

use std::rc::Rc;

use super::compile::Compiler;
use super::steps::{Arena, Item, Order, Pending};
use super::task::Caller;
use super::{Action, OnError, PlanError, PlannedLoop, TaskCall, TaskInput};
use crate::expression::{Dialects, Template};
use crate::manifest::model::{Batch, ItemErrorAction, Task};
use crate::policy::RetryPolicy;

/// Items at once when the author does not say.
const DEFAULT_PARALLELISM: u64 = 10;

impl<'a> Compiler<'a> {
    /// The loop over the items; `pending` is the block of its one step, still empty.
    pub(super) fn batch(
        &mut self,
        arena: &mut Arena<'a>,
        caller: &Caller<'_>,
        batch: &Batch,
        task: &Task,
        mut call: TaskCall,
        pending: Pending<'a>,
    ) -> Action {
        let over = batch.items.clone().or_else(|| list(task));
        let Some(over) = over else {
            self.errors.push(PlanError::NoItems {
                step: caller.id().map(str::to_owned),
                path: caller.path().to_owned(),
            });
            return Action::Task(Box::new(call));
        };
        let retry = match batch.on_item_error {
            ItemErrorAction::Retry => {
                let policy = batch.retry.clone().or_else(|| call.retry.clone());
                Some(policy.unwrap_or_default())
            }
            ItemErrorAction::Skip | ItemErrorAction::Fail => Some(RetryPolicy {
                max_attempts: 1,
                ..RetryPolicy::default()
            }),
        };
        let each = TaskCall {
            input: TaskInput::Item,
            input_schema: None,
            output_schema: None,
            condition: None,
            preconditions: Vec::new(),
            postconditions: Vec::new(),
            retry,
            on_error: crate::manifest::model::TaskErrorAction::Fail,
            error_mapping: Vec::new(),
            fallback: None,
            ..call.clone()
        };
        call.calls = Vec::new();
        let block = arena.reserve(Pending {
            order: Order::Sequence,
            isolated: true,
            loops: Rc::default(),
            waited_for_wholly: true,
            item: Some(Item {
                path: caller.path().to_owned(),
                call: each,
                on_error: (batch.on_item_error != ItemErrorAction::Fail)
                    .then_some(OnError::Continue),
            }),
            ..pending
        });
        let parallelism = batch
            .parallelism
            .clone()
            .or_else(|| Template::parse_value(&DEFAULT_PARALLELISM.into(), Dialects::FIELDS).ok());
        Action::Loop(Box::new(PlannedLoop {
            over,
            item: "item".to_owned(),
            index: "index".to_owned(),
            parallelism,
            block,
            collects: true,
            batch: Some(Box::new(call)),
        }))
    }
}

/// The one array among the properties of the input schema, the required ones first.
fn list(task: &Task) -> Option<Template> {
    let schema = task.input.as_ref()?;
    let properties = schema.get("properties")?.as_object()?;
    let arrays = properties.iter().filter(|(_, property)| {
        property.get("type").and_then(serde_json::Value::as_str) == Some("array")
    });
    let names: Vec<&String> = arrays.map(|(name, _)| name).collect();
    let required = schema.get("required").and_then(serde_json::Value::as_array);
    let is_required = |name: &&&String| {
        required.is_some_and(|required| required.iter().any(|r| r.as_str() == Some(name.as_str())))
    };
    let required: Vec<&&String> = names.iter().filter(is_required).collect();
    let name = match (required.as_slice(), names.as_slice()) {
        ([name], _) => **name,
        ([], [name]) => *name,
        _ => return None,
    };
    Template::parse(&format!("${{{{ input['{name}'] }}}}"), Dialects::TEXT).ok()
}
