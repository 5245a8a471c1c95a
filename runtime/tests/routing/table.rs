//! Tables of cases: a line a case, cells between ` | `, `#` before a comment, `[name]` before a section.

use std::fs;
use std::path::Path;

/// One line of a table.
pub(crate) struct Case {
    pub(crate) section: String,
    pub(crate) cells: Vec<String>,
    /// Where it stands, for messages.
    pub(crate) place: String,
}

impl Case {
    pub(crate) fn cell(&self, at: usize) -> &str {
        self.cells.get(at).map_or("", String::as_str)
    }
}

/// The cases of `tables/<name>.txt`, all of whose lines have `columns` cells.
pub(crate) fn read(name: &str, columns: usize) -> Vec<Case> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/routing/tables")
        .join(name)
        .with_extension("txt");
    let text = fs::read_to_string(&path).unwrap();
    let mut section = String::new();
    let mut cases = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with("# ") {
            continue;
        }
        let header = line.strip_prefix('[').and_then(|it| it.strip_suffix(']'));
        if let Some(header) = header.filter(|_| !line.contains(" | ")) {
            header.clone_into(&mut section);
            continue;
        }
        // The first cell may have the separator in it.
        let cells = line.rsplitn(columns, " | ").map(|it| it.trim().to_owned());
        let mut cells: Vec<String> = cells.collect();
        cells.reverse();
        let place = format!("{name}.txt:{}: {line}", number + 1);
        assert_eq!(cells.len(), columns, "{place}");
        cases.push(Case {
            section: section.clone(),
            cells,
            place,
        });
    }
    assert!(!cases.is_empty(), "{name} is empty");
    cases
}
