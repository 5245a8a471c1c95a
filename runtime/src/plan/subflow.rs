//! Steps that run a workflow as a run of its own.
//!
//! The plan of that workflow is compiled with the step and kept in the plan of the run, under its hash: a run in flight
//! does not notice when manifests change, and a circle of workflows is found when it is compiled, not when it runs.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::compile::Compiler;
use super::task::Caller;
use super::{Action, Plan, PlanError, TaskCall, compile};
use crate::manifest::model::{ClosePolicy, Manifest, Origin, Step, Workflow};
use crate::policy::RetryPolicy;
use crate::port::PlanHash;

/// Workflows that may run each other, one within another.
pub const MAX_SUBFLOW_DEPTH: usize = 16;

/// A step that runs a workflow.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PlannedSubflow {
    /// What holds of it as of a task; its calls are not made.
    pub task: TaskCall,
    /// The plan of the workflow.
    pub plan: PlanHash,
    /// What becomes of the child run when the step ends before it.
    #[serde(default)]
    pub close: ClosePolicy,
    /// How long an attempt may take, its child run with all that it waits for; `None` = for ever.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Duration>,
}

/// The workflows that are compiled together.
#[derive(Clone, Default)]
pub(super) struct Family {
    /// Those that led here, outermost first.
    around: Vec<Member>,
    /// Each is compiled once, however many steps run it.
    compiled: Rc<RefCell<Vec<(Member, Compiled)>>>,
}

type Compiled = Result<Arc<Plan>, Vec<PlanError>>;

/// Tells one manifest from another.
#[derive(Clone, PartialEq, Eq)]
struct Member {
    name: String,
    origin: Origin,
}

impl Member {
    fn of(manifest: &Manifest) -> Self {
        Self {
            name: manifest.metadata.name.clone(),
            origin: manifest.origin.clone(),
        }
    }
}

impl Family {
    /// The same, as the steps of `manifest` see it.
    pub(super) fn within(&self, manifest: &Manifest) -> Self {
        let mut family = self.clone();
        family.around.push(Member::of(manifest));
        family
    }

    fn known(&self, member: &Member) -> Option<Compiled> {
        let compiled = self.compiled.borrow();
        let found = compiled.iter().find(|(known, _)| known == member);
        found.map(|(_, compiled)| compiled.clone())
    }
}

impl Compiler<'_> {
    /// A step that runs a workflow; `call` holds its input.
    pub(super) fn subflow(
        &mut self,
        caller: &Caller<'_>,
        step: &Step,
        (manifest, workflow): (&Arc<Manifest>, &Workflow),
        call: TaskCall,
    ) -> Action {
        let task = TaskCall {
            name: Some(manifest.metadata.name.clone()),
            input_schema: self.schema(
                workflow.inputs.as_ref(),
                caller.id(),
                caller.path(),
                "input",
            ),
            // What a workflow or host says of attempts is about tasks: it never runs a whole workflow again.
            retry: Some(step.retry.clone().unwrap_or(RetryPolicy {
                max_attempts: 1,
                ..RetryPolicy::default()
            })),
            ..call
        };
        let Some(plan) = self.compiled(step, manifest) else {
            return Action::Task(Box::new(task));
        };
        let hash = plan.hash().clone();
        self.subflows.push(plan);
        Action::Subflow(Box::new(PlannedSubflow {
            task,
            plan: hash,
            close: step.close.unwrap_or_default(),
            timeout: step.timeout,
        }))
    }

    /// The plan of a workflow that a step runs. When there is none, an error says why.
    fn compiled(&mut self, step: &Step, manifest: &Arc<Manifest>) -> Option<Arc<Plan>> {
        let member = Member::of(manifest);
        let calls = || {
            let around = self.family.around.iter().chain([&member]);
            around.map(|member| member.name.clone()).collect()
        };
        if self.family.around.contains(&member) {
            self.errors.push(PlanError::Recursion {
                step: step.id.clone(),
                path: step.path.clone(),
                calls: calls(),
            });
            return None;
        }
        if self.family.around.len() > MAX_SUBFLOW_DEPTH {
            self.errors.push(PlanError::TooDeep {
                step: step.id.clone(),
                path: step.path.clone(),
                limit: MAX_SUBFLOW_DEPTH,
                calls: calls(),
            });
            return None;
        }
        let compiled = self.family.known(&member).unwrap_or_else(|| {
            let compiled = compile::within(manifest, self.resolver, &self.family).map(Arc::new);
            let mut known = self.family.compiled.borrow_mut();
            known.push((member, compiled.clone()));
            compiled
        });
        let errors = match compiled {
            Ok(plan) => return Some(plan),
            Err(errors) => errors,
        };
        self.errors
            .extend(errors.into_iter().map(|error| PlanError::Subflow {
                step: step.id.clone(),
                path: step.path.clone(),
                workflow: manifest.metadata.name.clone(),
                error: Box::new(error),
            }));
        None
    }
}
