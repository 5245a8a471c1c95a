//! How a run begins.

use serde_json::{Map, Value, json};

use super::bounds::{MAX_DATA_DEPTH, foreign_violations, foreign_violations_of_data, is_too_deep};
use super::effect::Effect;
use super::errand::Errand;
use super::event::Event;
use super::group::{self, GROUP_LABEL, group_label};
use super::input::Start;
use super::machine::Machine;
use super::names::{Names, Site};
use super::state::{Place, RunState, ScopeId};
use super::transition::{Answer, Rejection, Transition};
use crate::plan::{BlockId, Plan};
use crate::port::Timestamp;

/// What the names of labels begin with that only the runtime and its hosts give, never a manifest: they decide things.
pub const RESERVED_LABELS: &str = "ossa.";

/// Name of the timer that bounds the whole run.
pub const DEADLINE_TIMER: &str = "deadline";

pub(super) fn start(plan: &Plan, start: Start, now: Timestamp) -> Result<Transition, Rejection> {
    let mut start = checked(plan, start)?;
    let of_manifest = plan.labels().iter();
    for (name, value) in of_manifest.filter(|(name, _)| !name.starts_with(RESERVED_LABELS)) {
        let given = start.labels.entry(name.clone());
        given.or_insert_with(|| value.clone());
    }
    let variables = variables(plan, &start, now)?;
    let names = Names {
        plan,
        start: &start,
        variables: &variables,
        state: None,
        now,
        input: None,
        output: None,
        isolated: false,
        site: Site::of_run("group"),
    };
    let group = group::name(plan, &start, &names)?;
    start.labels.remove(GROUP_LABEL);
    if let Some(group) = &group {
        let label = (GROUP_LABEL.to_owned(), group_label(group));
        start.labels.extend([label]);
    }
    let created = Event::RunCreated {
        // The time that a run waits for its slot does not count.
        deadline: plan
            .timeout()
            .filter(|_| group.is_none())
            .map(|timeout| now.after(timeout)),
        group,
        variables,
        start: Box::new(start),
        workflow: plan.name().to_owned(),
        plan: plan.hash().clone(),
    };
    let state = RunState::create(plan, &created, now)?;
    let mut machine = Machine::new(plan, state, now);
    machine.events.push(created);
    if machine.state.group.is_some() {
        machine.send_on(Errand::Group(machine.state.run()), now);
    } else {
        machine.begin_run()?;
    }
    let status = machine.status();
    Ok(machine.finish(Answer::Applied { status }))
}

/// The start with the input's defaults applied, its schema met, and the trigger in its usual shape.
fn checked(plan: &Plan, mut start: Start) -> Result<Start, Rejection> {
    let mut violations = match plan.input() {
        // Long lists stay the texts they are.
        None => foreign_violations_of_data(&start.input),
        Some(schema) => {
            let mut input = std::mem::take(&mut start.input).into_value();
            if input.is_null() {
                // "No input" is an empty object to a schema that could fill it with defaults.
                input = Value::Object(Map::new());
            }
            schema.apply_defaults(&mut input);
            let violations = foreign_violations(Some(schema), &input);
            start.input = input.into();
            violations
        }
    };
    for value in start.trigger.iter().chain(start.env.values()) {
        let found = foreign_violations(None, value).into_iter();
        violations.extend(found.map(|violation| format!("trigger or environment: {violation}")));
    }
    if !violations.is_empty() {
        return Err(Rejection::InvalidInput {
            workflow: plan.name().to_owned(),
            violations,
        });
    }
    start.trigger = start.trigger.filter(|trigger| !trigger.is_null());
    start.trigger = start.trigger.map(|trigger| {
        if trigger.get("event").is_some() {
            trigger
        } else {
            json!({ "event": trigger })
        }
    });
    Ok(start)
}

/// `context.variables`, each seeing those above it.
fn variables(plan: &Plan, start: &Start, now: Timestamp) -> Result<Map<String, Value>, Rejection> {
    let mut variables = Map::new();
    let site = Site::of_run("variables");
    for (name, template) in plan.variables() {
        let names = Names {
            plan,
            start,
            variables: &variables,
            state: None,
            now,
            input: None,
            output: None,
            isolated: false,
            site: site.clone(),
        };
        let invalid = |reason| Rejection::Variable {
            workflow: plan.name().to_owned(),
            variable: name.clone(),
            reason,
        };
        let value = template
            .render(&names)
            .map_err(|error| invalid(error.to_string()))?;
        if is_too_deep(&value) {
            return Err(invalid(format!(
                "it nests deeper than {MAX_DATA_DEPTH} levels"
            )));
        }
        site.used.set(names.site.used.get());
        variables.insert(name.clone(), value);
    }
    Ok(variables)
}

impl Machine<'_> {
    /// Begins the steps of the run.
    pub(super) fn begin_run(&mut self) -> Result<(), Rejection> {
        self.record(Event::RunStarted)?;
        self.set_deadline();
        let roots = self.plan.nodes_of(BlockId::ROOT).map(|node| Place {
            scope: ScopeId::ROOT,
            node,
        });
        let free = roots.filter(|place| {
            let step = self.state.step(*place);
            step.is_some_and(|step| step.unmet == 0)
        });
        self.unblocked = free.collect();
        self.advance()
    }

    /// Sets the timer of the run's deadline, if it has one.
    pub(super) fn set_deadline(&mut self) {
        if let Some(due) = self.state.deadline {
            self.effects.push(Effect::SetTimer {
                name: DEADLINE_TIMER.to_owned(),
                generation: self.state.deadline_generation,
                due,
            });
        }
    }
}
