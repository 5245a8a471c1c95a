//! Manifest → plan.

use std::borrow::Cow;
use std::rc::Rc;
use std::sync::Arc;

use super::model::Model;
use super::steps::{Arena, Context, Order, Pending, Source};
use super::stored::FORMAT;
use super::subflow::Family;
use super::task::{Callee, Caller};
use super::{
    Action, BlockId, FailureMode, Node, NodeId, Plan, PlanError, PlanKind, PlannedConcurrency,
    Resolver, RunResult, Schema, TaskInput, TaskSteps,
};
use crate::expression::References;
use crate::manifest::model::{Body, Manifest, OnFailure, Task, Workflow};

pub(super) fn compile(
    manifest: &Manifest,
    resolver: &dyn Resolver,
) -> Result<Plan, Vec<PlanError>> {
    within(manifest, resolver, &Family::default())
}

/// The plan of a manifest that is run by one of a family.
pub(super) fn within(
    manifest: &Manifest,
    resolver: &dyn Resolver,
    family: &Family,
) -> Result<Plan, Vec<PlanError>> {
    let mut compiler = Compiler {
        manifest,
        resolver,
        family: family.within(manifest),
        subflows: Vec::new(),
        errors: Vec::new(),
    };
    let model = match &manifest.body {
        Body::Task(task) => compiler.task(task),
        Body::Workflow(workflow) => compiler.workflow(workflow),
        Body::MessageRouting(_) => return Err(not_runnable("MessageRouting")),
        Body::Agent(_) => return Err(not_runnable("Agent")),
    };
    if !compiler.errors.is_empty() {
        return Err(compiler.errors);
    }
    Ok(Plan::of(model, compiler.subflows))
}

fn not_runnable(kind: &'static str) -> Vec<PlanError> {
    vec![PlanError::NotRunnable { kind }]
}

/// Gathers every error instead of stopping at the first.
pub(super) struct Compiler<'a> {
    pub(super) manifest: &'a Manifest,
    pub(super) resolver: &'a dyn Resolver,
    pub(super) family: Family,
    /// The plans of workflows that steps run.
    pub(super) subflows: Vec<Arc<Plan>>,
    pub(super) errors: Vec<PlanError>,
}

impl<'a> Compiler<'a> {
    fn task(&mut self, task: &'a Task) -> Model {
        let name = &self.manifest.metadata.name;
        for dependency in task.dependencies.iter().filter(|d| !d.optional) {
            self.errors.push(PlanError::MissingDependency {
                task: name.clone(),
                path: "$.spec.dependencies".to_owned(),
                dependency: dependency.reference.0.clone(),
            });
        }
        let context = Rc::new(Context::task(Source::Own(self.manifest), task, &[]));
        let caller = Caller::alone(&context);
        let callee = Callee::manifest(self.manifest, task);
        let mut call = self.task_call(&caller, &callee, TaskInput::Run);
        let mut wait = None;
        if let Some(waiting) = &task.waiting {
            wait = Some(self.wait(&caller, waiting, Some(task), call.clone()));
        }
        // The run's input is the task's: checked once, when the run starts. What a person is asked is no input.
        let input = match &mut wait {
            Some(wait) => wait.task.input_schema.take(),
            None => call.input_schema.take(),
        };
        let batch = task.batch.as_ref().map(|batch| (batch, call.clone()));
        let mut arena = Arena::of(Node {
            id: name.clone(),
            name: None,
            block: BlockId::ROOT,
            path: "$.spec".to_owned(),
            depends_on: Vec::new(),
            condition: None,
            action: match wait {
                Some(wait) => Action::Wait(Box::new(wait)),
                None if task.steps.is_empty() => Action::Task(Box::new(call)),
                None => Action::Steps(Box::new(TaskSteps {
                    task: call,
                    block: BlockId(1),
                })),
            },
            input: None,
            output_to: None,
            output_fields: Vec::new(),
            output_mapping: Vec::new(),
            on_error: None,
            is_async: false,
            labels: Vec::new(),
        });
        let block = Pending {
            owner: Some(NodeId(0)),
            order: Order::Sequence,
            isolated: true,
            steps: Cow::Borrowed(&task.steps),
            context: Rc::clone(&context),
            loops: Rc::default(),
            waited_for_wholly: false,
            item: None,
        };
        if let Some((batch, call)) = batch {
            let action = self.batch(&mut arena, &caller, batch, task, call, block);
            if let Some(node) = arena.nodes.first_mut() {
                node.action = action;
            }
        } else if !task.steps.is_empty() {
            arena.reserve(block);
            arena.result.push(References {
                every_step: true,
                ..References::default()
            });
        }
        self.blocks(&mut arena);
        Model {
            result: RunResult::Step(NodeId(0)),
            input,
            ..self.model(PlanKind::Task, arena)
        }
    }

    fn workflow(&mut self, workflow: &'a Workflow) -> Model {
        if let Some(orchestrator) = &workflow.foreign {
            self.errors.push(PlanError::Foreign {
                orchestrator: orchestrator.clone(),
            });
        } else if workflow.steps.is_empty() {
            self.errors.push(PlanError::Empty {
                path: "$.spec.steps".to_owned(),
            });
        }
        let context = Rc::new(Context::workflow(self.manifest, workflow));
        let mut arena = Arena::default();
        arena.reserve(Pending {
            owner: None,
            order: Order::Sequence,
            isolated: false,
            steps: Cow::Borrowed(&workflow.steps),
            context: Rc::clone(&context),
            loops: Rc::default(),
            waited_for_wholly: false,
            item: None,
        });
        let output = self.schema(workflow.outputs.as_ref(), None, "$.spec.outputs", "output");
        arena.result = result_references(workflow, output.as_ref());
        let compensates = matches!(
            workflow.on_failure,
            OnFailure::Compensate | OnFailure::Rollback
        );
        if compensates == workflow.compensation.is_empty() {
            self.errors.push(PlanError::Compensation { compensates });
        }
        let compensation = compensates.then(|| {
            arena.reserve(Pending {
                owner: None,
                order: Order::Sequence,
                isolated: false,
                steps: Cow::Borrowed(&workflow.compensation),
                context: Rc::clone(&context),
                loops: Rc::default(),
                waited_for_wholly: true,
                item: None,
            })
        });
        self.blocks(&mut arena);
        Model {
            input: self.schema(workflow.inputs.as_ref(), None, "$.spec.inputs", "input"),
            output,
            result: if workflow.output.is_empty() {
                RunResult::Collected
            } else {
                RunResult::Mapping(workflow.output.clone())
            },
            variables: workflow.variables.clone(),
            secrets: workflow.secrets.clone(),
            on_failure: match workflow.on_failure {
                OnFailure::Continue => FailureMode::Continue,
                OnFailure::Notify => FailureMode::Notify,
                OnFailure::Compensate | OnFailure::Rollback => FailureMode::Compensate,
                OnFailure::Halt => FailureMode::Halt,
            },
            compensation,
            notification: workflow.notification.clone(),
            timeout: workflow.timeout,
            max_parallel: workflow
                .max_parallel
                .map(|max| u32::try_from(max).unwrap_or(u32::MAX).max(1)),
            concurrency: self.concurrency(workflow),
            propagate_skips: workflow.propagate_skips,
            ..self.model(PlanKind::Workflow, arena)
        }
    }

    /// The group is known when the run is created: no step has run then.
    fn concurrency(&mut self, workflow: &Workflow) -> Option<PlannedConcurrency> {
        let concurrency = workflow.concurrency.as_ref()?;
        let reads = concurrency.group.references();
        if reads.every_step || !reads.steps.is_empty() || !reads.step_positions.is_empty() {
            self.errors.push(PlanError::GroupReadsSteps);
        }
        Some(PlannedConcurrency {
            group: concurrency.group.clone(),
            limit: concurrency.limit,
            cancel_in_progress: concurrency.cancel_in_progress,
        })
    }

    fn model(&self, kind: PlanKind, arena: Arena<'_>) -> Model {
        Model {
            format: FORMAT,
            kind,
            name: self.manifest.metadata.name.clone(),
            version: self.manifest.metadata.version.clone(),
            labels: self.manifest.metadata.labels.clone(),
            input: None,
            output: None,
            result: RunResult::Collected,
            variables: Vec::new(),
            secrets: Vec::new(),
            on_failure: FailureMode::Halt,
            compensation: None,
            notification: None,
            timeout: None,
            max_parallel: None,
            concurrency: None,
            propagate_skips: false,
            blocks: arena.blocks,
            nodes: arena.nodes,
        }
    }

    pub(super) fn schema(
        &mut self,
        source: Option<&serde_json::Value>,
        step: Option<&str>,
        path: &str,
        subject: &'static str,
    ) -> Option<Schema> {
        let broken = |reason| PlanError::BrokenSchema {
            step: step.map(str::to_owned),
            path: path.to_owned(),
            subject,
            reason,
        };
        match Schema::new(source?.clone()) {
            Ok(schema) => Some(schema),
            Err(reason) => {
                self.errors.push(broken(reason));
                None
            }
        }
    }
}

/// What the output of a workflow is made of: its mapping, else what has the name of a property of its schema.
fn result_references(workflow: &Workflow, output: Option<&Schema>) -> Vec<References> {
    if workflow.output.is_empty() {
        let properties = output.into_iter().flat_map(Schema::properties);
        return vec![References {
            steps: properties.map(str::to_owned).collect(),
            ..References::default()
        }];
    }
    let mapping = workflow.output.iter();
    mapping.map(|(_, template)| template.references()).collect()
}
