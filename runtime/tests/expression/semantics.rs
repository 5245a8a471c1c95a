//! What expressions mean.

use serde_json::{Value, json};

use crate::{all, constant, value};

#[test]
fn a_path_that_leads_to_nothing_is_null() {
    let roots = json!({"input": {"name": "Ada", "tags": ["x"], "none": null}});
    all(
        &roots,
        &[
            ("input.name", json!("Ada")),
            ("input.missing", Value::Null),
            ("input.missing.deeper[0].still", Value::Null),
            ("input.name.first", Value::Null),
            ("input.none.x", Value::Null),
            ("input.tags[1]", Value::Null),
            ("input.tags[-2]", Value::Null),
            ("nobody", Value::Null),
            ("nobody.at.all", Value::Null),
        ],
    );
}

#[test]
fn members_are_reached_by_name_position_and_computed_key() {
    let roots = json!({
        "steps": {"ai-review": {"output": {"variants": {"a": 1, "7": "seven"}, "list": [10, 20, 30]}}},
        "segment_id": "a",
        "position": 1,
        "float": 2.0,
        "output": {"step-1": {"items": [{"id": 5}]}},
    });
    all(
        &roots,
        &[
            ("steps.ai-review.output.variants[segment_id]", json!(1)),
            ("steps['ai-review']['output'].list[0]", json!(10)),
            ("steps.ai-review.output.list.1", json!(20)),
            ("steps.ai-review.output.list[-1]", json!(30)),
            ("steps.ai-review.output.list[position]", json!(20)),
            ("steps.ai-review.output.list[float]", json!(30)),
            ("steps.ai-review.output.list['2']", json!(30)),
            ("steps.ai-review.output.variants[7]", json!("seven")),
            ("steps.ai-review.output.variants[nobody]", Value::Null),
            ("steps.ai-review.output.variants[true]", Value::Null),
            ("output.step-1.items[0].id", json!(5)),
            ("output.step-1.items.0.id", json!(5)),
            ("(nobody || output)['step-1'].items.0.id", json!(5)),
            ("[1, [2, 3]][1][0]", json!(2)),
            ("{a: {b: 'c'}}.a.b", json!("c")),
            ("'héé'.length", json!(3)),
        ],
    );
}

#[test]
fn variants_of_spelling_are_read_as_one_name() {
    let roots = json!({
        "input": {"x": 1},
        "output": {"y": 2},
        "workflow": {"input": {"z": 3}},
        "steps": {"a": {"output": {"v": 4}, "outputs": "unused"}},
    });
    all(
        &roots,
        &[
            ("inputs.x", json!(1)),
            ("outputs.y", json!(2)),
            ("workflow.inputs.z", json!(3)),
            ("steps.a.outputs.v", json!(4)),
            ("$steps.a.output.v", json!(4)),
            ("$input.x", json!(1)),
        ],
    );
}

#[test]
fn equality_needs_the_same_type_but_not_the_same_kind_of_number() {
    all(
        &json!({"a": {"x": 1, "y": [1, 2.0]}, "b": {"y": [1.0, 2], "x": 1.0}}),
        &[
            ("1 == 1.0", json!(true)),
            ("1 === 1.0", json!(true)),
            ("'1' == 1", json!(false)),
            ("'1' !== 1", json!(true)),
            ("true == 1", json!(false)),
            ("null == false", json!(false)),
            ("null == nobody", json!(true)),
            ("~ == null", json!(true)),
            ("a == b", json!(true)),
            ("a != b", json!(false)),
            ("[1, 2] == [1, 2, 3]", json!(false)),
            ("[1, 2] == [1, 3]", json!(false)),
            ("{a: 1} == {b: 1}", json!(false)),
            ("{a: 1} == {a: 1, b: 1}", json!(false)),
            ("'Text' == 'text'", json!(false)),
            ("9007199254740993 == 9007199254740992.0", json!(false)),
            ("18446744073709551615 == -1", json!(false)),
            ("0 == -0.0", json!(true)),
        ],
    );
}

#[test]
fn only_two_numbers_or_two_strings_have_an_order() {
    all(
        &json!({}),
        &[
            ("1 < 2", json!(true)),
            ("2.5 >= 2", json!(true)),
            ("2 <= 2.0", json!(true)),
            ("-1 < 18446744073709551615", json!(true)),
            ("9007199254740993 > 9007199254740992.0", json!(true)),
            ("9007199254740992.0 < 9007199254740993", json!(true)),
            ("1 < 1.5", json!(true)),
            ("-1.5 < -1", json!(true)),
            ("5 < 1e300", json!(true)),
            ("5 > -1e300", json!(true)),
            ("'high' > 'critical'", json!(true)),
            ("'Z' < 'a'", json!(true)),
            ("'a' <= 'a'", json!(true)),
            ("null < 1", json!(false)),
            ("null <= null", json!(false)),
            ("1 < '2'", json!(false)),
            ("1 > '0'", json!(false)),
            ("true > false", json!(false)),
            ("[2] > [1]", json!(false)),
            ("nobody > 100", json!(false)),
        ],
    );
}

#[test]
fn false_null_zero_and_the_empty_string_are_false_and_all_else_is_true() {
    for (source, expected) in [
        ("false", false),
        ("null", false),
        ("0", false),
        ("0.0", false),
        ("-0.0", false),
        ("''", false),
        ("nobody", false),
        ("true", true),
        ("1", true),
        ("-0.1", true),
        ("'0'", true),
        ("'false'", true),
        ("[]", true),
        ("{}", true),
    ] {
        assert_eq!(
            constant(&format!("{source} ? 'true' : 'false'")),
            json!(expected.to_string()),
            "{source}"
        );
        assert_eq!(
            constant(&format!("!{source}")),
            json!(!expected),
            "!{source}"
        );
        assert_eq!(
            constant(&format!("not {source}")),
            json!(!expected),
            "not {source}"
        );
    }
}

#[test]
fn and_and_or_return_one_of_their_operands() {
    all(
        &json!({"input": {"name": "", "limit": 0}}),
        &[
            ("input.name || 'default'", json!("default")),
            ("nobody || input.limit || 'last'", json!("last")),
            ("nobody || ''", json!("")),
            ("'first' or 'second'", json!("first")),
            ("1 && 'two'", json!("two")),
            ("input.limit && 'two'", json!(0)),
            ("1 and 2 and null and 3", Value::Null),
            ("nobody && nobody.x", Value::Null),
            ("false || 1 && 2", json!(2)),
            ("1 || 1 && 0", json!(1)),
            ("(1 || 1) && 0", json!(0)),
        ],
    );
}

#[test]
fn the_side_of_and_and_or_that_does_not_count_is_not_evaluated() {
    // uuid() is an error here, as the scope has none.
    all(
        &json!({}),
        &[
            ("true || uuid()", json!(true)),
            ("false && uuid()", json!(false)),
            ("true ? 1 : uuid()", json!(1)),
            ("false ? uuid() : 2", json!(2)),
            ("'x' | default(uuid())", json!("x")),
        ],
    );
}

#[test]
fn a_ternary_without_else_is_null_when_its_condition_is_false() {
    all(
        &json!({"on": true, "off": false}),
        &[
            ("on ? 10", json!(10)),
            ("off ? 10", Value::Null),
            ("off ? 10 : null", Value::Null),
            ("off ? 10 : ~", Value::Null),
            ("off ? 10 : \"\"", json!("")),
            ("off ? 1 : on ? 2 : 3", json!(2)),
            ("off ? 1 : off ? 2 : 3", json!(3)),
            ("on ? off ? 1 : 2 : 3", json!(2)),
            ("on ? off ? 1 : 2", json!(2)),
            ("{a: on ? 1, b: off ? 1}", json!({"a": 1, "b": null})),
            ("[on ? 1, off ? 1 : 2]", json!([1, 2])),
        ],
    );
}

#[test]
fn in_asks_arrays_for_elements_strings_for_substrings_and_objects_for_keys() {
    let roots = json!({"labels": ["hotfix", 3], "map": {"key": null}, "people": [{"name": "Ada", "age": 36}]});
    all(
        &roots,
        &[
            ("'hotfix' in labels", json!(true)),
            ("'hotfix' not in labels", json!(false)),
            ("'hot' in labels", json!(false)),
            ("3.0 in labels", json!(true)),
            ("'3' in labels", json!(false)),
            ("'fix' in 'hotfix'", json!(true)),
            ("3 in 'x3'", json!(false)),
            ("'key' in map", json!(true)),
            ("'other' in map", json!(false)),
            ("'x' in null", json!(false)),
            ("'x' not in nobody", json!(true)),
            ("'main' in ['main', 'develop']", json!(true)),
            ("null in [1, null]", json!(true)),
            ("labels contains 'hotfix'", json!(true)),
            ("'hotfix' contains 'fix'", json!(true)),
            ("map contains 'key'", json!(true)),
            ("contains(labels, 'hotfix')", json!(true)),
            ("people contains {name: 'Ada'}", json!(true)),
            ("people contains {name: 'Ada', age: 36.0}", json!(true)),
            ("people contains {name: 'Ada', age: 37}", json!(false)),
            ("people contains {}", json!(true)),
            ("[1] contains {}", json!(false)),
            ("{name: 'Ada'} in people", json!(true)),
            ("contains(people, {age: 36})", json!(true)),
            ("people contains {name: labels[9] || 'Ada'}", json!(true)),
        ],
    );
}

#[test]
fn an_object_that_is_not_written_out_is_contained_only_as_a_whole() {
    let roots = json!({"people": [{"name": "Ada", "age": 36}], "part": {"name": "Ada"}, "whole": {"age": 36, "name": "Ada"}});
    all(
        &roots,
        &[
            ("people contains part", json!(false)),
            ("people contains whole", json!(true)),
            ("part in people", json!(false)),
            ("whole in people", json!(true)),
        ],
    );
}

#[test]
fn strings_are_tested_by_their_ends_and_by_regular_expressions() {
    let roots = json!({"event": {"ref": "v0.3"}, "version": "1.20.3", "pattern": "^\\d+$", "path": "config/x.yml"});
    all(
        &roots,
        &[
            ("event.ref starts_with 'v0.'", json!(true)),
            ("event.ref ends_with '.3'", json!(true)),
            ("event.ref starts_with '0'", json!(false)),
            ("12 starts_with '1'", json!(false)),
            ("starts_with(event.ref, 'v')", json!(true)),
            ("startsWith(event.ref, 'v')", json!(true)),
            ("endsWith(event.ref, 'v')", json!(false)),
            (r"version matches '^\d+\.\d+\.\d+$'", json!(true)),
            (r"version =~ '\.20\.'", json!(true)),
            (r#"version =~ "^20""#, json!(false)),
            ("matches(version, '20')", json!(true)),
            ("'12' matches pattern", json!(true)),
            ("'a12' matches pattern", json!(false)),
            ("12 matches '12'", json!(false)),
            ("nobody matches '.*'", json!(false)),
            ("'x' matches nobody", json!(false)),
            ("path matches 'x.yml' && !(path =~ 'recipes/')", json!(true)),
        ],
    );
}

#[test]
fn operators_bind_as_documented() {
    all(
        &json!({"list": ["a", "b"], "zero": 0}),
        &[
            ("list | list | length > 0", json!(true)),
            ("0 < list | length", json!(true)),
            ("not zero == 1", json!(true)),
            ("!zero == true", json!(true)),
            ("not 'c' in list && true", json!(true)),
            ("not not zero", json!(false)),
            ("!!zero", json!(false)),
            ("zero == 0 && list contains 'a' || nobody", json!(true)),
            ("zero || list | first", json!("a")),
            ("zero ? 1 : list | last", json!("b")),
            ("'b' in list | list", json!(true)),
        ],
    );
}

#[test]
fn words_are_operators_in_any_case_and_members_anywhere() {
    all(
        &json!({"input": {"in": 1, "not": 2, "null": 3, "true": 4}, "contains": ["x"], "matches": 5}),
        &[
            ("true AND NOT false", json!(true)),
            ("False Or TRUE", json!(true)),
            ("'a' NOT IN ['b']", json!(true)),
            ("'ab' Contains 'a'", json!(true)),
            ("NULL == Null", json!(true)),
            ("input.in", json!(1)),
            ("input.not", json!(2)),
            ("input.null", json!(3)),
            ("input.true", json!(4)),
            ("contains contains 'x'", json!(true)),
            ("matches == 5", json!(true)),
            ("{in: 1, not: 2}", json!({"in": 1, "not": 2})),
        ],
    );
}

#[test]
fn literals_keep_their_type_and_their_digits() {
    all(
        &json!({}),
        &[
            ("10", json!(10)),
            ("-10", json!(-10)),
            ("8.0", json!(8.0)),
            ("1.5e3", json!(1500.0)),
            ("18446744073709551615", json!(u64::MAX)),
            ("-9223372036854775808", json!(i64::MIN)),
            ("[]", json!([])),
            ("{}", json!({})),
            (
                "[1, 'a', [true], {b: null}]",
                json!([1, "a", [true], {"b": null}]),
            ),
            (
                "{a: 1, 'b c': 2, \"d\": {e: 3}}",
                json!({"a": 1, "b c": 2, "d": {"e": 3}}),
            ),
            ("{a: 1, a: 2}", json!({"a": 2})),
            ("{a: nobody, a: 2}", json!({"a": 2})),
        ],
    );
    assert_eq!(constant("8.0").to_string(), "8.0");
    assert_eq!(constant("8").to_string(), "8");
}

#[test]
fn strings_know_six_escapes_and_keep_every_other_backslash() {
    all(
        &json!({}),
        &[
            (r"'a\nb\tc\rd'", json!("a\nb\tc\rd")),
            (r"'it\'s'", json!("it's")),
            (r#"'say \"hi\"'"#, json!("say \"hi\"")),
            (r#""it's""#, json!("it's")),
            (r"'back\\slash'", json!("back\\slash")),
            (r"'\.yml$'", json!("\\.yml$")),
            (r"'\d+'", json!("\\d+")),
            (r"'\\'", json!("\\")),
            (r"'ends with \\'", json!("ends with \\")),
            ("'}} and {'", json!("}} and {")),
            ("'ünïcode 🎉'", json!("ünïcode 🎉")),
            ("'two\nlines'", json!("two\nlines")),
        ],
    );
}

#[test]
fn an_expression_may_be_folded_over_lines() {
    let source = "steps.a.output\n    &&\t!steps.b.output\r\n  ? 'yes'\n  : 'no'\n";
    let roots = json!({"steps": {"a": {"output": 1}, "b": {}}});
    assert_eq!(value(source, roots), json!("yes"));
}

#[test]
fn exists_asks_whether_there_is_a_value_other_than_null() {
    all(
        &json!({"input": {"zero": 0, "none": null}}),
        &[
            ("exists(input.zero)", json!(true)),
            ("exists(input.none)", json!(false)),
            ("exists(input.missing.deeper)", json!(false)),
            ("!exists(nobody)", json!(true)),
        ],
    );
}
