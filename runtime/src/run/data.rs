//! Values that a run keeps: its input, and the inputs and outputs of its steps.

use std::borrow::Cow;
use std::fmt;
use std::sync::{Arc, OnceLock};

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::ser::{Serialize, SerializeMap as _, Serializer};
use serde::{Deserialize, de};
use serde_json::{Map, Number, Value};

use super::list::{LONG, List};
use crate::expression::Segment;
use crate::port::Version;

/// A JSON value that does not change. Clones share it. Long lists in it, other than within lists, are kept as text.
#[derive(Clone, Default)]
pub struct Data {
    content: Arc<Content>,
    origin: Option<Origin>,
}

/// The event of a run's log that has a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Origin {
    /// The log row.
    pub(super) version: Version,
    /// The event's position in it.
    pub(super) event: u32,
}

impl Origin {
    /// The event that creates the run.
    pub(super) const FIRST: Self = Self {
        version: Version(1),
        event: 0,
    };
}

#[derive(Default, PartialEq)]
struct Content {
    /// The value, with null in the place of each long list.
    value: Value,
    /// The long lists, and the members that lead to each.
    lists: Vec<(Vec<String>, List)>,
    bytes: OnceBytes,
}

/// A size that was found out; it is no part of the value.
#[derive(Default)]
struct OnceBytes(OnceLock<usize>);

impl PartialEq for OnceBytes {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

/// What a path leads to.
pub(super) enum Hit<'a> {
    Value(Cow<'a, Value>),
    /// A long list; the path ends there, or goes on within it.
    List(&'a List),
}

impl Hit<'_> {
    pub(super) fn into_value(self) -> Value {
        match self {
            Self::Value(value) => value.into_owned(),
            Self::List(list) => list.iter().collect(),
        }
    }
}

/// Some long lists, with what is left of the way to each.
type Ways<'a> = Vec<(&'a [String], &'a List)>;

impl Data {
    /// All of it.
    #[must_use]
    pub fn whole(&self) -> Cow<'_, Value> {
        put_back(&self.content.value, &self.ways())
    }

    /// All of it, taken apart if nobody shares it.
    pub(super) fn into_value(self) -> Value {
        match Arc::try_unwrap(self.content) {
            Ok(content) if content.lists.is_empty() => content.value,
            Ok(content) => Self::from(content).whole().into_owned(),
            Err(content) => Self {
                content,
                origin: None,
            }
            .whole()
            .into_owned(),
        }
    }

    /// The value, with null in the place of each long list.
    pub(super) fn frame(&self) -> &Value {
        &self.content.value
    }

    /// The elements of long lists that have elements or members themselves, and how many levels down they are.
    pub(super) fn nested_elements(&self) -> impl Iterator<Item = (usize, Cow<'_, Value>)> {
        let lists = self.content.lists.iter();
        lists.flat_map(|(way, list)| {
            let nested = list.nested();
            nested.map(|element| (way.len() + 1, Cow::Owned(element)))
        })
    }

    /// About how much JSON it is, in bytes.
    pub(super) fn bytes(&self) -> usize {
        let count = || {
            let lists = self.content.lists.iter().map(|(_, list)| list.bytes());
            self.content.value.to_string().len() + lists.sum::<usize>()
        };
        *self.content.bytes.0.get_or_init(count)
    }

    pub(super) const fn origin(&self) -> Option<Origin> {
        self.origin
    }

    /// The same, to be found in the log.
    pub(super) fn of(self, origin: Origin) -> Self {
        Self {
            origin: Some(origin),
            ..self
        }
    }

    /// A member of an object.
    pub(super) fn member(&self, name: &str) -> Option<Cow<'_, Value>> {
        match self.find(&[Segment::Key(name)]) {
            (Hit::Value(Cow::Borrowed(whole)), 0) => whole.get(name).map(Cow::Borrowed),
            (_, 0) => None,
            (Hit::Value(value), _) => Some(value),
            (Hit::List(list), _) => Some(Cow::Owned(list.iter().collect())),
        }
    }

    /// How many elements a list has; 0 for anything else.
    pub(super) fn len(&self) -> usize {
        match (self.content.lists.as_slice(), &self.content.value) {
            ([(way, list)], _) if way.is_empty() => list.len(),
            (_, Value::Array(elements)) => elements.len(),
            _ => 0,
        }
    }

    /// An element of a list.
    pub(super) fn element(&self, position: usize) -> Option<Cow<'_, Value>> {
        match (self.content.lists.as_slice(), &self.content.value) {
            ([(way, list)], _) if way.is_empty() => list.get(position).map(Cow::Owned),
            (_, Value::Array(elements)) => elements.get(position).map(Cow::Borrowed),
            _ => None,
        }
    }

    /// The members of an object that are not this list.
    pub(super) fn members_but(&self, list: &Self) -> Map<String, Value> {
        let long = list.content.lists.first().map(|(_, list)| list);
        let mut ways = self.ways();
        let mut members = self.content.value.as_object().cloned().unwrap_or_default();
        if let Some(at) = ways
            .iter()
            .position(|(way, it)| way.len() == 1 && Some(*it) == long)
        {
            let (way, _) = ways.remove(at);
            members.retain(|key, _| way.first() != Some(key));
        }
        if long.is_none() {
            members.retain(|_, member| *member != list.content.value);
        }
        match put_back(&Value::Object(members), &ways).into_owned() {
            Value::Object(members) => members,
            _ => Map::new(),
        }
    }

    /// The members that lead to this list, if it is one of the long lists here and not another one like it.
    pub(super) fn way_to(&self, list: &Self) -> Option<Vec<String>> {
        let [(within, list)] = list.content.lists.as_slice() else {
            return None;
        };
        let mut lists = self.content.lists.iter();
        let found = lists.find(|(_, own)| within.is_empty() && own.is(list));
        found.map(|(way, _)| way.clone())
    }

    /// The long list that these members lead to.
    pub(super) fn list_at(&self, way: &[String]) -> Option<Self> {
        let mut lists = self.content.lists.iter();
        let found = lists.find(|(own, _)| own == way);
        found.map(|(_, list)| Self::from(list.clone()))
    }

    /// The list itself, or the same one within `other`, so that it is in memory once.
    pub(super) fn shared_with(self, other: &Self) -> Self {
        let Some((_, own)) = self.content.lists.first() else {
            return self;
        };
        let same = other.content.lists.iter().find(|(_, list)| list == own);
        let Some((_, list)) = same.filter(|_| self.content.value.is_null()) else {
            return self;
        };
        let origin = self.origin;
        let shared = Self::from(list.clone());
        Self { origin, ..shared }
    }

    /// What the path leads to as far as it leads to one thing, and how many segments that takes.
    pub(super) fn find(&self, path: &[Segment<'_>]) -> (Hit<'_>, usize) {
        let mut value = &self.content.value;
        let mut ways = self.ways();
        let mut used = 0;
        while !ways.is_empty() {
            if let [([], list)] = ways.as_slice() {
                return (Hit::List(list), used);
            }
            let Some(segment) = path.get(used) else {
                return (Hit::Value(put_back(value, &ways)), used);
            };
            let key = match segment {
                Segment::Key(key) => Cow::Borrowed(*key),
                Segment::Index(index) => Cow::Owned(index.to_string()),
            };
            // What is not there, or counted, is the same without the lists.
            let Some(member) = value.as_object().and_then(|members| members.get(&*key)) else {
                break;
            };
            value = member;
            ways = below(&ways, &key);
            used += 1;
        }
        (Hit::Value(Cow::Borrowed(value)), used)
    }

    fn ways(&self) -> Ways<'_> {
        let lists = self.content.lists.iter();
        lists.map(|(way, list)| (way.as_slice(), list)).collect()
    }
}

/// The ways that lead through a member, from there.
fn below<'a>(ways: &Ways<'a>, key: &str) -> Ways<'a> {
    let through = ways
        .iter()
        .filter_map(|(way, list)| match way.split_first() {
            Some((first, rest)) if first == key => Some((rest, *list)),
            _ => None,
        });
    through.collect()
}

fn put_back<'a>(value: &'a Value, ways: &Ways<'_>) -> Cow<'a, Value> {
    match (ways.as_slice(), value) {
        ([], value) => Cow::Borrowed(value),
        ([([], list)], _) => Cow::Owned(list.iter().collect()),
        (_, Value::Object(members)) => {
            let members = members.iter().map(|(key, member)| {
                let member = put_back(member, &below(ways, key)).into_owned();
                (key.clone(), member)
            });
            Cow::Owned(Value::Object(members.collect()))
        }
        (_, value) => Cow::Borrowed(value),
    }
}

/// The value without its long lists, which are put aside.
fn take_out(value: &Value, way: &mut Vec<String>, lists: &mut Vec<(Vec<String>, List)>) -> Value {
    match value {
        Value::Array(elements) => match List::long(elements) {
            Some(list) => {
                lists.push((way.clone(), list));
                Value::Null
            }
            None => value.clone(),
        },
        Value::Object(members) => {
            let members = members.iter().map(|(key, member)| {
                way.push(key.clone());
                let member = take_out(member, way, lists);
                way.pop();
                (key.clone(), member)
            });
            Value::Object(members.collect())
        }
        other => other.clone(),
    }
}

/// Whether there is a long list that can be put aside.
fn has_long_list(value: &Value) -> bool {
    match value {
        Value::Array(elements) => elements.len() > LONG,
        Value::Object(members) => members.values().any(has_long_list),
        _ => false,
    }
}

impl From<Value> for Data {
    fn from(value: Value) -> Self {
        if has_long_list(&value) {
            return Self::from(&value);
        }
        let content = Content {
            value,
            ..Content::default()
        };
        Self::from(content)
    }
}

impl From<&Value> for Data {
    fn from(value: &Value) -> Self {
        let mut lists = Vec::new();
        let value = match has_long_list(value) {
            true => take_out(value, &mut Vec::new(), &mut lists),
            false => value.clone(),
        };
        Self::from(Content {
            value,
            lists,
            ..Content::default()
        })
    }
}

impl From<List> for Data {
    fn from(list: List) -> Self {
        Self::from(Content {
            lists: vec![(Vec::new(), list)],
            ..Content::default()
        })
    }
}

impl From<Content> for Data {
    fn from(content: Content) -> Self {
        Self {
            content: Arc::new(content),
            origin: None,
        }
    }
}

impl PartialEq for Data {
    /// Where it came from is no part of a value.
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.content, &other.content) || self.content == other.content
    }
}

impl fmt::Debug for Data {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.whole().fmt(f)
    }
}

impl Serialize for Data {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (value, ways) = (&self.content.value, self.ways());
        Whole { value, ways }.serialize(serializer)
    }
}

struct Whole<'a> {
    value: &'a Value,
    ways: Ways<'a>,
}

impl Serialize for Whole<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match (self.ways.as_slice(), self.value) {
            ([([], list)], _) => list.serialize(serializer),
            ([_, ..], Value::Object(members)) => {
                let mut map = serializer.serialize_map(Some(members.len()))?;
                for (key, value) in members {
                    let ways = below(&self.ways, key);
                    map.serialize_entry(key, &Whole { value, ways })?;
                }
                map.end()
            }
            (_, value) => value.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Data {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (mut way, mut lists) = (Vec::new(), Vec::new());
        let reading = Reading {
            way: &mut way,
            lists: &mut lists,
        };
        let value = reading.deserialize(deserializer)?;
        Ok(Self::from(Content {
            value,
            lists,
            ..Content::default()
        }))
    }
}

/// Reads a value and puts its long lists aside as they come.
struct Reading<'r> {
    way: &'r mut Vec<String>,
    lists: &'r mut Vec<(Vec<String>, List)>,
}

impl<'de> DeserializeSeed<'de> for Reading<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Reading<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        self.deserialize(deserializer)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, elements: A) -> Result<Value, A::Error> {
        match List::read(elements)? {
            Ok(elements) => Ok(Value::Array(elements)),
            Err(list) => {
                self.lists.push((self.way.clone(), list));
                Ok(Value::Null)
            }
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        while let Some(key) = members.next_key::<String>()? {
            self.way.push(key);
            let member = members.next_value_seed(Reading {
                way: self.way,
                lists: self.lists,
            })?;
            let key = self
                .way
                .pop()
                .ok_or_else(|| de::Error::custom("no member"))?;
            map.insert(key, member);
        }
        Ok(Value::Object(map))
    }
}
