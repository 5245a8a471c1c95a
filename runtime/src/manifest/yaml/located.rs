//! A JSON value and, beside it, where each of its parts stands in the file.

use std::fmt;

use serde_json::Value;

/// A place in a file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Mark {
    /// Line, from 1; 0 when unknown.
    pub(crate) line: u32,
    /// Column in characters, from 1.
    pub(crate) column: u32,
    /// Characters on that line that belong to it; at least 1.
    pub(crate) length: u32,
}

/// Where a value and its parts stand; the shape follows the value's.
#[derive(Debug, Clone, Default)]
pub(crate) struct Marks {
    /// The value itself.
    pub(crate) value: Mark,
    /// Its key, when it is a member of an object.
    pub(crate) key: Option<Mark>,
    /// Its members or elements, in the order of the value.
    pub(crate) children: Vec<Marks>,
}

/// A document as data.
#[derive(Debug, Clone)]
pub(crate) struct Located {
    /// The data.
    pub(crate) value: Value,
    /// Where it stands.
    pub(crate) marks: Marks,
}

/// What leads from a value to one of its parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Segment<'a> {
    /// A member.
    Key(&'a str),
    /// An element, from 0.
    Index(usize),
}

impl Located {
    /// The marks of the deepest part that exists on the way along `segments`.
    pub(crate) fn nearest<'a>(&self, segments: impl IntoIterator<Item = Segment<'a>>) -> &Marks {
        let mut value = &self.value;
        let mut marks = &self.marks;
        for segment in segments {
            let child = match (value, segment) {
                (Value::Object(members), Segment::Key(key)) => members
                    .iter()
                    .position(|(name, _)| name == key)
                    .and_then(|index| Some((members.get(key)?, marks.children.get(index)?))),
                (Value::Array(items), Segment::Index(index)) => {
                    items.get(index).zip(marks.children.get(index))
                }
                _ => None,
            };
            let Some((next_value, next_marks)) = child else {
                break;
            };
            (value, marks) = (next_value, next_marks);
        }
        marks
    }
}

impl Marks {
    /// Where a reader looks first: the key when there is one, else the value.
    #[must_use]
    pub(crate) fn head(&self) -> Mark {
        self.key.unwrap_or(self.value)
    }
}

impl fmt::Display for Segment<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Index(index) => write!(formatter, "[{index}]"),
            Self::Key(key) if is_plain(key) => write!(formatter, ".{key}"),
            Self::Key(key) => write!(
                formatter,
                "['{}']",
                key.replace('\\', "\\\\").replace('\'', "\\'")
            ),
        }
    }
}

fn is_plain(key: &str) -> bool {
    let mut bytes = key.bytes();
    bytes
        .next()
        .is_some_and(|byte| byte.is_ascii_alphabetic() || byte == b'_')
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}
