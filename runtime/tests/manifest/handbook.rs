//! The documentation tells the truth: its manifests load, its tables are whole, every code has its page.

use std::fs;
use std::path::{Path, PathBuf};

use ossa_runtime::explain;
use ossa_runtime::manifest::{Catalog, Level, code};

use crate::{codes, lenient, strict};

fn project() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn page(name: &str) -> String {
    let path = project().join("docs").join(name);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The fenced blocks of a page with what stands behind the fence.
fn blocks(page: &str) -> Vec<(String, String)> {
    let mut blocks = Vec::new();
    let mut open: Option<(String, String)> = None;
    for line in page.lines() {
        match (line.strip_prefix("```"), open.take()) {
            (Some(info), None) => open = Some((info.trim().to_owned(), String::new())),
            (Some(_), Some(block)) => blocks.push(block),
            (None, Some((info, text))) => open = Some((info, format!("{text}{line}\n"))),
            (None, None) => {}
        }
    }
    assert!(open.is_none(), "a fenced block is not closed");
    blocks
}

#[test]
fn every_code_of_manifests_has_a_page_whose_example_leads_to_it() {
    for code in code::ALL {
        let page = explain::page(code).unwrap_or_else(|| panic!("{code} has no page"));
        let blocks = blocks(page);
        let (info, example) = blocks
            .last()
            .unwrap_or_else(|| panic!("{code} shows no example"));
        let found = match &**info {
            "yaml" => codes(&lenient(example)),
            "yaml strict" => codes(&strict(example)),
            "text" => {
                // These need a file, a catalog or a size that no page can show.
                assert!(
                    example.contains(&format!("[{code}]: ")),
                    "{code}: {example}"
                );
                continue;
            }
            other => panic!("{code}: unknown kind of example `{other}`"),
        };
        assert!(found.contains(code), "{code}: {found:?}");
    }
}

#[test]
fn the_table_of_codes_is_that_of_the_pages() {
    let page = page("errors.md");
    let rows: Vec<(String, String)> = page
        .lines()
        .filter_map(|line| {
            let (code, rest) = line
                .strip_prefix("| [")?
                .split_once("](../runtime/errors/")?;
            let (file, title) = rest.split_once(") | ")?;
            assert_eq!(file, format!("{code}.md"));
            Some((code.to_owned(), title.trim_end_matches(" |").to_owned()))
        })
        .collect();
    let pages: Vec<(String, String)> = explain::codes()
        .map(|code| (code.to_owned(), explain::title(code).unwrap().to_owned()))
        .collect();
    let lines = |of: &[(String, String)], but: &[(String, String)]| -> String {
        of.iter()
            .filter(|row| !but.contains(row))
            .map(|(code, title)| format!("| [{code}](../runtime/errors/{code}.md) | {title} |\n"))
            .collect()
    };
    let (missing, superfluous) = (lines(&pages, &rows), lines(&rows, &pages));
    assert!(
        rows == pages,
        "docs/errors.md is to be ordered by code;\nadd\n{missing}\nremove\n{superfluous}"
    );
    for family in ["E", "M", "N", "P", "R", "S", "X"] {
        assert!(page.contains(&format!("OSSA-{family}")), "{family}");
    }
}

/// `yaml complete` blocks are whole manifests; `yaml file=tasks/x.yaml` ones belong together as files.
#[test]
fn every_complete_manifest_of_the_manual_is_valid_without_a_warning() {
    let page = page("manifests.md");
    let mut complete = 0;
    for (info, text) in blocks(&page) {
        let is_complete = info == "yaml complete" || info.starts_with("yaml file=");
        if is_complete {
            complete += 1;
            let found = strict(&text);
            assert!(
                found.is_valid(),
                "{text}{:?}",
                found.diagnostics().collect::<Vec<_>>()
            );
            assert_eq!(codes(&found), [""; 0], "{text}");
        }
    }
    assert!(complete >= 3, "only {complete} complete manifests");
}

#[test]
fn the_files_of_the_manual_refer_to_each_other() {
    let folder = tempfile::tempdir().unwrap();
    let mut files = 0;
    for (info, text) in blocks(&page("manifests.md")) {
        let Some(name) = info.strip_prefix("yaml file=") else {
            continue;
        };
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
        files += 1;
    }
    assert!(files >= 2, "only {files} files");
    let catalog = Catalog::new([folder.path()]).at_level(Level::Strict);
    assert!(catalog.problems().is_empty(), "{:?}", catalog.problems());
    for manifest in catalog.manifests() {
        let found = catalog.check_references(&manifest);
        assert!(found.is_empty(), "{found:?}");
    }
}

#[test]
fn the_spellings_of_the_manual_are_understood_with_a_warning() {
    let page = page("manifests.md");
    let lenient_blocks: Vec<_> = blocks(&page)
        .into_iter()
        .filter(|(info, _)| info == "yaml lenient")
        .collect();
    assert!(!lenient_blocks.is_empty());
    for (_, text) in lenient_blocks {
        let found = lenient(&text);
        assert!(found.is_valid(), "{text}{:?}", codes(&found));
        assert!(!codes(&found).is_empty(), "{text}");
    }
}

/// The pages below a folder.
fn pages(folder: &Path) -> Vec<PathBuf> {
    let mut pages = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            pages.extend(self::pages(&path));
        } else if path.extension().is_some_and(|extension| extension == "md") {
            pages.push(path);
        }
    }
    pages
}

#[test]
fn every_link_of_the_documentation_leads_to_a_file() {
    let mut broken = Vec::new();
    let mut links = 0;
    for path in pages(&project().join("docs")) {
        let text = fs::read_to_string(&path).unwrap();
        // Every other part is a fenced block.
        let text: String = text.split("```").step_by(2).collect();
        for (at, _) in text.match_indices("](") {
            let target = text[at + 2..].split(')').next().unwrap();
            let file = target.split('#').next().unwrap();
            if file.is_empty() || file.contains("://") || file.contains(char::is_whitespace) {
                continue;
            }
            links += 1;
            if !path.parent().unwrap().join(file).exists() {
                broken.push(format!("{}: {target}", path.display()));
            }
        }
    }
    assert!(links > 20, "only {links} links");
    assert!(broken.is_empty(), "{broken:#?}");
}
