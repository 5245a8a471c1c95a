//! Evaluation that reports paths leading to nothing.

use ossa_runtime::expression::{Dialects, Expression, Template};
use serde_json::{Value, json};

use crate::scope;

fn strict(source: &str) -> Result<Value, String> {
    let roots = json!({"input": {"name": "Ada", "none": null, "list": [{"x": 1}]}});
    let expression = Expression::parse(source).unwrap();
    let result = expression.evaluate_strict(&scope(roots));
    result.map_err(|error| {
        assert_eq!(error.code(), "OSSA-E018");
        error.message().to_owned()
    })
}

#[test]
fn a_missing_path_is_named() {
    for (source, message) in [
        ("input.nmae", "`input.nmae` leads to nothing"),
        ("nobody.x == 1", "`nobody.x` leads to nothing"),
        ("input.list[7]", "`input.list[7]` leads to nothing"),
        (
            "true && input.name.first",
            "`input.name.first` leads to nothing",
        ),
        (
            "nobody || input.missing",
            "`input.missing` leads to nothing",
        ),
        ("input.list[input.at]", "`input.at` leads to nothing"),
        ("({a: 1}).b", "a member of a value leads to nothing"),
        ("input.missing.*", "`input.missing.*` leads to nothing"),
    ] {
        assert_eq!(strict(source), Err(message.to_owned()), "{source}");
    }
}

#[test]
fn a_path_to_null_is_not_missing() {
    assert_eq!(strict("input.none"), Ok(Value::Null));
    assert_eq!(strict("input.list.*.y"), Ok(json!([])));
}

#[test]
fn asking_for_a_missing_path_is_no_mistake() {
    for (source, expected) in [
        ("input.nmae || 'default'", json!("default")),
        ("nobody.a || nobody.b || 1", json!(1)),
        ("input.nmae | default('d')", json!("d")),
        ("default(input.nmae, 'd')", json!("d")),
        ("exists(input.nmae)", json!(false)),
        ("input.nmae == null", json!(true)),
        ("null != input.nmae", json!(false)),
        ("input.name ? 1 : nobody", json!(1)),
    ] {
        assert_eq!(strict(source), Ok(expected), "{source}");
    }
}

#[test]
fn a_template_reports_where_the_missing_path_stands() {
    let value = json!({"mail": {"to": "${{ input.mial }}"}});
    let template = Template::parse_value(&value, Dialects::FIELDS).unwrap();
    let roots = scope(json!({"input": {}}));
    let error = template.render_strict(&roots).expect_err("missing");
    assert_eq!(
        error.to_string(),
        "`input.mial` leads to nothing in `input.mial` at $.mail.to"
    );
    assert_eq!(
        template.render(&roots).unwrap(),
        json!({"mail": {"to": null}})
    );
}
