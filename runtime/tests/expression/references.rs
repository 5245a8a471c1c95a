//! What can be known about an expression without evaluating it.

use std::collections::BTreeSet;

use ossa_runtime::expression::{Dialects, Expression, References, Template};
use serde_json::json;

fn references(source: &str) -> References {
    Expression::parse(source).unwrap().references()
}

fn set<const N: usize>(names: [&str; N]) -> BTreeSet<String> {
    names.map(str::to_owned).into()
}

#[test]
fn step_ids_are_found_wherever_a_path_may_stand() {
    let found = references(
        "!steps.a.output && steps['b-c'].status == 'x' ? [steps.d.output.x, {k: steps.e}] : \
         (steps.f.output[steps.g.output] | join(steps.h.output)) in (steps.i || steps.j.x | default(steps.k)) \
         || contains(steps.l, steps.m) || exists(steps.n) || steps.o.x matches steps.p.x \
         || (steps.q.list | selectattr('x', 'match', steps.r.x) | selectattr('x', 'eq', steps.s.x))",
    );
    assert_eq!(
        found.steps,
        set([
            "a", "b-c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m", "n", "o", "p", "q", "r",
            "s"
        ])
    );
    assert!(!found.every_step);
    assert_eq!(found.roots, set(["steps"]));
}

#[test]
fn any_step_may_be_meant_by_a_wildcard_a_computed_id_and_steps_alone() {
    for source in [
        "steps.*.output",
        "steps[*].status",
        "steps[item.id].output",
        "steps",
        "steps | length",
        "steps[-1]",
    ] {
        assert!(references(source).every_step, "{source}");
    }
    let first = references("steps[0].output");
    assert!(!first.every_step);
    assert_eq!(first.step_positions, [0].into());
}

#[test]
fn names_of_the_environment_and_of_secrets_are_found() {
    let found = references("env.HOST || env['PORT'] || secrets.KEY || input.env.x");
    assert_eq!(found.environment, set(["HOST", "PORT"]));
    assert_eq!(found.secrets, set(["KEY"]));
    assert_eq!(references("env[input.x]").environment, set(["*"]));
    assert_eq!(references("secrets.*").secrets, set(["*"]));
    assert_eq!(references("env | length").environment, set(["*"]));
    let variable = Template::parse("${HOST:-local}:${PORT}", Dialects::FIELDS).unwrap();
    assert_eq!(variable.references().environment, set(["HOST", "PORT"]));
}

#[test]
fn bare_names_are_told_from_named_roots() {
    let found = references(
        "segment_id in workflow.input.ids && run-tests.status == 'ok' && inputs.x && item.y",
    );
    assert_eq!(
        found.roots,
        set(["segment_id", "workflow", "run-tests", "input", "item"])
    );
    assert_eq!(
        found.names().collect::<Vec<_>>(),
        ["run-tests", "segment_id"]
    );
}

#[test]
fn calls_that_need_the_run_are_found() {
    assert!(references("now()").now);
    assert!(!references("now()").uuid);
    assert!(references("{id: uuid()}").uuid);
    assert!(!references("now || uuid").now);
}

#[test]
fn a_template_refers_to_what_all_its_expressions_refer_to() {
    let value = json!({"a": "${{ steps.x.output }}", "b": ["to ${{ steps.y.output }} by ${{ now() }}", "plain"]});
    let found = Template::parse_value(&value, Dialects::FIELDS)
        .unwrap()
        .references();
    assert_eq!(found.steps, set(["x", "y"]));
    assert!(found.now);
    let constant = Template::parse("plain", Dialects::FIELDS).unwrap();
    assert_eq!(constant.references(), References::default());
}
