//! Files: several documents, byte order marks, JSON, names and places.

use std::fs;
use std::path::Path;

use ossa_runtime::manifest::{Kind, Options, code, load_file, load_str};

use crate::{codes, document, lenient, manifest, only, steps, task};

#[test]
fn the_documents_of_a_file_are_told_apart_by_their_position() {
    let text = format!(
        "# ours\n---\n{}---\n# nothing here\n---\n{}...\n---\n{}",
        task("capabilities: [a]"),
        steps("- {id: a, ref: b}"),
        document("Agent", "role: writer")
    );
    let loaded = lenient(&text);
    assert!(loaded.is_valid(), "{:?}", codes(&loaded));
    let found: Vec<_> = loaded
        .documents
        .iter()
        .map(|document| (document.index, document.kind.as_deref().unwrap()))
        .collect();
    assert_eq!(found, [(0, "Task"), (1, "Workflow"), (2, "Agent")]);
    let kinds: Vec<_> = loaded.manifests().map(|manifest| manifest.kind()).collect();
    assert_eq!(kinds, [Kind::Task, Kind::Workflow, Kind::Agent]);
    let origins: Vec<_> = loaded
        .manifests()
        .map(|manifest| manifest.origin.index)
        .collect();
    assert_eq!(origins, [0, 1, 2]);
}

#[test]
fn a_broken_document_leaves_the_others_and_their_lines_right() {
    let text = format!(
        "{}---\na: [\n---\n{}",
        task("capabilities: [a]"),
        steps("- {id: a, depends_on: [b]}")
    );
    let loaded = lenient(&text);
    let valid: Vec<_> = loaded
        .documents
        .iter()
        .map(|document| document.is_valid())
        .collect();
    assert_eq!(valid, [true, false, false]);
    let broken = loaded.documents[1].diagnostics[0].clone();
    assert_eq!(broken.code, code::SYNTAX);
    // The third document begins on line 9, with its `---` on line 8.
    let unknown = only(&loaded, code::UNKNOWN_STEP);
    assert_eq!((unknown.line, unknown.column), (14, 28));
    assert_eq!(
        unknown.snippet.unwrap().text,
        "    - {id: a, depends_on: [b]}"
    );
}

#[test]
fn json_is_a_manifest_too() {
    let text = r#"{"apiVersion": "ossa/v0.3.0", "kind": "Task",
"metadata": {"name": "example"}, "spec": {"capabilities": ["a"], "colour": 1}}"#;
    let loaded = lenient(text);
    assert!(loaded.is_valid());
    let ignored = only(&loaded, code::IGNORED_FIELD);
    assert_eq!((ignored.line, ignored.column), (2, 66));
}

#[test]
fn a_byte_order_mark_and_the_line_ends_of_windows_change_nothing() {
    let text = task("capabilities: [a]\ncolour: blue").replace('\n', "\r\n");
    let loaded = lenient(&format!("\u{feff}{text}"));
    assert!(loaded.is_valid(), "{:?}", codes(&loaded));
    let ignored = only(&loaded, code::IGNORED_FIELD);
    assert_eq!((ignored.line, ignored.column), (6, 3));
    assert_eq!(ignored.snippet.unwrap().text, "  colour: blue");
}

#[test]
fn columns_count_characters_and_not_bytes() {
    let text = steps("- {id: a, name: Grüße aus 🇨🇭, colour: blue}");
    let ignored = only(&lenient(&text), code::IGNORED_FIELD);
    let line = text.lines().nth(5).unwrap();
    let before = line.split("colour").next().unwrap().chars().count();
    assert_eq!(ignored.column as usize, before + 1);
}

#[test]
fn keys_that_are_the_same_text_are_the_same_key() {
    for (first, second) in [
        ("a: 1", "a: 2"),
        ("1: a", "'1': b"),
        ("true: a", "\"true\": b"),
    ] {
        let text = format!("extensions:\n  {first}\n  {second}\n");
        let found = only(&lenient(&text), code::DUPLICATE_KEY);
        assert_eq!((found.line, found.column), (3, 3), "{second}");
    }
}

#[test]
fn a_merge_key_does_not_count_as_a_repetition() {
    let text = format!(
        "{}extensions:\n  base: &base {{x: 1, y: 2}}\n  more: {{<<: *base, y: 3}}\n",
        task("capabilities: [a]")
    );
    assert_eq!(codes(&lenient(&text)), [""; 0]);
}

#[test]
fn words_that_older_yaml_takes_for_something_else_stay_text() {
    let text = task("capabilities: [a]").replace(
        "{name: example}",
        "{name: example, labels: {ok: yes, off: no, day: 2025-10-31, size: 1_000}}",
    );
    assert_eq!(
        manifest(&text).metadata.labels,
        [
            ("ok", "yes"),
            ("off", "no"),
            ("day", "2025-10-31"),
            ("size", "1_000")
        ]
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
    );
}

#[test]
fn a_loaded_file_is_named_in_its_findings_and_its_manifest() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.ossa.yaml");
    fs::write(&path, task("capabilities: [a]\ncolour: blue")).unwrap();
    let loaded = load_file(&path, &Options::default()).unwrap();
    assert_eq!(
        only(&loaded, code::IGNORED_FIELD).file.as_deref(),
        Some(&*path)
    );
    let origin = &loaded.manifests().next().unwrap().origin;
    assert_eq!(origin.file.as_deref(), Some(&*path));
}

#[test]
fn a_file_that_cannot_be_read_is_one_finding() {
    let folder = tempfile::tempdir().unwrap();
    let latin = folder.path().join("latin.ossa.yaml");
    fs::write(&latin, b"name: Gr\xfc\xdfe\n").unwrap();
    let missing = folder.path().join("missing.ossa.yaml");
    for (path, reason) in [
        (&*latin, "it is not UTF-8"),
        (&*missing, "No such file"),
        (folder.path(), "directory"),
    ] {
        let found = load_file(path, &Options::default()).unwrap_err();
        assert_eq!(found.code, code::UNREADABLE);
        assert_eq!(found.file.as_deref(), Some(path));
        assert!(found.message.contains(reason), "{}", found.message);
    }
}

#[test]
fn a_file_that_never_ends_is_read_only_as_far_as_the_bound() {
    let endless = Path::new("/dev/zero");
    if !endless.exists() {
        eprintln!(
            "skipped: a_file_that_never_ends_is_read_only_as_far_as_the_bound because there is no /dev/zero"
        );
        return;
    }
    let loaded = load_file(endless, &Options::default()).unwrap();
    assert_eq!(codes(&loaded), [code::TOO_LARGE]);
}

#[test]
fn a_text_may_be_given_the_name_of_a_file() {
    let loaded = load_str("", &Options::default().with_file("none.yaml"));
    assert_eq!(
        only(&loaded, code::EMPTY).file.as_deref(),
        Some(Path::new("none.yaml"))
    );
}
