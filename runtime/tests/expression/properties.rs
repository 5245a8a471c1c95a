//! Laws that hold for texts and values nobody thought of.

use ossa_runtime::expression::{Dialects, Expression, MapScope, Template, truthy};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use crate::{constant, scope};

/// Expressions to break apart: ours, and the corpus where it is present.
fn seeds() -> Vec<String> {
    let own = [
        "steps.a.output.list | selectattr('path', 'match', '.*\\.yml$') | list | length > 0",
        "{a: [1, -2.5e3, {'b c': ~}]}.a[0] in steps.*.output || !x.y[z] && 'é' not in \"q\\\"\"",
        "contains(a, {b: 1}) ? now() : length(uuid()) == 1 or not (a starts_with 'b')",
        "${APP:-x} === '{{ y }}' && ${{ z }}",
    ];
    let corpus = crate::corpus::expressions().unwrap_or_default();
    let corpus = corpus.into_iter().map(|(_, text)| text);
    own.map(str::to_owned).into_iter().chain(corpus).collect()
}

/// A text near an expression: two seeds cut and joined, with a few characters replaced.
fn mutation() -> impl Strategy<Value = String> {
    let seeds = seeds();
    let piece = (prop::sample::select(seeds), any::<(u16, u16)>());
    let noise = prop::sample::select(vec![
        "", "(", ")", "[", "]", "{", "}", "}}", "${{", "${", "'", "\"", "\\", "|", "||", ".", ".*",
        "?", ":", "!", " not ", " in ", "-", "1", "é", "\u{0}", "$", "~", ",", "=", " == ",
    ]);
    prop::collection::vec((piece, noise), 1..4).prop_map(|pieces| {
        let mut text = String::new();
        for ((seed, (from, length)), noise) in pieces {
            let characters = seed.chars();
            let from = usize::from(from) % seed.len().max(1);
            let length = usize::from(length) % seed.len().max(1);
            text.extend(characters.skip(from).take(length));
            text.push_str(noise);
        }
        text
    })
}

fn json_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        (-1e9..1e9f64).prop_map(Value::from),
        "[ -~éü🎉\\n]{0,8}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec(("[a-z]{1,3}", inner), 0..4)
                .prop_map(|members| Value::Object(members.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

/// Reads a text in every way, and evaluates whatever is accepted.
fn exercise(text: &str, roots: &MapScope) {
    let expressions = [
        Expression::parse(text),
        Template::parse_condition(text, Dialects::FIELDS),
        Template::parse_condition(text, Dialects::TEXT),
    ];
    for expression in expressions {
        match expression {
            Ok(expression) => {
                let value = expression.evaluate(roots);
                let truth = expression.is_truthy(roots);
                assert_eq!(
                    value.as_ref().ok().map(truthy),
                    truth.ok().filter(|_| value.is_ok())
                );
                let _ = expression.evaluate_strict(roots);
                let _ = expression.references();
            }
            Err(error) => {
                let end = error.offset() + error.length();
                assert!(
                    text.get(error.offset()..end).is_some(),
                    "{text:?}: {error:?}"
                );
                assert!(!error.message().is_empty() && !error.help().is_empty());
            }
        }
    }
    for dialects in [Dialects::FIELDS, Dialects::TEXT] {
        for marked in [
            text.to_owned(),
            format!("a ${{{{ {text} }}}} b"),
            format!("{{{{ {text} }}}}"),
        ] {
            if let Ok(template) = Template::parse(&marked, dialects) {
                let _ = template.render(roots);
            }
        }
    }
}

fn some_roots() -> MapScope {
    scope(json!({
        "steps": {"a": {"status": "completed", "output": {"list": [{"path": "x.yml"}, {"path": 1}]}}},
        "x": {"y": [1, 2, {"k": "v"}]}, "z": "2", "a": ["b", {"b": 1}], "input": {"type": "billing", "n": -3},
        "message": {"files_changed": ["package.json"], "summary": {"critical": 2.0}},
    }))
    .with_now("2026-11-21T09:00:00.000Z")
    .with_uuids(vec!["00000000-0000-4000-8000-000000000000".to_owned(); 8])
}

proptest! {
    #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases * 4, ..ProptestConfig::default() })]

    #[test]
    fn no_text_makes_the_parser_or_the_evaluator_panic(text in "\\PC{0,60}") {
        exercise(&text, &some_roots());
    }

    #[test]
    fn no_text_near_an_expression_makes_the_parser_or_the_evaluator_panic(text in mutation()) {
        exercise(&text, &some_roots());
    }

    #[test]
    fn no_value_makes_an_evaluation_fail_or_panic(value in json_value(), other in json_value()) {
        let roots = scope(json!({"v": value, "o": other}));
        for source in [
            "v == o || v < o || v >= o", "v in o || o contains v || {a: 1} in o", "v.*", "v.*.*.a", "v[o]", "v[0].length",
            "v | length", "v | list | first", "v | join(o)", "v | tojson", "v | selectattr('a', 'lt', 1)",
            "v | rejectattr('a.0', 'match', 'x')", "v | upper | default(o)", "v ? o : v", "[v, {o: o}]",
            "v starts_with o", "v ends_with o", "v matches '^a'", "exists(v.a)",
        ] {
            let result = Expression::parse(source).unwrap().evaluate(&roots);
            prop_assert!(result.is_ok(), "{}: {:?}", source, result);
        }
    }

    #[test]
    fn equality_is_reflexive_and_symmetric_and_the_opposite_of_inequality(a in json_value(), b in json_value()) {
        let roots = scope(json!({"a": a, "b": b}));
        let truth = |source: &str| Expression::parse(source).unwrap().is_truthy(&roots).unwrap();
        prop_assert!(truth("a == a"));
        prop_assert_eq!(truth("a == b"), truth("b == a"));
        prop_assert_eq!(truth("a == b"), !truth("a != b"));
        prop_assert!(truth("a in [b, a]"));
        prop_assert_eq!(truth("a < b"), truth("b > a"));
        prop_assert!(!(truth("a < b") && truth("a >= b")));
        prop_assert_eq!(truth("a <= b && a >= b"), truth("a == b") && truth("a <= a"));
    }

    #[test]
    fn integers_and_floats_next_to_each_other_compare_as_in_mathematics(
        integer in any::<i64>(),
        shift in 0..64u32,
        halves in -4..5i32,
    ) {
        let integer = integer >> shift;
        let float = integer as f64 + f64::from(halves) / 2.0;
        // Twice the float is a whole number, which Rust prints exactly.
        let doubled: i128 = format!("{:.0}", float * 2.0).parse().unwrap();
        let expected = (i128::from(integer) * 2).cmp(&doubled);
        let roots = scope(json!({"i": integer, "f": float}));
        let truth = |source: &str| Expression::parse(source).unwrap().is_truthy(&roots).unwrap();
        prop_assert_eq!(truth("i < f"), expected.is_lt());
        prop_assert_eq!(truth("i == f"), expected.is_eq());
        prop_assert_eq!(truth("f < i"), expected.is_gt());
    }

    #[test]
    fn a_rendered_constant_is_itself(value in json_value()) {
        prop_assume!(!value.to_string().contains("${{"));
        let template = Template::parse_value(&value, Dialects::TEXT).unwrap();
        prop_assert!(template.is_constant());
        prop_assert_eq!(template.render(&MapScope::default()).unwrap(), value);
    }

    #[test]
    fn a_whole_expression_renders_the_very_value(value in json_value()) {
        let template = Template::parse("${{ v }}", Dialects::TEXT).unwrap();
        let rendered = template.render(&scope(json!({"v": value}))).unwrap();
        prop_assert_eq!(rendered.to_string(), value.to_string());
    }

    #[test]
    fn a_value_written_as_json_is_an_expression_of_that_value(value in json_value()) {
        // JSON escapes no expression knows are left out.
        let text = value.to_string();
        prop_assume!(!text.contains("\\u") && !text.contains("\\b") && !text.contains("\\f"));
        prop_assert_eq!(constant(&text), value);
    }

    #[test]
    fn the_text_of_an_expression_parses_to_the_same_expression(text in mutation()) {
        if let Ok(expression) = Expression::parse(&text) {
            let again = Expression::parse(&expression.to_string()).unwrap();
            prop_assert_eq!(again.references(), expression.references());
            let roots = some_roots();
            let (first, second) = (expression.evaluate(&roots), again.evaluate(&some_roots()));
            prop_assert_eq!(first, second);
            prop_assert_eq!(&again, &expression);
        }
    }
}
