//! The manifests of the documentation load, and run to their ends.

use std::path::Path;

use ossa_runtime::port::RunStatus;
use serde_json::json;

use crate::harness::{Run, start_with};

/// The manifests of a page: each fenced block of YAML that begins with `apiVersion`.
fn manifests(page: &str) -> Vec<String> {
    let blocks = page.split("\n```yaml\n").skip(1);
    let texts = blocks.map(|block| block.split("\n```").next().unwrap().to_owned());
    texts
        .filter(|text| text.starts_with("apiVersion"))
        .collect()
}

#[test]
fn the_manifests_of_the_pages_on_control_flow_run_to_their_ends() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/control-flow");
    let mut pages = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let page = std::fs::read_to_string(&path).unwrap();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        if name == "README" {
            continue;
        }
        let found = manifests(&page);
        assert!(!found.is_empty(), "{name} has no manifest");
        for text in found {
            let mut run = Run::begin(&text, start_with(example_input(&text))).unwrap();
            while let Some(step) = run.in_flight().first().cloned() {
                run.complete(&step, json!({"ok": true, "approved": true}));
            }
            assert_eq!(
                run.status(),
                RunStatus::Completed,
                "{name}: {}",
                run.statuses()
            );
            pages += 1;
        }
    }
    assert!(pages > 0);
}

/// The input that a manifest names in a comment (`# input: {…}`); else none.
fn example_input(text: &str) -> serde_json::Value {
    let line = text
        .lines()
        .find_map(|line| line.trim().strip_prefix("# input: "));
    line.map_or(json!({}), |line| serde_json::from_str(line).unwrap())
}
