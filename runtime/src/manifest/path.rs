//! JSON paths as text: `$.spec.steps[2].input['X-Priority']`.

use super::yaml::Segment;

/// A segment that owns its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum OwnedSegment {
    Key(String),
    Index(usize),
}

impl OwnedSegment {
    pub(super) fn as_segment(&self) -> Segment<'_> {
        match self {
            Self::Key(key) => Segment::Key(key),
            Self::Index(index) => Segment::Index(*index),
        }
    }
}

/// The segments of a path as far as it can be read.
pub(super) fn parse(path: &str) -> Vec<OwnedSegment> {
    let mut segments = Vec::new();
    let mut rest = path.strip_prefix('$').unwrap_or(path);
    while let Some((segment, after)) = segment(rest) {
        segments.push(segment);
        rest = after;
    }
    segments
}

fn segment(rest: &str) -> Option<(OwnedSegment, &str)> {
    if let Some(rest) = rest.strip_prefix('.') {
        let end = rest.find(['.', '[']).unwrap_or(rest.len());
        let (key, after) = rest.split_at_checked(end)?;
        return Some((OwnedSegment::Key(key.to_owned()), after));
    }
    if let Some(quoted) = rest.strip_prefix("['") {
        let mut key = String::new();
        let mut characters = quoted.char_indices();
        while let Some((at, character)) = characters.next() {
            match character {
                '\\' => key.extend(characters.next().map(|(_, escaped)| escaped)),
                '\'' => {
                    return Some((
                        OwnedSegment::Key(key),
                        quoted.get(at..)?.strip_prefix("']")?,
                    ));
                }
                other => key.push(other),
            }
        }
        return None;
    }
    let (index, after) = rest.strip_prefix('[')?.split_once(']')?;
    Some((OwnedSegment::Index(index.parse().ok()?), after))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_that_was_written_is_read_again() {
        let segments = [
            OwnedSegment::Key("spec".to_owned()),
            OwnedSegment::Key("X-it's \\ odd].".to_owned()),
            OwnedSegment::Index(12),
            OwnedSegment::Key("a_b".to_owned()),
        ];
        let text: String = std::iter::once("$".to_owned())
            .chain(
                segments
                    .iter()
                    .map(|segment| segment.as_segment().to_string()),
            )
            .collect();
        assert_eq!(parse(&text), segments);
    }

    #[test]
    fn a_path_is_read_as_far_as_it_goes() {
        assert_eq!(parse("$.a[x].b"), [OwnedSegment::Key("a".to_owned())]);
        assert_eq!(parse("$"), []);
    }
}
