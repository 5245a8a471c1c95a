//! What the manual promises is shown by tests that exist.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::fs;
use std::path::Path;

/// The sources below a folder, one after the other.
fn sources(folder: &Path) -> String {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
    entries
        .map(|entry| entry.path())
        .map(|path| match path.extension() {
            _ if path.is_dir() => sources(&path),
            Some(extension) if extension == "rs" => fs::read_to_string(path).unwrap(),
            _ => String::new(),
        })
        .collect()
}

#[test]
fn every_test_that_the_promises_name_exists() {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let tests = sources(&package.join("tests")) + &sources(&package.join("src"));
    let page = fs::read_to_string(package.join("../docs/promises.md")).unwrap();
    let (_, table) = page.split_once("| Shown by |\n|---|---|---|\n").unwrap();
    let mut named = 0;
    for row in table.lines().take_while(|line| line.starts_with("| ")) {
        let names = row.trim_end_matches(" |").rsplit(" | ").next().unwrap();
        for name in names.split(", ").map(|name| name.trim_matches('`')) {
            let test = format!("fn {name}(");
            assert!(tests.contains(&test), "there is no test `{name}`: {row}");
            named += 1;
        }
    }
    assert!(named > 20, "the table has another shape: {named} names");
}
