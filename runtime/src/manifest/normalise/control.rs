//! Blocks of steps: parallel, conditional, switch, decision, loop.

use crate::expression::Expression;

use super::super::code;
use super::super::model::{Branch, Loop, Step, StepAction};
use super::super::reader::{Fields, Part};
use super::{expression, step, time};

fn inner_steps(fields: &Fields<'_, '_>) -> Option<Vec<Step>> {
    let part = fields.any("steps", &["tasks"])?;
    Some(step::steps(&part, fields.report))
}

pub(super) fn parallel(fields: &Fields<'_, '_>) -> StepAction {
    fields.known(&["wait_all"]);
    let steps = match fields.get("parallel") {
        Some(part) if part.value.is_array() => step::steps(&part, fields.report),
        _ => inner_steps(fields).unwrap_or_default(),
    };
    if steps.is_empty() && !fields.report.has_errors() {
        fields.missing("parallel");
    }
    StepAction::Parallel(steps)
}

pub(super) fn conditional(
    fields: &Fields<'_, '_>,
    condition: &mut Option<Expression>,
) -> Option<StepAction> {
    let report = fields.report;
    let otherwise = fields
        .any("else", &["default"])
        .map(|part| step::steps(&part, report))
        .unwrap_or_default();
    let branches = match fields.get("branches") {
        Some(part) => part
            .list(report)
            .iter()
            .filter_map(|part| branch(part, fields))
            .collect(),
        // Condition and steps alone are an "if".
        None => vec![Branch {
            name: None,
            condition: match condition.take() {
                Some(condition) => condition,
                None => always(),
            },
            steps: inner_steps(fields)
                .or_else(|| fields.get("then").map(|part| step::steps(&part, report)))
                .unwrap_or_default(),
        }],
    };
    Some(StepAction::Conditional {
        branches,
        otherwise,
    })
}

fn branch(part: &Part<'_>, outer: &Fields<'_, '_>) -> Option<Branch> {
    let report = outer.report;
    part.object(report)?;
    let fields = Fields::of(part, report);
    let steps =
        inner_steps(&fields).or_else(|| fields.get("then").map(|part| step::steps(&part, report)));
    let Some(condition) = fields.any("condition", &["when", "if"]) else {
        fields.missing("condition");
        return None;
    };
    let branch = Branch {
        name: fields
            .any("name", &["id"])
            .and_then(|part| part.scalar_text(report)),
        condition: expression::condition(&condition, report)?,
        steps: steps.unwrap_or_default(),
    };
    fields.ignore_rest();
    Some(branch)
}

/// `cases: [{when, then}, {default}]`; a `then` that is text is the name of the case, for other steps to look at.
pub(super) fn switch(fields: &Fields<'_, '_>) -> Option<StepAction> {
    let report = fields.report;
    let mut branches = Vec::new();
    let mut otherwise = Vec::new();
    let Some(part) = fields.get("cases") else {
        fields.missing("cases");
        return None;
    };
    for case in part.list(report) {
        if case.object(report).is_none() {
            continue;
        }
        let inner = Fields::of(&case, report);
        if let Some(part) = inner.get("default") {
            default_case(&part, fields, &mut branches, &mut otherwise);
        } else if let Some(when) = inner.any("when", &["condition", "case"]) {
            let condition = expression::condition(&when, report);
            let (name, steps) = target(inner.any("then", &["steps"]), fields);
            branches.extend(condition.map(|condition| Branch {
                name,
                condition,
                steps,
            }));
        } else {
            inner.missing("when");
        }
        inner.ignore_rest();
    }
    if let Some(part) = fields.get("default") {
        default_case(&part, fields, &mut branches, &mut otherwise);
    }
    Some(StepAction::Conditional {
        branches,
        otherwise,
    })
}

fn default_case(
    part: &Part<'_>,
    fields: &Fields<'_, '_>,
    branches: &mut Vec<Branch>,
    otherwise: &mut Vec<Step>,
) {
    let (name, steps) = target(Some(part.clone()), fields);
    if name.is_none() {
        otherwise.extend(steps);
    } else {
        branches.push(Branch {
            name,
            condition: always(),
            steps,
        });
    }
}

fn target(part: Option<Part<'_>>, fields: &Fields<'_, '_>) -> (Option<String>, Vec<Step>) {
    match part {
        Some(part) if part.value.is_string() => {
            (part.value.as_str().map(str::to_owned), Vec::new())
        }
        Some(part) => (None, step::steps(&part, fields.report)),
        None => (None, Vec::new()),
    }
}

/// `condition`, `on_true`, `on_false`.
pub(super) fn decision(
    fields: &Fields<'_, '_>,
    condition: &mut Option<Expression>,
) -> Option<StepAction> {
    let report = fields.report;
    let list = |name| {
        fields
            .get(name)
            .map(|part| step::steps(&part, report))
            .unwrap_or_default()
    };
    let steps = list("on_true");
    let otherwise = list("on_false");
    let Some(condition) = condition.take() else {
        if fields.part.value.get("condition").is_none() {
            fields.missing("condition");
        }
        return None;
    };
    Some(StepAction::Conditional {
        branches: vec![Branch {
            name: None,
            condition,
            steps,
        }],
        otherwise,
    })
}

/// A loop; `single` makes its body when it names a task instead of steps.
pub(super) fn repeat(
    fields: &Fields<'_, '_>,
    single: impl FnOnce(&Fields<'_, '_>) -> Option<Step>,
) -> Option<StepAction> {
    let report = fields.report;
    let settings = fields.get("loop");
    let settings = settings
        .as_ref()
        .filter(|part| part.value.is_object())
        .map(|part| Fields::of(part, report));
    let settings = settings.as_ref().unwrap_or(fields);
    let over = match settings.any("over", &["items", "for_each"]) {
        Some(part) => Some(part),
        None => fields
            .get("loop")
            .filter(|part| part.value.is_string() || part.value.is_array()),
    };
    let Some(over) = over else {
        settings.missing("over");
        return None;
    };
    let over = expression::template(&over, report);
    let name = |field, default: &str| settings.text(field).unwrap_or_else(|| default.to_owned());
    let item = name("as", "item");
    let index = name("index", "index");
    let parallelism = settings
        .any("parallelism", &["max_parallel", "concurrency"])
        .and_then(|part| {
            if part.value.is_string() {
                return expression::template(&part, report);
            }
            time::positive(&part, report, "iterations")?;
            expression::template(&part, report)
        });
    fields.known(&["max_iterations"]);
    if let Some(part) = fields.get("max_iterations") {
        report.push(part.key_warning(
            code::IGNORED_FIELD,
            "`max_iterations` is ignored: a loop ends with its data",
        ));
    }
    let steps = match inner_steps(fields)
        .or_else(|| settings.get("steps").map(|part| step::steps(&part, report)))
    {
        Some(steps) => steps,
        None => single(fields).into_iter().collect(),
    };
    if !std::ptr::eq(settings, fields) {
        settings.ignore_rest();
    }
    Some(StepAction::Loop(Box::new(Loop {
        over: over?,
        item,
        index,
        parallelism,
        steps,
    })))
}

#[allow(clippy::expect_used)]
fn always() -> Expression {
    Expression::parse("true").expect("`true` is an expression")
}
