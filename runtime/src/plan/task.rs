//! What a step's task calls, how often and for how long.

use std::sync::Arc;
use std::time::Duration;

use super::compile::Compiler;
use super::steps::Context;
use super::support::{self, unsupported};
use super::{Check, Construct, DEFAULT_STEP_TIMEOUT, PlanError, TaskCall, TaskInput, binding};
use crate::manifest::model::{
    Assertion, Body, Manifest, Reference, Step, StepAction, Task, TaskErrorAction,
};
use crate::policy::RetryPolicy;
use crate::run::{HandlerCall, HandlerKey, HandlerKeyKind};

/// Who runs a task: a step, or nobody but the run itself.
#[derive(Clone, Copy)]
pub(super) struct Caller<'a> {
    pub(super) step: Option<&'a Step>,
    context: &'a Context<'a>,
}

impl<'a> Caller<'a> {
    pub(super) const fn alone(context: &'a Context<'a>) -> Self {
        Self {
            step: None,
            context,
        }
    }

    pub(super) const fn step(context: &'a Context<'a>, step: &'a Step) -> Self {
        Self {
            step: Some(step),
            context,
        }
    }

    pub(super) fn id(&self) -> Option<&'a str> {
        self.step.map(|step| step.id.as_str())
    }

    pub(super) fn path(&self) -> &'a str {
        self.step.map_or("$.spec", |step| step.path.as_str())
    }
}

/// The task that is run.
#[derive(Clone, Copy)]
pub(super) struct Callee<'a> {
    /// `None` when it stands in a step.
    name: Option<&'a str>,
    task: &'a Task,
    /// Where it stands: its bindings are those of that manifest, and its references are followed from there.
    manifest: &'a Manifest,
}

impl<'a> Callee<'a> {
    /// A task that is a manifest.
    pub(super) fn manifest(manifest: &'a Manifest, task: &'a Task) -> Self {
        Self {
            name: Some(&manifest.metadata.name),
            task,
            manifest,
        }
    }
}

impl Compiler<'_> {
    /// What a step calls; `called` is the manifest it refers to. An empty call when it cannot call anything; the reason
    /// is then an error.
    pub(super) fn call(
        &mut self,
        caller: &Caller<'_>,
        step: &Step,
        called: Option<&Arc<Manifest>>,
    ) -> TaskCall {
        let input = step
            .input
            .clone()
            .map_or(TaskInput::Empty, TaskInput::Rendered);
        if let StepAction::Inline(task) = &step.action {
            let callee = Callee {
                name: None,
                task,
                manifest: &caller.context.manifest,
            };
            return self.task_call(caller, &callee, input);
        }
        match called.map(|manifest| (manifest, &manifest.body)) {
            Some((manifest, Body::Task(task))) => {
                self.task_call(caller, &Callee::manifest(manifest, task), input)
            }
            // No task, or refused by name.
            _ => TaskCall { input, ..nothing() },
        }
    }

    /// The call of a task, with its fallback.
    pub(super) fn task_call(
        &mut self,
        caller: &Caller<'_>,
        callee: &Callee<'_>,
        input: TaskInput,
    ) -> TaskCall {
        let keys = step_key(&caller.context.manifest.metadata.name, caller.id());
        let retry = caller.step.and_then(|step| step.retry.clone());
        let mut call = self.bare_call(caller, callee, input, keys, retry);
        if falls_back(callee.task) {
            call.fallback = self.fallback(caller, callee).map(Box::new);
        }
        call
    }

    fn fallback(&mut self, caller: &Caller<'_>, callee: &Callee<'_>) -> Option<TaskCall> {
        let Some(reference) = &callee.task.fallback else {
            self.errors.push(PlanError::UnresolvedReference {
                step: caller.id().map(str::to_owned),
                path: caller.path().to_owned(),
                reference: String::new(),
                reason: "on_error says fallback, but error_handling.fallback_task is missing"
                    .to_owned(),
            });
            return None;
        };
        let manifest = self.called(caller, reference, callee.manifest)?;
        let Body::Task(task) = &manifest.body else {
            let refused = unsupported(Construct::FallbackSubflow, caller.id(), caller.path());
            self.errors.push(refused);
            return None;
        };
        if falls_back(task) {
            self.errors.push(unsupported(
                Construct::NestedFallback,
                caller.id(),
                caller.path(),
            ));
        }
        if task.batch.is_some() {
            self.errors.push(unsupported(
                Construct::FallbackBatch,
                caller.id(),
                caller.path(),
            ));
        }
        if task.waiting.is_some() {
            self.errors.push(unsupported(
                Construct::FallbackWait,
                caller.id(),
                caller.path(),
            ));
        }
        if !task.steps.is_empty() {
            self.errors.push(unsupported(
                Construct::FallbackSteps,
                caller.id(),
                caller.path(),
            ));
        }
        // Not bound by step id: that handler is the one that failed.
        let callee = Callee::manifest(&manifest, task);
        Some(self.bare_call(caller, &callee, TaskInput::Empty, None, None))
    }

    fn bare_call(
        &mut self,
        caller: &Caller<'_>,
        callee: &Callee<'_>,
        input: TaskInput,
        step_key: Option<HandlerKey>,
        step_retry: Option<RetryPolicy>,
    ) -> TaskCall {
        let task = callee.task;
        let (step, path) = (caller.id(), caller.path());
        support::task(task, caller.step, path, &mut self.errors);
        let execution = task.execution.as_ref();
        let calls = calls(step_key, callee);
        let of_handler = || {
            let mut keys = calls.iter().flat_map(|call| &call.keys);
            keys.find_map(|key| self.resolver.retry_of(key))
        };
        let retry = step_retry
            .or_else(|| task.retry.clone())
            .or_else(|| caller.context.retry.clone())
            .or_else(of_handler);
        TaskCall {
            name: callee.name.map(str::to_owned),
            execution: execution.map_or_else(Default::default, |execution| execution.kind),
            calls,
            bindings: binding::plan(
                &callee.manifest.runtime,
                callee.name,
                task,
                step,
                path,
                &mut self.errors,
            ),
            input,
            input_schema: self.schema(task.input.as_ref(), step, path, "input"),
            output_schema: self.schema(task.output.as_ref(), step, path, "output"),
            condition: task.condition.clone(),
            preconditions: checks(&task.preconditions),
            postconditions: checks(&task.postconditions),
            retry,
            timeout: timeout(caller, task),
            on_error: task.on_error,
            error_mapping: task.error_mapping.clone(),
            fallback: None,
        }
    }

    /// The task or workflow that a reference leads to.
    pub(super) fn called(
        &mut self,
        caller: &Caller<'_>,
        reference: &Reference,
        from: &Manifest,
    ) -> Option<Arc<Manifest>> {
        let step = caller.id().map(str::to_owned);
        let path = caller.path().to_owned();
        if support::is_dynamic(reference) {
            self.errors.push(unsupported(
                Construct::DynamicReference,
                caller.id(),
                caller.path(),
            ));
            return None;
        }
        let manifest = match self.resolver.resolve(reference, from) {
            Ok(manifest) => manifest,
            Err(unresolved) => {
                self.errors.push(PlanError::UnresolvedReference {
                    step,
                    path,
                    reference: reference.0.clone(),
                    reason: unresolved.reason,
                });
                return None;
            }
        };
        let error = match &manifest.body {
            Body::Task(_) | Body::Workflow(_) => return Some(manifest),
            Body::Agent(_) => unsupported(Construct::Agent, caller.id(), caller.path()),
            Body::MessageRouting(_) => PlanError::WrongKind {
                step,
                path,
                reference: reference.0.clone(),
                kind: "MessageRouting",
            },
        };
        self.errors.push(error);
        None
    }
}

fn falls_back(task: &Task) -> bool {
    let mapped = task.error_mapping.iter().map(|(_, action)| *action);
    mapped
        .chain([task.on_error])
        .any(|action| action == TaskErrorAction::Fallback)
}

fn step_key(workflow: &str, step: Option<&str>) -> Option<HandlerKey> {
    step.map(|step| key(HandlerKeyKind::Step, format!("{workflow}.{step}")))
}

/// The handlers to call. One call under all names the task goes by; a task that names several capabilities and no
/// entrypoint calls each capability in turn, unless a handler for the whole step or task takes its place.
fn calls(step_key: Option<HandlerKey>, callee: &Callee<'_>) -> Vec<HandlerCall> {
    let task = callee.task;
    let entrypoint = task
        .execution
        .as_ref()
        .and_then(|execution| execution.entrypoint.as_deref());
    let mut whole: Vec<HandlerKey> = step_key.into_iter().collect();
    whole.extend(callee.name.map(|name| key(HandlerKeyKind::Task, name)));
    whole.extend(entrypoint.map(|entrypoint| key(HandlerKeyKind::Entrypoint, entrypoint)));
    let mut capabilities = task
        .capabilities
        .iter()
        .map(|capability| key(HandlerKeyKind::Capability, capability.as_str()));
    if entrypoint.is_some() && task.capabilities.len() != 1 {
        return vec![HandlerCall { keys: whole }];
    }
    whole.extend(capabilities.next());
    let first = HandlerCall { keys: whole };
    let rest = capabilities.map(|capability| HandlerCall {
        keys: vec![capability],
    });
    std::iter::once(first).chain(rest).collect()
}

fn key(kind: HandlerKeyKind, key: impl Into<String>) -> HandlerKey {
    HandlerKey {
        kind,
        key: key.into(),
    }
}

fn checks(assertions: &[Assertion]) -> Vec<Check> {
    assertions
        .iter()
        .map(|assertion| Check {
            expression: assertion.expression.clone(),
            message: assertion.message.clone(),
        })
        .collect()
}

/// The smaller of what step and task say; else the workflow's default; else 300 s.
fn timeout(caller: &Caller<'_>, task: &Task) -> Duration {
    let step = caller.step.and_then(|step| step.timeout);
    let execution = task
        .execution
        .as_ref()
        .and_then(|execution| execution.timeout);
    let named = [step, execution].into_iter().flatten().min();
    named
        .or(caller.context.step_timeout)
        .unwrap_or(DEFAULT_STEP_TIMEOUT)
}

/// Stands for a call that could not be compiled; an error says why, so no plan contains it.
fn nothing() -> TaskCall {
    TaskCall {
        name: None,
        execution: crate::manifest::model::ExecutionKind::default(),
        calls: Vec::new(),
        bindings: Vec::new(),
        input: TaskInput::Empty,
        input_schema: None,
        output_schema: None,
        condition: None,
        preconditions: Vec::new(),
        postconditions: Vec::new(),
        retry: None,
        timeout: DEFAULT_STEP_TIMEOUT,
        on_error: TaskErrorAction::Fail,
        error_mapping: Vec::new(),
        fallback: None,
    }
}
