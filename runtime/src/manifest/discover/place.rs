//! Paths without `..` and `.`.

use std::path::{Component, Path, PathBuf};

/// The path without `..` and `.`, worked out on the text alone; `None` when it leads above its beginning.
pub(super) fn lexical(path: &Path) -> Option<PathBuf> {
    let mut clean = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir => {
                if !clean.pop() {
                    return None;
                }
            }
            other => clean.push(other),
        }
    }
    Some(clean)
}

/// Endings of manifest files, the longest first.
const ENDINGS: &[&str] = &[
    ".ossa.yaml",
    ".ossa.yml",
    ".ossa.json",
    ".yaml",
    ".yml",
    ".json",
];

/// The last part of a reference or path without the ending of a manifest file.
pub(super) fn stem(reference: &str) -> &str {
    let name = reference.rsplit(['/', '\\']).next().unwrap_or(reference);
    ENDINGS
        .iter()
        .find_map(|ending| name.strip_suffix(ending))
        .unwrap_or(name)
}

/// The path as written, and with each ending a reference may leave out.
pub(super) fn spellings(path: &Path) -> impl Iterator<Item = PathBuf> + '_ {
    let with_ending = |ending: &&str| {
        let mut name = path.as_os_str().to_owned();
        name.push(ending);
        PathBuf::from(name)
    };
    std::iter::once(path.to_owned()).chain(ENDINGS.iter().map(with_ending))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dots_are_worked_out_and_never_lead_above_the_beginning() {
        assert_eq!(lexical(Path::new("a/./b/../c")), Some(PathBuf::from("a/c")));
        assert_eq!(lexical(Path::new("a/../../c")), None);
        assert_eq!(lexical(Path::new("/../c")), None);
    }

    #[test]
    fn a_stem_has_neither_folders_nor_endings() {
        assert_eq!(stem("./tasks/send-mail.ossa.yaml"), "send-mail");
        assert_eq!(stem("tasks/send-mail"), "send-mail");
        assert_eq!(stem("send.mail.json"), "send.mail");
    }
}
