//! What is rejected when an expression is read, and what the rejection says.

use ossa_runtime::expression::{Code, Dialects, Expression, Template};

use crate::rejection;

#[test]
fn text_that_is_no_expression_is_rejected() {
    for source in [
        "a b",
        "a ||",
        "|| a",
        "a ? : b",
        "a ?",
        "(a",
        "[1, 2",
        "{a: 1",
        "{a 1}",
        "{1: 2}",
        "[1,]",
        "a.",
        "a..b",
        "a[",
        "a[]",
        "a[1",
        "a | ",
        "a | 1",
        "a == b == c",
        "a < b < c",
        "1 2",
        "'a' 'b'",
        "a = b",
        "a & b",
        "a + b",
        "a -1",
        "5 - 3",
        "a * b",
        "a / b",
        "#x",
        "@a",
        "a;",
        "01",
        "1.2.3",
        "99999999999999999999e999",
        "10px",
        "a.b()",
        "(a).b()",
        "a ?? b",
        "a ?: b",
        "not",
        "!",
        "in",
        "a and",
        "a not b",
        "== 1",
        ".a",
        ". | toJson",
        "a in",
        "é",
        "steps.é",
        "“a”",
        "a.99999999999999999999",
        "${x}",
        "${{ x }}",
        "{{ x }}",
        "a }",
        "a: b",
        "a is defined",
        "f(1",
        "contains(a b)",
        "x.*y",
        "a b c d",
    ] {
        let code = rejection(source);
        assert!(
            matches!(code, Code::Syntax | Code::Unclosed),
            "{source}: {code}"
        );
    }
}

#[test]
fn every_rejection_has_its_own_code() {
    for (source, code) in [
        ("", Code::Empty),
        (" \n ", Code::Empty),
        ("'open", Code::Unclosed),
        ("\"open'", Code::Unclosed),
        ("'ends in a backslash\\", Code::Unclosed),
        ("(1", Code::Unclosed),
        ("a[1", Code::Unclosed),
        ("f(x)", Code::UnknownFunction),
        ("now.x()", Code::Syntax),
        ("x | map('a')", Code::UnknownFilter),
        ("x | contains", Code::UnknownFilter),
        ("x | selectattr('a', 'divisibleby', 2)", Code::UnknownTest),
        ("x | selectattr", Code::Arguments),
        ("x | selectattr(a)", Code::Arguments),
        ("x | selectattr('a', b)", Code::Arguments),
        ("x | selectattr('a', 'match')", Code::Arguments),
        ("x | selectattr('a', 'defined', 1)", Code::Arguments),
        ("x | selectattr('a', 'eq', 1, 2)", Code::Arguments),
        ("x | selectattr('a', 'match', 1)", Code::Arguments),
        ("x | length(1)", Code::Arguments),
        ("x | join(1, 2)", Code::Arguments),
        ("x | default", Code::Arguments),
        ("length()", Code::Arguments),
        ("length(1, 2)", Code::Arguments),
        ("now(1)", Code::Arguments),
        ("uuid(1)", Code::Arguments),
        ("exists()", Code::Arguments),
        ("contains(a)", Code::Arguments),
        ("x matches 1", Code::Arguments),
        ("x matches '('", Code::InvalidPattern),
        ("x =~ '(?=a)'", Code::InvalidPattern),
        ("x | selectattr('a', 'match', '[')", Code::InvalidPattern),
        (r"x matches '(\w{100}){100}'", Code::PatternTooLarge),
        ("package.json exists", Code::ExistsOperator),
        ("a && b exists", Code::ExistsOperator),
    ] {
        assert_eq!(rejection(source), code, "{source}");
    }
}

fn error(source: &str) -> ossa_runtime::expression::ExpressionError {
    Expression::parse(source).expect_err(source)
}

#[test]
fn a_rejection_says_what_where_and_what_to_do() {
    let unknown = error("steps.a.output | lenght > 0");
    assert_eq!(unknown.code(), "OSSA-E005");
    assert_eq!(unknown.to_string(), "unknown filter `lenght` at column 18");
    assert_eq!(unknown.message(), "unknown filter `lenght`");
    assert_eq!((unknown.offset(), unknown.length()), (17, 6));
    assert!(unknown.help().contains("length"), "{}", unknown.help());
    assert_eq!(unknown.path(), None);

    let folded = error("a &&\n  ü || b");
    assert_eq!(
        folded.to_string(),
        "unexpected character `ü` at line 2, column 3"
    );
    assert_eq!((folded.offset(), folded.length()), (7, 2));

    let missing = error("(a || b");
    assert_eq!(
        missing.to_string(),
        "a bracket is not closed by `)` at column 1"
    );

    let invisible = error("a\u{a0}b");
    assert_eq!(
        invisible.to_string(),
        "unexpected character `\\u{a0}` at column 2"
    );
}

#[test]
fn common_slips_get_help_of_their_own() {
    for (source, help) in [
        ("a = b", "`==`"),
        ("a & b", "`&&`"),
        ("a + b", "no arithmetic"),
        ("a -1", "no arithmetic"),
        ("“a”", "straight quotes"),
        ("a ?? b", "default"),
        ("'it''s'", "\\'"),
        ("a.b()", "length(x)"),
        ("a == b == c", "parentheses"),
        ("package.json exists", "x != null"),
        ("a is defined", "operators are"),
        ("${a}", "without braces"),
        ("x matches '(?=a)'", "look-around"),
    ] {
        let error = error(source);
        assert!(error.help().contains(help), "{source}: {}", error.help());
    }
}

#[test]
fn errors_in_a_template_point_into_its_whole_text() {
    let text = "Hello ${{ input.name }}, you have ${{ n | lenght }}";
    let error = Template::parse(text, Dialects::TEXT).expect_err("unknown filter");
    assert_eq!(
        text.get(error.offset()..error.offset() + error.length()),
        Some("lenght")
    );
    assert_eq!(error.to_string(), "unknown filter `lenght` at column 43");

    for (text, code, at) in [
        ("x ${{ a", Code::Unclosed, 2),
        ("x ${{ a }", Code::Syntax, 8),
        ("x ${{ a } }", Code::Syntax, 8),
        ("x ${{ }}", Code::Empty, 6),
        ("x {{ a", Code::Unclosed, 2),
        ("x ${ a", Code::Unclosed, 2),
        ("x ${}", Code::Empty, 4),
        ("x ${A:-${B}}", Code::Syntax, 5),
        ("x ${{ 'a }}", Code::Unclosed, 6),
        ("${{ a }} ${{ b c }}", Code::Syntax, 15),
        ("${{ ${a} }}", Code::Syntax, 4),
    ] {
        let error = Template::parse(text, Dialects::FIELDS).expect_err(text);
        assert_eq!(
            (error.kind(), error.offset()),
            (code, at),
            "{text}: {error}"
        );
    }
}

#[test]
fn errors_in_a_value_carry_the_path_of_the_text() {
    let value = serde_json::json!({
        "fine": "${{ a }}",
        "headers": {"X-Priority": ["low", "${{ a b }}"], "it's": 1},
    });
    let error = Template::parse_value(&value, Dialects::FIELDS).expect_err("two names");
    assert_eq!(error.path(), Some("$.headers['X-Priority'][1]"));
    assert_eq!(
        error.to_string(),
        "unexpected `b`, expected `}}` at column 7 of $.headers['X-Priority'][1]"
    );
    let root =
        Template::parse_value(&serde_json::json!("${{"), Dialects::FIELDS).expect_err("open");
    assert_eq!(root.path(), Some("$"));
}

#[test]
fn an_evaluation_that_fails_says_what_to_do() {
    let expression = Expression::parse("now()").unwrap();
    let error = expression
        .evaluate(&crate::scope(serde_json::json!({})))
        .expect_err("there is no time here");
    assert_eq!(error.message(), "`now()` has no value here");
    assert!(error.help().len() > 10, "{}", error.help());
    assert_eq!(error.expression(), Some("now()"));
}

#[test]
fn an_expression_is_shown_as_it_was_written() {
    let expression = Expression::parse(" a.b ").unwrap();
    assert_eq!(
        format!("{expression} {expression:?}"),
        "a.b Expression(\"a.b\")"
    );
}
