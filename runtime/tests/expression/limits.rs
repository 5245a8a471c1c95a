//! Every bound is a typed error, and none is reached by exhausting the stack or the memory.

use ossa_runtime::expression::{
    Code, Dialects, EvaluationError, Expression, MAX_DEPTH, MAX_MATCHED_BYTES, MAX_SOURCE_BYTES,
    MAX_STEPS, MAX_TEXT_BYTES, MAX_VALUE_DEPTH, Template,
};
use serde_json::{Value, json};

use crate::{rejection, scope};

fn failure(source: &str, roots: Value) -> EvaluationError {
    let expression = Expression::parse(source).unwrap();
    expression.evaluate(&scope(roots)).expect_err(source)
}

/// `levels` arrays, each the only element of the one around it.
fn nested(levels: usize) -> Value {
    (0..levels).fold(json!(1), |inner, _| json!([inner]))
}

/// Runs `work` on a stack smaller than the 2 MiB of a Rust thread or a PHP fiber; unoptimised frames are
/// several times larger than those that ship.
fn on_a_small_stack(work: impl FnOnce() + Send + 'static) {
    let kibibytes = if cfg!(debug_assertions) { 1_536 } else { 512 };
    let thread = std::thread::Builder::new().stack_size(kibibytes * 1024);
    thread.spawn(work).unwrap().join().unwrap();
}

#[test]
fn an_expression_of_the_longest_text_parses_and_one_byte_more_does_not() {
    let longest = format!("'{}'", "x".repeat(MAX_SOURCE_BYTES - 2));
    assert!(Expression::parse(&longest).is_ok());
    for longer in [
        format!("{longest} "),
        format!("'{}'", "x".repeat(MAX_SOURCE_BYTES - 1)),
        format!("{}x", "x || ".repeat(2_000)),
        "x".repeat(MAX_SOURCE_BYTES + 1),
        " ".repeat(MAX_SOURCE_BYTES + 1),
        format!("'{}", "ü".repeat(MAX_SOURCE_BYTES)),
        "[".repeat(50) + &",1".repeat(MAX_SOURCE_BYTES),
    ] {
        let error = Expression::parse(&longer).expect_err("too long");
        assert!(
            matches!(error.kind(), Code::SourceTooLong | Code::Syntax),
            "{error}"
        );
    }
    assert_eq!(
        rejection(&format!("{}x", "x || ".repeat(2_000))),
        Code::SourceTooLong
    );
    assert_eq!(rejection(&"x".repeat(1_000_000)), Code::SourceTooLong);
}

#[test]
fn the_text_around_an_expression_does_not_count() {
    let around = "text ".repeat(10_000);
    let text = format!("{around}${{{{ 1 }}}}{around}");
    let template = Template::parse(&text, Dialects::FIELDS).unwrap();
    assert_eq!(
        template.render(&scope(json!({}))).unwrap(),
        json!(format!("{around}1{around}"))
    );
    let long = format!("${{{{ '{}' }}}}", "x".repeat(MAX_SOURCE_BYTES));
    let error = Template::parse(&long, Dialects::FIELDS).expect_err("too long");
    assert_eq!(error.kind(), Code::SourceTooLong);
}

#[test]
fn nesting_is_bounded_for_every_construct_that_nests() {
    type Nest = fn(usize) -> String;
    let nests: [(&str, Nest); 12] = [
        ("parentheses", |n| "(".repeat(n) + "1" + &")".repeat(n)),
        ("arrays", |n| "[".repeat(n) + "x" + &"]".repeat(n)),
        ("constant arrays", |n| "[".repeat(n) + &"]".repeat(n)),
        ("objects", |n| "{a: ".repeat(n) + "x" + &"}".repeat(n)),
        ("exclamation marks", |n| "!".repeat(n) + "x"),
        ("not", |n| "not ".repeat(n) + "x"),
        ("indices", |n| "x[".repeat(n) + "1" + &"]".repeat(n)),
        ("calls", |n| "length(".repeat(n) + "x" + &")".repeat(n)),
        ("filters", |n| {
            "x | default(".repeat(n) + "1" + &")".repeat(n)
        }),
        ("ternaries", |n| "x ? ".repeat(n) + "1"),
        ("else branches", |n| "x ? 1 : ".repeat(n) + "1"),
        ("everything", |n| {
            "x && 1 == y || [(!z | default(".repeat(n / 3) + "1" + &"))]".repeat(n / 3)
        }),
    ];
    on_a_small_stack(move || {
        for (name, nest) in nests {
            assert!(Expression::parse(&nest(MAX_DEPTH / 2)).is_ok(), "{name}");
            let deepest = (1..=MAX_DEPTH)
                .rev()
                .find_map(|n| Expression::parse(&nest(n)).ok());
            let deepest = deepest.expect("some depth parses");
            deepest
                .evaluate(&scope(json!({"x": [1], "y": 1, "z": 1})))
                .unwrap();
            let _ = deepest.references();
            drop(deepest);
            for n in [MAX_DEPTH + 1, 500, 1_000] {
                let text = nest(n * 3);
                if text.len() <= MAX_SOURCE_BYTES {
                    assert_eq!(rejection(&text), Code::NestedTooDeep, "{name}");
                }
            }
        }
    });
}

#[test]
fn chains_do_not_nest() {
    on_a_small_stack(|| {
        for chain in [
            "x || ".repeat(1_600) + "1",
            "1 && ".repeat(1_600) + "1",
            "x".to_owned() + &".y".repeat(4_000),
            "x".to_owned() + &"[0]".repeat(2_700),
            "x".to_owned() + &" | list".repeat(1_100),
            "[".to_owned() + &"x,".repeat(4_000) + "x]",
            "length([".to_owned() + &"{},".repeat(2_700) + "x])",
        ] {
            let expression = Expression::parse(&chain).unwrap();
            expression.evaluate(&scope(json!({}))).unwrap();
        }
    });
    assert_eq!(
        rejection(&format!("x{}", ".*".repeat(MAX_DEPTH + 1))),
        Code::NestedTooDeep
    );
}

#[test]
fn values_of_the_scope_may_be_as_deep_as_they_like_until_they_are_walked() {
    on_a_small_stack(|| {
        let deep =
            json!({"deep": nested(MAX_VALUE_DEPTH + 10), "other": nested(MAX_VALUE_DEPTH + 10)});
        let allowed = json!({"deep": nested(MAX_VALUE_DEPTH), "other": nested(MAX_VALUE_DEPTH)});
        for source in [
            "deep",
            "deep == other",
            "[deep]",
            "deep | tojson",
            "deep.*",
            "deep | join",
            "{a: deep}",
        ] {
            let error = failure(source, deep.clone());
            assert_eq!(error.kind(), Code::ValueTooDeep, "{source}");
        }
        for source in [
            "deep",
            "deep == other",
            "deep | tojson",
            "deep.*",
            "deep | join",
        ] {
            let expression = Expression::parse(source).unwrap();
            assert!(
                expression.evaluate(&scope(allowed.clone())).is_ok(),
                "{source}"
            );
        }
        for source in [
            "deep[0][0] ? 1 : 2",
            "deep | length",
            "deep.length",
            "deep == 1",
        ] {
            let expression = Expression::parse(source).unwrap();
            assert!(
                expression.evaluate(&scope(deep.clone())).is_ok(),
                "{source}"
            );
        }
        let error = Template::parse_value(&nested(MAX_VALUE_DEPTH + 1), Dialects::FIELDS)
            .expect_err("too deep");
        assert_eq!(error.kind(), Code::ValueTooDeep);
        assert!(error.path().is_some_and(|path| path.starts_with("$[0][0]")));
    });
}

#[test]
fn an_evaluation_that_takes_too_many_steps_is_stopped() {
    let steps = usize::try_from(MAX_STEPS).unwrap();
    let roots = scope(json!({"many": vec![0; steps]}));
    let evaluated = |source: &str| Expression::parse(source).unwrap().evaluate(&roots);
    for source in [
        "many.*",
        "many",
        "1 in many",
        "many == many",
        "many | selectattr('x')",
        "many | rejectattr('x', 'eq', 1)",
        "many | join",
        "many | tojson",
        "[many]",
        "many contains {a: 1}",
    ] {
        let error = evaluated(source).expect_err(source);
        assert_eq!(error.kind(), Code::TooManySteps, "{source}");
    }
    for source in ["many | length", "many[-1]", "many ? 1 : 0", "many | first"] {
        assert!(evaluated(source).is_ok(), "{source}");
    }
}

#[test]
fn copies_of_a_large_value_are_paid_for() {
    let large = json!({"x": vec!["some text"; 10_000]});
    let copies = format!("[{}x]", "x,".repeat(4_000));
    assert_eq!(failure(&copies, large.clone()).kind(), Code::TooManySteps);
    let copies = json!(vec!["${{ x }}"; 4_000]);
    let template = Template::parse_value(&copies, Dialects::FIELDS).unwrap();
    let error = template.render(&scope(large)).expect_err("too large");
    assert_eq!(error.kind(), Code::TooManySteps);
    assert!(error.path().is_some());
}

#[test]
fn text_that_grows_too_long_is_stopped() {
    let half = "x".repeat(MAX_TEXT_BYTES / 2);
    let roots =
        json!({"half": half, "list": [half, half, "x"], "quotes": "\"".repeat(MAX_TEXT_BYTES)});
    for source in [
        "list | join",
        "list | tojson",
        "quotes | tojson",
        "['a', 'b', 'c'] | join(half)",
    ] {
        let expression = Expression::parse(source).unwrap();
        let result = expression.evaluate(&scope(roots.clone()));
        assert_eq!(
            result.expect_err(source).kind(),
            Code::TextTooLong,
            "{source}"
        );
    }
    let exact = Template::parse("${{ half }}${{ half }}", Dialects::FIELDS).unwrap();
    let rendered = exact.render(&scope(roots.clone())).unwrap();
    assert_eq!(rendered.as_str().map(str::len), Some(MAX_TEXT_BYTES));
    let longer = Template::parse("${{ half }}${{ half }}!", Dialects::FIELDS).unwrap();
    let error = longer.render(&scope(roots)).expect_err("too long");
    assert_eq!(error.kind(), Code::TextTooLong);
}

#[test]
fn a_whole_scalar_may_be_longer_than_an_interpolated_text() {
    let long = "x".repeat(2 * MAX_TEXT_BYTES);
    let whole = Template::parse("${{ long }}", Dialects::FIELDS).unwrap();
    assert_eq!(
        whole.render(&scope(json!({"long": long}))).unwrap(),
        json!(long)
    );
}

#[test]
fn text_matched_against_a_pattern_is_bounded() {
    let fitting = json!({"text": "a".repeat(MAX_MATCHED_BYTES)});
    let long = json!({"text": "a".repeat(MAX_MATCHED_BYTES + 1), "list": [{"x": "a".repeat(MAX_MATCHED_BYTES + 1)}]});
    let expression = Expression::parse("text matches '^(a|aa)+$'").unwrap();
    assert!(expression.is_truthy(&scope(fitting)).unwrap());
    for source in ["text =~ 'a'", "list | selectattr('x', 'match', 'a')"] {
        assert_eq!(
            failure(source, long.clone()).kind(),
            Code::MatchedTextTooLong,
            "{source}"
        );
    }
}

#[test]
fn a_pattern_taken_from_data_is_bounded_and_never_repeated() {
    for (pattern, code) in [
        ("secret(", Code::InvalidPattern),
        ("secret(?<name", Code::InvalidPattern),
        (r"(secret\w{100}){100}", Code::PatternTooLarge),
        (&"secret".repeat(2_000), Code::PatternTooLarge),
    ] {
        let roots = json!({"pattern": pattern, "list": [{"x": "y"}]});
        for source in [
            "'x' matches pattern",
            "list | selectattr('x', 'match', pattern)",
        ] {
            let error = failure(source, roots.clone());
            assert_eq!(error.kind(), code, "{source} with {pattern}");
            assert!(!error.to_string().contains("secret"), "{error}");
        }
    }
    let computed = |times: usize| format!("[{}1]", "'x' =~ pattern,".repeat(times));
    let roots = json!({"pattern": "x"});
    let few = Expression::parse(&computed(40)).unwrap();
    assert!(few.evaluate(&scope(roots.clone())).is_ok());
    assert_eq!(failure(&computed(60), roots).kind(), Code::TooManySteps);
}

#[test]
fn matching_is_paid_by_the_size_of_the_pattern() {
    let roots = json!({"list": vec![json!({"x": "a".repeat(1_000)}); 100]});
    let small = Expression::parse("list | selectattr('x', 'search', '[a-c]+$')").unwrap();
    assert!(small.evaluate(&scope(roots.clone())).is_ok());
    let large = "list | selectattr('x', 'search', '^.{1,255}$')";
    assert_eq!(failure(large, roots).kind(), Code::TooManySteps);
}

#[test]
fn the_patterns_of_one_expression_or_template_are_bounded_together() {
    for pattern in [
        r"x =~ '^\w{3,20}$'",
        r"selectattr(x, 'a', 'match', '^\w{3,20}$')",
        r"(x | rejectattr('a', 'search', '^\w{3,20}$'))",
    ] {
        assert!(
            Expression::parse(&[pattern; 3].join(" || ")).is_ok(),
            "{pattern}"
        );
        assert_eq!(
            rejection(&[pattern; 20].join(" || ")),
            Code::PatternTooLarge,
            "{pattern}"
        );
        let value = json!(vec![format!("${{{{ {pattern} }}}}"); 20]);
        let error = Template::parse_value(&value, Dialects::FIELDS).expect_err("too many");
        assert_eq!(error.kind(), Code::PatternTooLarge);
        assert!(error.path().is_some());
    }
    let few = Expression::parse("x =~ '^[a-z]+$' && y =~ z").unwrap();
    let bytes = few.references().pattern_bytes;
    assert!((1..=64 * 1024).contains(&bytes), "{bytes}");
}

#[test]
fn usual_patterns_are_within_the_bound() {
    for pattern in [
        r"^\w{3,20}$",
        r"^[\w.+-]+@[\w-]+\.[\w.]{2,}$",
        "^.{1,255}$",
        r"^\S{1,255}$",
        r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?Z$",
        "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$",
        "^[^/]{1,255}(/[^/]{1,255})*$",
    ] {
        let parsed = Expression::parse(&format!("x matches '{pattern}'"));
        assert!(parsed.is_ok(), "{pattern}: {parsed:?}");
    }
}

#[test]
fn counting_the_characters_of_long_texts_is_paid_for() {
    let roots = json!({"text": "x".repeat(10_000_000)});
    for source in ["text.length,", "(text | length),"] {
        let repeated = format!("[{}1]", source.repeat(400));
        assert_eq!(
            failure(&repeated, roots.clone()).kind(),
            Code::TooManySteps,
            "{source}"
        );
    }
}

#[test]
fn many_expressions_after_much_white_space_are_read_in_linear_time() {
    let text = " ".repeat(400_000) + &"${{ a }}".repeat(50_000);
    let template = Template::parse(&text, Dialects::FIELDS).unwrap();
    assert!(template.render(&scope(json!({"a": 1}))).is_ok());
}
