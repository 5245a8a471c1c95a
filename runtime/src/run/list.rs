//! Long lists, kept as text: an element takes its JSON and four bytes; in a tree of values it would take seventy and more.

use std::marker::PhantomData;
use std::sync::Arc;

use serde::de::{Error as _, SeqAccess};
use serde::ser::{Serialize, Serializer};
use serde_json::Value;

use crate::expression::Segment;

/// A list of more elements than this is a long one.
pub(super) const LONG: usize = 4096;

/// A list that does not change. Clones share the elements.
#[derive(Clone, PartialEq)]
pub(super) struct List(Arc<Text>);

/// Elements as JSON, with a comma between each two.
#[derive(Default, PartialEq)]
struct Text {
    json: String,
    /// Where each element begins.
    begins: Vec<u32>,
}

/// It is more text than a list may have.
#[derive(Debug)]
struct TooLong;

impl List {
    /// The long list of these elements; `None` when they are few, or too much text for one.
    pub(super) fn long(elements: &[Value]) -> Option<Self> {
        if elements.len() <= LONG {
            return None;
        }
        let mut text = Text::default();
        elements
            .iter()
            .try_for_each(|element| text.push(element))
            .ok()?;
        Some(Self(Arc::new(text)))
    }

    /// The elements as they come: of a long list there are never more than a few as values.
    pub(super) fn read<'de, A: SeqAccess<'de>>(
        mut elements: A,
    ) -> Result<Result<Vec<Value>, Self>, A::Error> {
        let mut few = Vec::new();
        while few.len() <= LONG {
            match elements.next_element_seed(PhantomData::<Value>)? {
                Some(element) => few.push(element),
                None => return Ok(Ok(few)),
            }
        }
        let mut text = Text::default();
        for element in few {
            text.push(&element).map_err(A::Error::custom)?;
        }
        while let Some(element) = elements.next_element_seed(PhantomData::<Value>)? {
            text.push(&element).map_err(A::Error::custom)?;
        }
        text.json.shrink_to_fit();
        text.begins.shrink_to_fit();
        Ok(Err(Self(Arc::new(text))))
    }

    /// Whether it is this very list.
    pub(super) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    pub(super) fn len(&self) -> usize {
        self.0.begins.len()
    }

    pub(super) fn get(&self, position: usize) -> Option<Value> {
        serde_json::from_str(self.0.get(position)?).ok()
    }

    /// What one more segment of a path leads to, as in any list, and whether it was used; all of the list where there is none.
    pub(super) fn walk(&self, segment: Option<&Segment<'_>>) -> Option<(Value, usize)> {
        let position = match segment {
            Some(Segment::Key("length")) => return Some((self.len().into(), 1)),
            Some(Segment::Index(position)) => *position,
            Some(Segment::Key(key)) => key.parse().ok()?,
            None => return Some((self.iter().collect(), 0)),
        };
        let position = match usize::try_from(position) {
            Ok(position) => position,
            Err(_) => {
                let back = usize::try_from(position.unsigned_abs()).ok()?;
                self.len().checked_sub(back)?
            }
        };
        Some((self.get(position)?, 1))
    }

    /// How much JSON it is, in bytes.
    pub(super) fn bytes(&self) -> usize {
        self.0.json.len()
    }

    /// The elements that have elements or members themselves.
    pub(super) fn nested(&self) -> impl Iterator<Item = Value> {
        let texts = (0..self.len()).filter_map(|position| self.0.get(position));
        let nested = texts.filter(|text| text.starts_with(['[', '{']));
        nested.filter_map(|text| serde_json::from_str(text).ok())
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = Value> {
        (0..self.len()).filter_map(|position| self.get(position))
    }
}

impl Text {
    fn get(&self, position: usize) -> Option<&str> {
        let place = |begin: &u32| usize::try_from(*begin).ok();
        let begin = place(self.begins.get(position)?)?;
        match self.begins.get(position + 1) {
            Some(next) => self.json.get(begin..place(next)?.saturating_sub(1)),
            None => self.json.get(begin..),
        }
    }

    fn push(&mut self, element: &Value) -> Result<(), TooLong> {
        if !self.begins.is_empty() {
            self.json.push(',');
        }
        let begin = u32::try_from(self.json.len()).map_err(|_| TooLong)?;
        self.begins.push(begin);
        self.json.push_str(&element.to_string());
        Ok(())
    }
}

impl std::fmt::Display for TooLong {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a list is more than 4 GiB of JSON")
    }
}

impl Serialize for List {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}
