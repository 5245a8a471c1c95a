//! `kind: Workflow`.

use serde_json::Value;

use crate::expression::Template;

use super::super::code;
use super::super::model::{Concurrency, Secret, Step, StepAction, Workflow};
use super::super::reader::{Fields, Part, Report};
use super::{errors, expression, schema, step, time, trigger};

/// The `spec` of `kind: Workflow`; `runtime` is the section beside it.
pub(super) fn workflow(
    part: &Part<'_>,
    runtime: Option<&Part<'_>>,
    report: &Report,
) -> Option<Workflow> {
    part.object(report)?;
    let fields = Fields::of(part, report);
    let mut workflow = Workflow {
        triggers: trigger::triggers(&fields),
        inputs: fields
            .any("inputs", &["input"])
            .and_then(|part| schema::schema(&part, report)),
        ..Workflow::default()
    };
    outputs(&fields, &mut workflow);
    context(&fields, &mut workflow);
    concurrency(&fields, &mut workflow);
    if let Some(part) = fields.any("error_handling", &["on_error"]) {
        let errors = errors::of_workflow(&part, report);
        workflow.on_failure = errors.on_failure;
        workflow.compensation = errors.compensation;
        workflow.notification = errors.notification;
        workflow.retry = errors.retry;
    }
    timeouts(&fields, &mut workflow);
    if let Some(part) = runtime {
        dispatch(part, &mut workflow, report);
    }
    match fields.any("steps", &["tasks"]) {
        Some(part) => {
            workflow.steps = step::steps(&part, report);
            if part.value.as_array().is_some_and(Vec::is_empty) {
                report.push(part.error(code::MISSING_FIELD, "a workflow needs at least one step"));
            }
            if let Some(part) = fields.get("parallel") {
                groups(&part, &mut workflow.steps, report);
            }
            fields.known(&[
                "observability",
                "description",
                "messaging",
                "type",
                "role",
                "llm",
                "autonomy",
            ]);
            fields.ignore_rest();
        }
        None => foreign(&fields, &mut workflow),
    }
    Some(workflow)
}

/// `parallel: [{steps, depends_on}]` beside `steps`: each group is a block after them.
fn groups(part: &Part<'_>, steps: &mut Vec<Step>, report: &Report) {
    report.push(
        part.key_warning(
            code::ALIAS,
            "a group of parallel steps is a step of `kind: Parallel` in OSSA",
        )
        .with_help("write it among `steps`, with the inner steps below `parallel`"),
    );
    for (position, group) in part.list(report).iter().enumerate() {
        let fields = Fields::of(group, report);
        let Some(inner) = fields.required("steps") else {
            continue;
        };
        let id = fields
            .text("id")
            .unwrap_or_else(|| format!("parallel-{}", position + 1));
        let inner = step::steps(&inner, report);
        steps.push(Step {
            depends_on: fields.get("depends_on").map(|part| part.texts(report)),
            path: group.path.to_string(),
            ..Step::new(id, StepAction::Parallel(inner))
        });
        fields.ignore_rest();
    }
}

/// Agents under the orchestration of another tool: kept, so that the file can be listed and checked, and never run.
fn foreign(fields: &Fields<'_, '_>, workflow: &mut Workflow) {
    let report = fields.report;
    let Some(agents) = fields.get("agents").filter(|part| part.value.is_array()) else {
        fields.missing("steps");
        return;
    };
    let orchestrator = if fields.get("adk_pattern").is_some() {
        "ADK"
    } else {
        "an agent framework"
    };
    report.push(
        agents
            .key_warning(
                code::FOREIGN_ORCHESTRATION,
                format!("the workflow leaves the order of its agents to {orchestrator}; it can be loaded but not run"),
            )
            .with_help("write the order as `steps`, each with `kind: Agent` and `ref`"),
    );
    workflow.foreign = Some(orchestrator.to_owned());
    for (position, agent) in agents.elements().enumerate() {
        if !report.count_step(&agent) {
            return;
        }
        let named = agent
            .value
            .get("name")
            .or_else(|| agent.value.get("ref"))
            .and_then(Value::as_str);
        let id = named.map_or_else(|| format!("agent-{}", position + 1), str::to_owned);
        let action = StepAction::Agent {
            reference: None,
            inline: Some(Box::new(agent.value.clone())),
        };
        workflow.steps.push(Step {
            path: agent.path.to_string(),
            ..Step::new(id, action)
        });
    }
}

/// `outputs` is a schema; `output` is one, too, or maps names to expressions.
fn outputs(fields: &Fields<'_, '_>, workflow: &mut Workflow) {
    let report = fields.report;
    let mut parts = Vec::new();
    parts.extend(fields.get("outputs"));
    parts.extend(fields.get("output"));
    for part in parts {
        if is_mapping(part.value) {
            workflow.output = named_templates(&part, report);
        } else if let Some(mapping) = list_mapping(&part, report) {
            workflow.output = mapping;
        } else if workflow.outputs.is_none() {
            workflow.outputs = schema::schema(&part, report);
        } else {
            report.push(part.key_warning(
                code::IGNORED_FIELD,
                "this schema is ignored because `outputs` is given, too",
            ));
        }
    }
}

/// Whether an object maps names to expressions rather than being a schema.
fn is_mapping(value: &Value) -> bool {
    let Some(members) = value.as_object() else {
        return false;
    };
    let is_schema = ["type", "properties", "$ref", "required"]
        .iter()
        .any(|keyword| {
            members
                .get(*keyword)
                .is_some_and(|value| !value.as_str().is_some_and(|text| text.contains("${{")))
        });
    !is_schema
        && !members.is_empty()
        && members
            .values()
            .any(|value| value.as_str().is_some_and(|text| text.contains("{{")))
}

/// `[{name, from: steps.x.output.y}]`
fn list_mapping(part: &Part<'_>, report: &Report) -> Option<Vec<(String, Template)>> {
    let is_list = part.value.as_array().is_some_and(|items| {
        !items.is_empty()
            && items
                .iter()
                .all(|item| item.get("name").is_some() && item.get("from").is_some())
    });
    if !is_list {
        return None;
    }
    report.push(
        part.key_warning(
            code::ALIAS,
            "a list of outputs is read as a mapping of names to expressions",
        )
        .with_help("write `output: {name: \"${{ steps.x.output.y }}\"}`"),
    );
    let entries = part.elements().filter_map(|element| {
        let fields = Fields::of(&element, report);
        let name = fields.text("name")?;
        let from = fields.get("from")?;
        let expression = expression::condition(&from, report)?;
        let template = Template::parse(
            &format!("${{{{ {expression} }}}}"),
            crate::expression::Dialects::TEXT,
        )
        .ok()?;
        Some((name, template))
    });
    Some(entries.collect())
}

fn named_templates(part: &Part<'_>, report: &Report) -> Vec<(String, Template)> {
    part.object(report);
    part.members()
        .filter_map(|(name, part)| Some((name.to_owned(), expression::template(&part, report)?)))
        .collect()
}

fn context(fields: &Fields<'_, '_>, workflow: &mut Workflow) {
    let report = fields.report;
    if let Some(part) = fields.get("context")
        && part.object(report).is_some()
    {
        let inner = Fields::of(&part, report);
        if let Some(part) = inner.get("variables") {
            workflow.variables = named_templates(&part, report);
        }
        if let Some(part) = inner.get("secrets") {
            workflow.secrets = part
                .list(report)
                .iter()
                .filter_map(|part| secret(part, report))
                .collect();
        }
        inner.ignore_rest();
    }
    if let Some(part) = fields.get("state")
        && part.object(report).is_some()
    {
        report.push(
            part.key_warning(
                code::ALIAS,
                "`state.variables` is called `context.variables` in OSSA",
            )
            .with_help("write `context: {variables: {name: value}}`"),
        );
        let inner = Fields::of(&part, report);
        if let Some(part) = inner.get("variables") {
            part.object(report);
            for (name, part) in part.members() {
                let value = match part.value.get("default") {
                    Some(_) => part
                        .members()
                        .find(|(key, _)| *key == "default")
                        .map(|(_, part)| part),
                    None => None,
                };
                let template = match value {
                    Some(part) => expression::template(&part, report),
                    None => {
                        Template::parse_value(&Value::Null, crate::expression::Dialects::FIELDS)
                            .ok()
                    }
                };
                workflow
                    .variables
                    .extend(template.map(|template| (name.to_owned(), template)));
            }
        }
        inner.ignore_rest();
    }
}

fn secret(part: &Part<'_>, report: &Report) -> Option<Secret> {
    part.object(report)?;
    let fields = Fields::of(part, report);
    if let Some(part) = fields.get("value") {
        report.push(super::secret::plain(&part));
        return None;
    }
    let name = fields.required("name")?.text(report)?;
    let reference = fields.required("ref")?.text(report)?;
    fields.ignore_rest();
    Some(Secret {
        name: name.to_owned(),
        reference: reference.to_owned(),
    })
}

fn concurrency(fields: &Fields<'_, '_>, workflow: &mut Workflow) {
    let report = fields.report;
    let Some(part) = fields.get("concurrency") else {
        return;
    };
    if part.object(report).is_none() {
        return;
    }
    let inner = Fields::of(&part, report);
    if let Some(part) = inner.any("max_parallel", &["parallelism"]) {
        workflow.max_parallel = limit(&part, report);
    }
    let cancel_in_progress = inner.boolean("cancel_in_progress").unwrap_or(false);
    let runs = inner
        .any("limit", &["max", "max_runs"])
        .and_then(|part| time::positive(&part, report, "runs"));
    workflow.concurrency = inner.get("group").and_then(|part| {
        Some(Concurrency {
            group: expression::template(&part, report)?,
            limit: runs.map_or(1, |limit| u32::try_from(limit).unwrap_or(u32::MAX)),
            cancel_in_progress,
        })
    });
    inner.ignore_rest();
}

fn limit(part: &Part<'_>, report: &Report) -> Option<usize> {
    time::positive(part, report, "steps").map(|limit| usize::try_from(limit).unwrap_or(usize::MAX))
}

fn timeouts(fields: &Fields<'_, '_>, workflow: &mut Workflow) {
    let report = fields.report;
    workflow.timeout = fields
        .any("timeout_seconds", &["timeout"])
        .and_then(|part| time::with_unit(&part, report));
    let Some(part) = fields.get("timeouts") else {
        return;
    };
    if part.object(report).is_none() {
        return;
    }
    let inner = Fields::of(&part, report);
    let whole = inner
        .get("workflow")
        .and_then(|part| time::with_unit(&part, report));
    workflow.timeout = workflow.timeout.or(whole);
    workflow.step_timeout = inner
        .any("step_default", &["step"])
        .and_then(|part| time::with_unit(&part, report));
    inner.ignore_rest();
}

/// `step_dispatch`, below `runtime` or `runtime.messenger`.
fn dispatch(runtime: &Part<'_>, workflow: &mut Workflow, report: &Report) {
    let section = |value: &Part<'_>, name: &str| {
        let found = value.members().find(|(key, _)| *key == name);
        found.map(|(_, part)| (part.value.clone(), part.path.to_string()))
    };
    let messenger = runtime
        .members()
        .find(|(key, _)| *key == "messenger")
        .map(|(_, part)| part);
    let found = messenger
        .as_ref()
        .and_then(|part| section(part, "step_dispatch"))
        .or_else(|| section(runtime, "step_dispatch"));
    let Some((settings, _)) = found else {
        return;
    };
    let _ = report;
    if settings.get("parallel_execution") == Some(&Value::Bool(false)) {
        workflow.max_parallel = Some(1);
    }
}
