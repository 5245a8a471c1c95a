//! Filters, selections, lengths and wildcards.

use serde_json::{Value, json};

use crate::{all, value};

#[test]
fn filters_reshape_values() {
    let roots = json!({
        "list": ["a", null, 2, true, 1.5, {"k": [1]}],
        "map": {"x": 1, "y": 2},
        "text": "  Grüße ",
        "empty": [],
    });
    all(
        &roots,
        &[
            ("list | length", json!(6)),
            ("list | count", json!(6)),
            ("map | length", json!(2)),
            ("'Grüße' | length", json!(5)),
            ("nobody | length", json!(0)),
            ("12 | length", Value::Null),
            ("list | join", json!("a2true1.5{\"k\":[1]}")),
            (
                r"list | join(', ')",
                json!("a, , 2, true, 1.5, {\"k\":[1]}"),
            ),
            (r"['a', 'b'] | join('\n')", json!("a\nb")),
            ("nobody | join(',')", json!("")),
            ("'x' | join(',')", json!("x")),
            ("['a', 'b'] | join(0)", json!("a0b")),
            ("map | list", json!([1, 2])),
            ("nobody | list", json!([])),
            ("'x' | list", json!(["x"])),
            ("{a: 'b'} | list", json!(["b"])),
            ("list | first", json!("a")),
            ("list | last", json!({"k": [1]})),
            ("empty | first", Value::Null),
            ("'x' | first", Value::Null),
            ("[1, 2] | last", json!(2)),
            ("nobody | default('d')", json!("d")),
            ("'' | default('d')", json!("")),
            ("false | default('d')", json!(false)),
            ("text | trim | upper", json!("GRÜSSE")),
            ("text | lower | trim", json!("grüße")),
            ("12 | upper", Value::Null),
            ("list[5] | tojson", json!("{\"k\":[1]}")),
            ("'x' | toJson", json!("\"x\"")),
            ("nobody | tojson", json!("null")),
            ("length(list)", json!(6)),
            ("join(['a', 'b'], '-')", json!("a-b")),
            ("default(nobody, 1)", json!(1)),
            ("toJSON([1, 2])", json!("[1,2]")),
            ("upper('a').length", json!(1)),
        ],
    );
}

#[test]
fn length_is_a_member_of_what_has_one_unless_the_object_has_its_own() {
    let roots =
        json!({"list": [1, 2], "map": {"a": 1}, "own": {"length": "mine"}, "word": "abc", "n": 5});
    all(
        &roots,
        &[
            ("list.length", json!(2)),
            ("list['length']", json!(2)),
            ("map.length", json!(1)),
            ("own.length", json!("mine")),
            ("word.length", json!(3)),
            ("n.length", Value::Null),
            ("nobody.length", Value::Null),
            ("list.length.length", Value::Null),
            ("{a: 1}.length", json!(1)),
            ("{length: 7}.length", json!(7)),
            ("list.length > 1", json!(true)),
        ],
    );
}

#[test]
fn selectattr_and_rejectattr_keep_what_their_test_says() {
    let roots = json!({
        "files": [
            {"path": "config/a.yml", "size": 10, "meta": {"kind": "config"}, "new": true},
            {"path": "web/modules/b.php", "size": 20, "meta": {"kind": "code"}, "new": false},
            {"path": "old/config/c.yml", "size": 30},
            "no object",
        ],
        "wanted": ["config", "docs"],
        "pattern": "^web",
    });
    let paths = |source: &str| {
        let selected = value(source, roots.clone());
        let items = selected.as_array().cloned().unwrap();
        items
            .iter()
            .map(|item| item["path"].as_str().unwrap_or("-").to_owned())
            .collect::<Vec<_>>()
            .join(" ")
    };
    for (selection, expected) in [
        ("selectattr('path', 'match', 'config/.*')", "config/a.yml"),
        (
            "selectattr('path', 'search', 'config/.*')",
            "config/a.yml old/config/c.yml",
        ),
        (
            "selectattr('path', 'match', 'web/(modules|themes)/.*')",
            "web/modules/b.php",
        ),
        ("selectattr('path', 'match', pattern)", "web/modules/b.php"),
        ("selectattr('path', 'match', nobody)", ""),
        ("selectattr('new')", "config/a.yml"),
        ("rejectattr('new')", "web/modules/b.php old/config/c.yml -"),
        ("selectattr('meta.kind', 'eq', 'code')", "web/modules/b.php"),
        (
            "selectattr('meta.kind', 'equalto', 'code')",
            "web/modules/b.php",
        ),
        (
            "selectattr('meta.kind', 'ne', 'code')",
            "config/a.yml old/config/c.yml -",
        ),
        ("selectattr('meta.kind', 'in', wanted)", "config/a.yml"),
        (
            "selectattr('size', 'gt', 10)",
            "web/modules/b.php old/config/c.yml",
        ),
        (
            "selectattr('size', 'ge', 20)",
            "web/modules/b.php old/config/c.yml",
        ),
        ("selectattr('size', 'lt', 20)", "config/a.yml"),
        (
            "selectattr('size', 'le', 20)",
            "config/a.yml web/modules/b.php",
        ),
        (
            "selectattr('path', 'contains', 'config')",
            "config/a.yml old/config/c.yml",
        ),
        (
            "selectattr('path', 'starts_with', 'old')",
            "old/config/c.yml",
        ),
        (
            "selectattr('path', 'ends_with', '.php')",
            "web/modules/b.php",
        ),
        (
            "selectattr('meta', 'defined')",
            "config/a.yml web/modules/b.php",
        ),
        ("selectattr('meta', 'undefined')", "old/config/c.yml -"),
        (
            "rejectattr('size', 'gt', 10) | selectattr('path', 'defined')",
            "config/a.yml",
        ),
    ] {
        assert_eq!(
            paths(&format!("files | {selection}")),
            expected,
            "{selection}"
        );
    }
    assert_eq!(value("nobody | selectattr('x')", roots.clone()), json!([]));
    assert_eq!(
        value(
            r"files | selectattr('path', 'match', '.*\.yml$|\.gitlab/.*') | list | length > 0",
            roots
        ),
        json!(true)
    );
}

#[test]
fn a_wildcard_collects_what_is_there_in_document_order() {
    let roots = json!({
        "list": [{"v": 1, "in": [{"w": "a"}, {"w": "b"}]}, {"v": null}, {"x": 2, "in": [{"w": "c"}, {}]}, 7],
        "map": {"z": {"v": 1}, "a": {"v": 2}},
    });
    all(
        &roots,
        &[
            ("list.*.v", json!([1, null])),
            ("list[*].v", json!([1, null])),
            ("map.*.v", json!([1, 2])),
            ("map.*", json!([{"v": 1}, {"v": 2}])),
            ("list.*.in.*.w", json!(["a", "b", "c"])),
            ("list.*.in[0].w", json!(["a", "c"])),
            ("list.*.in.length", json!([2, 2])),
            ("list.*.missing", json!([])),
            ("nobody.*.x", Value::Null),
            ("list[3].*", Value::Null),
            ("(map || list).*.v", json!([1, 2])),
            ("[[1, 2], [3]].*.*", json!([1, 2, 3])),
            ("{a: [1], b: [2]}.*[0]", json!([1, 2])),
            ("map.*.v | length", json!(2)),
            ("2 in map.*.v", json!(true)),
        ],
    );
}

#[test]
fn the_outputs_of_all_steps_are_those_of_the_completed_ones_in_document_order() {
    let roots = json!({"steps": {
        "second": {"status": "completed", "output": {"n": 2}},
        "first": {"status": "completed", "output": null},
        "broken": {"status": "failed", "output": {"n": 3}},
        "skipped": {"status": "skipped", "output": null},
        "busy": {"status": "running"},
    }});
    all(
        &roots,
        &[
            ("steps.*.output", json!([{"n": 2}, null])),
            ("steps.*.outputs", json!([{"n": 2}, null])),
            ("steps.*.output.n", json!([2])),
            (
                "steps.*.status",
                json!(["completed", "completed", "failed", "skipped", "running"]),
            ),
            ("'failed' in steps.*.status", json!(true)),
            ("steps[1].output", Value::Null),
            ("(steps).*.output", json!([{"n": 2}, null, {"n": 3}, null])),
        ],
    );
}

#[test]
fn the_members_of_a_value_that_was_just_made_are_reached_by_a_wildcard() {
    all(
        &json!({}),
        &[
            ("first([{x: 1, y: 2}]).*", json!([1, 2])),
            ("first([[3, 4]]).*", json!([3, 4])),
            ("first([5]).*", Value::Null),
        ],
    );
}
