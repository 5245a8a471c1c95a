//! Texts and values with expressions inside.

use ossa_runtime::expression::{Dialects, Template};
use serde_json::{Value, json};

use crate::scope;

fn roots() -> Value {
    json!({
        "input": {"id": 42, "name": "Ada", "ratio": 0.5, "on": true, "none": null, "tags": ["a", "b"], "map": {"k": 1}},
        "env": {"APP": "shop", "EMPTY": ""},
        "HOME": "not the environment",
    })
}

fn rendered(text: &str, dialects: Dialects) -> Value {
    Template::parse(text, dialects)
        .unwrap_or_else(|error| panic!("{text}: {error}"))
        .render(&scope(roots()))
        .unwrap()
}

fn condition(text: &str) -> Value {
    Template::parse_condition(text, Dialects::FIELDS)
        .unwrap_or_else(|error| panic!("{text}: {error}"))
        .evaluate(&scope(roots()))
        .unwrap()
}

#[test]
fn a_text_that_is_one_expression_keeps_the_type_of_its_value() {
    for (text, expected) in [
        ("${{ input.id }}", json!(42)),
        ("${{input.tags}}", json!(["a", "b"])),
        ("${{ input.map }}", json!({"k": 1})),
        ("${{ input.none }}", Value::Null),
        ("${{ input.missing }}", Value::Null),
        ("  ${{ input.on }}\n", json!(true)),
        ("{{ input.id }}", json!(42)),
        ("${input.id}", json!(42)),
        ("${{ {a: {b: 1}} }}", json!({"a": {"b": 1}})),
        ("${{ {a: {b: 1}}}}", json!({"a": {"b": 1}})),
        ("${{ '}}' }}", json!("}}")),
        ("${{ \"it's }}\" }}", json!("it's }}")),
        (
            "${{\n  input.on\n    ? 'yes'\n    : 'no'\n}}\n",
            json!("yes"),
        ),
    ] {
        assert_eq!(rendered(text, Dialects::FIELDS), expected, "{text}");
    }
}

#[test]
fn expressions_within_text_are_written_into_it() {
    for (text, expected) in [
        ("Hi ${{ input.name }}!", "Hi Ada!"),
        ("${{ input.id }}/${{ input.ratio }}", "42/0.5"),
        ("${{ input.id }}${{ input.id }}", "4242"),
        ("[${{ input.none }}|${{ input.missing }}]", "[|]"),
        ("on=${{ input.on }}", "on=true"),
        (
            "tags=${{ input.tags }} map=${{ input.map }}",
            "tags=[\"a\",\"b\"] map={\"k\":1}",
        ),
        ("${{ input.tags | join('\\n') }}!", "a\nb!"),
        ("/app/{{ input.id }}/${input.name}", "/app/42/Ada"),
        ("ü ${{ input.name }} ü", "ü Ada ü"),
        ("${{ '${{' }} and ${{ '}}' }}", "${{ and }}"),
        ("a } b }} c { d $ e $$ f", "a } b }} c { d $ e $$ f"),
        ("cost: 5$", "cost: 5$"),
        ("", ""),
    ] {
        assert_eq!(rendered(text, Dialects::FIELDS), json!(expected), "{text}");
    }
}

#[test]
fn other_markers_are_plain_text_where_only_the_standard_one_is_read() {
    let text = "{{ input.id }} ${input.id} ${HOME} ${{ input.id }}";
    assert_eq!(
        rendered(text, Dialects::TEXT),
        json!("{{ input.id }} ${input.id} ${HOME} 42")
    );
    let handlebars = "{{#each tags}}${{ input.name }}{{/each}}";
    assert_eq!(
        rendered(handlebars, Dialects::TEXT),
        json!("{{#each tags}}Ada{{/each}}")
    );
    let double = Dialects::TEXT.with_double_braces(true);
    assert_eq!(
        rendered("{{ input.id }} ${input.id}", double),
        json!("42 ${input.id}")
    );
    let dollar = Dialects::TEXT.with_dollar_braces(true);
    assert_eq!(
        rendered("{{ input.id }} ${input.id}", dollar),
        json!("{{ input.id }} 42")
    );
}

#[test]
fn an_upper_case_name_in_dollar_braces_is_an_environment_variable() {
    for (text, expected) in [
        ("${APP}", json!("shop")),
        ("${HOME}", Value::Null),
        ("x-${APP}-${HOME}", json!("x-shop-")),
        ("${APP:-default}", json!("shop")),
        ("${EMPTY:-default}", json!("default")),
        ("${HOME:-}", json!("")),
        (
            "${REDIS_URL:-redis://localhost:6379}",
            json!("redis://localhost:6379"),
        ),
        ("${SIZE:-8192}", json!("8192")),
        ("${{ HOME }}", json!("not the environment")),
        ("${env.APP}", json!("shop")),
    ] {
        assert_eq!(rendered(text, Dialects::FIELDS), expected, "{text}");
    }
}

#[test]
fn a_condition_may_be_bare_marked_as_a_whole_or_marked_at_its_operands() {
    for (text, expected) in [
        ("input.id > 10", json!(true)),
        ("${{ input.id > 10 }}", json!(true)),
        ("{{ input.id > 10 }}", json!(true)),
        ("${input.on}", json!(true)),
        (" ${{ input.id > 10 }}\n", json!(true)),
        ("${input.name} === 'Ada'", json!(true)),
        ("${input.name} !== 'Ada'", json!(false)),
        ("${{ input.on }} && ${{ input.none }}", Value::Null),
        ("${{ input.tags }}.length == 2", json!(true)),
        ("!${input.on} || {{ input.id }} == 42", json!(true)),
        ("${{ {a: {b: 1}}}} == {a: {b: 1}}", json!(true)),
        ("${APP} == 'shop'", json!(true)),
        ("${MODE:-dev} == 'dev'", json!(true)),
        ("'${APP}' == 'shop'", json!(false)),
        ("input.tags contains 'a'", json!(true)),
    ] {
        assert_eq!(condition(text), expected, "{text}");
    }
}

#[test]
fn values_are_never_pasted_into_the_source_of_a_condition() {
    let hostile = json!({"input": {"type": "x' || true || 'x"}});
    let condition = Template::parse_condition("${input.type} === 'x'", Dialects::FIELDS).unwrap();
    assert!(!condition.is_truthy(&scope(hostile.clone())).unwrap());
    let nested = json!({"input": {"type": "${{ secrets.KEY }}"}, "secrets": {"KEY": "hidden"}});
    let template = Template::parse("type: ${{ input.type }}", Dialects::FIELDS).unwrap();
    assert_eq!(
        template.render(&scope(nested)).unwrap(),
        json!("type: ${{ secrets.KEY }}")
    );
}

#[test]
fn a_condition_in_a_field_of_standard_markers_takes_no_other() {
    assert!(Template::parse_condition("${{ input.id }} == 42", Dialects::TEXT).is_ok());
    assert!(Template::parse_condition("${input.id} == 42", Dialects::TEXT).is_err());
    assert!(Template::parse_condition("{{ input.id }} == 42", Dialects::TEXT).is_err());
    for open in ["${{ a", "${ a", "{{ a", "${{ a } == 1", "", "${{ }}"] {
        assert!(
            Template::parse_condition(open, Dialects::FIELDS).is_err(),
            "{open}"
        );
    }
}

#[test]
fn a_whole_value_is_rendered_with_its_shape_and_its_order() {
    let value = json!({
        "zeta": "${{ input.id }}",
        "alpha": ["${{ input.tags }}", "n-${{ input.id }}", {"deep": "${{ input.on ? 1 }}"}],
        "constant": {"n": 1, "t": "text", "f": 1.0, "l": [null, true]},
        "${{ key }}": 1,
    });
    let template = Template::parse_value(&value, Dialects::FIELDS).unwrap();
    assert!(!template.is_constant());
    let rendered = template.render(&scope(roots())).unwrap();
    assert_eq!(
        rendered.to_string(),
        r#"{"zeta":42,"alpha":[["a","b"],"n-42",{"deep":1}],"constant":{"n":1,"t":"text","f":1.0,"l":[null,true]},"${{ key }}":1}"#
    );
}

#[test]
fn a_value_without_expressions_is_constant() {
    let value = json!({"a": [1, "text", {"b": null}], "c": "} }} { $"});
    let template = Template::parse_value(&value, Dialects::FIELDS).unwrap();
    assert!(template.is_constant());
    assert_eq!(template.render(&scope(json!({}))).unwrap(), value);
    assert!(
        !Template::parse("${{ 1 }}", Dialects::FIELDS)
            .unwrap()
            .is_constant()
    );
}

#[test]
fn an_error_while_rendering_names_the_expression_and_its_path() {
    let value = json!({"a": [{"b c": "id ${{ input.on && uuid() }}"}]});
    let template = Template::parse_value(&value, Dialects::FIELDS).unwrap();
    let error = template.render(&scope(roots())).expect_err("no uuid");
    assert_eq!(error.code(), "OSSA-E017");
    assert_eq!(error.path(), Some("$.a[0]['b c']"));
    assert_eq!(error.expression(), Some("input.on && uuid()"));
    assert_eq!(
        error.to_string(),
        "`uuid()` has no value here in `input.on && uuid()` at $.a[0]['b c']"
    );
}

#[test]
fn templates_are_shared_compared_and_sent_between_threads() {
    fn shareable<T: Clone + PartialEq + Send + Sync + std::fmt::Debug>(_: &T) {}
    let template = Template::parse("${{ a }}-${APP}", Dialects::FIELDS).unwrap();
    shareable(&template);
    let condition = Template::parse_condition("${{ a }} == 1", Dialects::FIELDS).unwrap();
    shareable(&condition);
    assert_eq!(template.clone(), template);
    assert_ne!(
        template,
        Template::parse("${{ b }}-${APP}", Dialects::FIELDS).unwrap()
    );
    assert_eq!(condition.to_string(), "${{ a }} == 1");
}
