//! Manifest → plan.

use std::collections::HashMap;

use super::dependency::{self, Mentions};
use super::model::Model;
use super::stored::FORMAT;
use super::task::{Callee, Caller};
use super::{
    Action, Block, BlockId, FailureMode, Join, Node, NodeId, OnError, Plan, PlanError, PlanKind,
    Resolver, RunResult, Schema, TaskInput, support,
};
use crate::manifest::model::{
    Body, Manifest, OnFailure, OutputBinding, Step, StepErrorAction, Task, Workflow,
};

pub(super) fn compile(
    manifest: &Manifest,
    resolver: &dyn Resolver,
) -> Result<Plan, Vec<PlanError>> {
    let mut compiler = Compiler {
        manifest,
        resolver,
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
    Ok(Plan::of(model))
}

fn not_runnable(kind: &'static str) -> Vec<PlanError> {
    vec![PlanError::NotRunnable { kind }]
}

/// Gathers every error instead of stopping at the first.
pub(super) struct Compiler<'a> {
    pub(super) manifest: &'a Manifest,
    pub(super) resolver: &'a dyn Resolver,
    pub(super) errors: Vec<PlanError>,
}

impl Compiler<'_> {
    fn task(&mut self, task: &Task) -> Model {
        let name = &self.manifest.metadata.name;
        for dependency in task.dependencies.iter().filter(|d| !d.optional) {
            self.errors.push(PlanError::MissingDependency {
                task: name.clone(),
                path: "$.spec.dependencies".to_owned(),
                dependency: dependency.reference.0.clone(),
            });
        }
        let caller = Caller::alone();
        let callee = Callee::manifest(self.manifest, task);
        let mut call = self.task_call(&caller, &callee, TaskInput::Run);
        // The run's input is the task's: checked once, when the run starts.
        let input = call.input_schema.take();
        let node = Node {
            id: name.clone(),
            name: None,
            block: BlockId::ROOT,
            path: "$.spec".to_owned(),
            depends_on: Vec::new(),
            condition: None,
            action: Action::Task(Box::new(call)),
            output_to: None,
            output_fields: Vec::new(),
            output_mapping: Vec::new(),
            on_error: None,
            is_async: false,
            labels: Vec::new(),
        };
        Model {
            result: RunResult::Step(NodeId(0)),
            input,
            ..self.model(PlanKind::Task, vec![node])
        }
    }

    fn workflow(&mut self, workflow: &Workflow) -> Model {
        support::workflow(workflow, &mut self.errors);
        if let Some(orchestrator) = &workflow.foreign {
            self.errors.push(PlanError::Foreign {
                orchestrator: orchestrator.clone(),
            });
        } else if workflow.steps.is_empty() {
            self.errors.push(PlanError::Empty {
                path: "$.spec.steps".to_owned(),
            });
        }
        let nodes = self.steps(workflow);
        Model {
            input: self.schema(workflow.inputs.as_ref(), None, "$.spec.inputs", "input"),
            output: self.schema(workflow.outputs.as_ref(), None, "$.spec.outputs", "output"),
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
                // Compensate and Rollback were refused above.
                OnFailure::Halt | OnFailure::Compensate | OnFailure::Rollback => FailureMode::Halt,
            },
            notification: workflow.notification.clone(),
            timeout: workflow.timeout,
            max_parallel: workflow
                .max_parallel
                .map(|max| u32::try_from(max).unwrap_or(u32::MAX).max(1)),
            propagate_skips: workflow.propagate_skips,
            ..self.model(PlanKind::Workflow, nodes)
        }
    }

    fn model(&self, kind: PlanKind, nodes: Vec<Node>) -> Model {
        Model {
            format: FORMAT,
            kind,
            name: self.manifest.metadata.name.clone(),
            version: self.manifest.metadata.version.clone(),
            input: None,
            output: None,
            result: RunResult::Collected,
            variables: Vec::new(),
            secrets: Vec::new(),
            on_failure: FailureMode::Halt,
            notification: None,
            timeout: None,
            max_parallel: None,
            propagate_skips: false,
            blocks: vec![Block {
                owner: None,
                join: Join::All,
                first: NodeId(0),
                count: u32::try_from(nodes.len()).unwrap_or(u32::MAX),
            }],
            nodes,
        }
    }

    fn steps(&mut self, workflow: &Workflow) -> Vec<Node> {
        let ids = self.ids(&workflow.steps);
        let mut nodes = Vec::with_capacity(workflow.steps.len());
        let mut mentions = Vec::with_capacity(workflow.steps.len());
        for step in &workflow.steps {
            support::step(step, &mut self.errors);
            let node = self.step(workflow, step);
            mentions.push(Mentions::of(step, &node, workflow));
            nodes.push(node);
        }
        dependency::resolve(&mut nodes, &mentions, &ids, &mut self.errors);
        nodes
    }

    fn ids<'s>(&mut self, steps: &'s [Step]) -> HashMap<&'s str, NodeId> {
        let mut ids: HashMap<&str, (NodeId, &Step)> = HashMap::with_capacity(steps.len());
        for (number, step) in (0..).map(NodeId).zip(steps) {
            if let Some((_, first)) = ids.get(step.id.as_str()) {
                self.errors.push(PlanError::DuplicateStep {
                    step: step.id.clone(),
                    path: step.path.clone(),
                    first: first.path.clone(),
                });
            } else {
                ids.insert(&step.id, (number, step));
            }
        }
        ids.into_iter()
            .map(|(id, (number, _))| (id, number))
            .collect()
    }

    fn step(&mut self, workflow: &Workflow, step: &Step) -> Node {
        let OutputBinding {
            to,
            fields,
            mapping,
        } = &step.output;
        Node {
            id: step.id.clone(),
            name: step.name.clone(),
            block: BlockId::ROOT,
            path: step.path.clone(),
            depends_on: Vec::new(),
            condition: step.condition.clone(),
            action: Action::Task(Box::new(self.action(workflow, step))),
            output_to: to.clone(),
            output_fields: fields.clone(),
            output_mapping: mapping.clone(),
            on_error: match &step.on_error {
                Some(StepErrorAction::Continue) => Some(OnError::Continue),
                Some(StepErrorAction::Fail) => Some(OnError::Fail),
                // Goto and Compensate were refused by name.
                Some(StepErrorAction::Goto(_) | StepErrorAction::Compensate(_)) | None => {
                    step.continue_on_error.then_some(OnError::Continue)
                }
            },
            is_async: step.is_async,
            labels: step.labels.clone(),
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
