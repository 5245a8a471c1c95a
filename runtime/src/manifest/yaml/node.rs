//! Reading YAML into [`Located`] values through serde.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};
use serde_saphyr::{Location, Spanned};

use super::located::{Located, Mark, Marks};
use super::scalar;

/// A node as the parser gives it; [`Builder`] turns it into a value with marks.
pub(super) enum Node {
    Null,
    Bool(bool),
    Number(Option<Number>),
    Text(String),
    Sequence(Vec<Spanned<Node>>),
    Mapping(Vec<(Spanned<String>, Spanned<Node>)>),
}

struct NodeVisitor;

impl<'de> Visitor<'de> for NodeVisitor {
    type Value = Node;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a YAML value")
    }

    fn visit_unit<E>(self) -> Result<Node, E> {
        Ok(Node::Null)
    }

    fn visit_none<E>(self) -> Result<Node, E> {
        Ok(Node::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Node, D::Error> {
        deserializer.deserialize_any(Self)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Node, E> {
        Ok(Node::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Node, E> {
        Ok(Node::Number(Some(value.into())))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Node, E> {
        Ok(Node::Number(Some(value.into())))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Node, E> {
        Ok(Node::Number(Number::from_f64(value)))
    }

    fn visit_str<E>(self, value: &str) -> Result<Node, E> {
        Ok(Node::Text(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Node, E> {
        Ok(Node::Text(value))
    }

    fn visit_bytes<E: serde::de::Error>(self, _: &[u8]) -> Result<Node, E> {
        Err(E::custom("binary data has no place in a manifest"))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Node, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = access.next_element()? {
            items.push(item);
        }
        Ok(Node::Sequence(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Node, A::Error> {
        let mut members: Vec<(Spanned<String>, Spanned<Node>)> = Vec::new();
        while let Some(member) = access.next_entry()? {
            members.push(member);
        }
        Ok(Node::Mapping(members))
    }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NodeVisitor)
    }
}

/// A key that stands twice in one mapping after keys have become text (`1` and `"1"`).
pub(super) struct RepeatedKey {
    pub(super) key: String,
    pub(super) mark: Mark,
}

/// Turns nodes into values; positions are those of the file, not of the document's part of it.
pub(super) struct Builder<'t> {
    pub(super) text: &'t str,
    pub(super) lines_before: u32,
}

impl Builder<'_> {
    pub(super) fn build(&self, node: Spanned<Node>) -> Result<Located, RepeatedKey> {
        let mark = self.mark(&node.referenced);
        let (value, children) = match node.value {
            Node::Null => (Value::Null, Vec::new()),
            Node::Bool(value) => (Value::Bool(value), Vec::new()),
            Node::Text(text) => (Value::String(text), Vec::new()),
            Node::Number(parsed) => {
                let value = match self.source(&node.defined) {
                    Some(text) => scalar::number(text),
                    None => parsed.map_or(Value::Null, Value::Number),
                };
                (value, Vec::new())
            }
            Node::Sequence(items) => {
                let mut values = Vec::with_capacity(items.len());
                let mut children = Vec::with_capacity(items.len());
                for item in items {
                    let located = self.build(item)?;
                    values.push(located.value);
                    children.push(located.marks);
                }
                (Value::Array(values), children)
            }
            Node::Mapping(members) => {
                let mut values = Map::with_capacity(members.len());
                let mut children = Vec::with_capacity(members.len());
                for (key, member) in members {
                    let mut located = self.build(member)?;
                    let key_mark = self.mark(&key.referenced);
                    if values.contains_key(&key.value) {
                        return Err(RepeatedKey {
                            key: key.value,
                            mark: key_mark,
                        });
                    }
                    located.marks.key = Some(key_mark);
                    values.insert(key.value, located.value);
                    children.push(located.marks);
                }
                (Value::Object(values), children)
            }
        };
        Ok(Located {
            value,
            marks: Marks {
                value: mark,
                key: None,
                children,
            },
        })
    }

    pub(super) fn mark(&self, location: &Location) -> Mark {
        let length = self
            .source(location)
            .and_then(|source| source.lines().next())
            .map_or(1, |line| line.trim_end().chars().count().max(1));
        Mark {
            line: short(location.line()).saturating_add(self.lines_before),
            column: short(location.column()),
            length: u32::try_from(length).unwrap_or(u32::MAX),
        }
    }

    fn source(&self, location: &Location) -> Option<&str> {
        let span = location.span();
        let start = usize::try_from(span.byte_offset()?).ok()?;
        let length = usize::try_from(span.byte_len()?).ok()?;
        self.text.get(start..start.checked_add(length)?)
    }
}

fn short(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
