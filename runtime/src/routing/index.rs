//! Which rules may match a message, without asking each of them: by the segments of the channel, then the source, then
//! a field that the filter asks for.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use serde_json::Value;

use super::channel::{ChannelPattern, Glob, SegmentPattern};
use super::envelope::Envelope;
use super::field::Field;
use super::filter::Filter;
use super::value::Numeric;

/// Position of a rule.
pub(super) type RuleNumber = u32;

type Table<K> = HashMap<K, Vec<RuleNumber>, BuildHasherDefault<Fnv>>;

/// The index of the rules that count.
#[derive(Debug)]
pub(super) struct Index {
    nodes: Vec<Node>,
}

/// Where the segments of a channel lead to.
#[derive(Debug, Default)]
struct Node {
    literals: HashMap<Box<str>, usize, BuildHasherDefault<Fnv>>,
    globs: Vec<(Glob, usize)>,
    any: Option<usize>,
    /// The node behind `#`, which stays where it is for every segment.
    rest: Option<usize>,
    is_rest: bool,
    rules: Option<Box<BySource>>,
}

/// The rules of a pattern by the source they are for.
#[derive(Debug, Default)]
struct BySource {
    names: HashMap<Box<str>, ByField, BuildHasherDefault<Fnv>>,
    globs: Vec<(Glob, ByField)>,
    any: ByField,
}

/// Rules by the value that a field must have.
#[derive(Debug, Default)]
struct ByField {
    fields: Vec<Values>,
    others: Vec<RuleNumber>,
}

#[derive(Debug)]
struct Values {
    field: Field,
    texts: Table<Box<str>>,
    numbers: Table<u64>,
}

impl Index {
    pub(super) fn new() -> Self {
        Self {
            nodes: vec![Node::default()],
        }
    }

    pub(super) fn add(
        &mut self,
        rule: RuleNumber,
        channel: &ChannelPattern,
        source: &Glob,
        filter: Option<&Filter>,
    ) {
        let mut at = 0;
        for segment in channel.segments() {
            at = self.child(at, segment);
        }
        if let Some(node) = self.nodes.get_mut(at) {
            node.rules.get_or_insert_default().add(rule, source, filter);
        }
    }

    fn child(&mut self, parent: usize, segment: &SegmentPattern) -> usize {
        let next = self.nodes.len();
        let Some(node) = self.nodes.get_mut(parent) else {
            return parent;
        };
        let child = match segment {
            SegmentPattern::Literal(name) => *node.literals.entry(name.clone()).or_insert(next),
            SegmentPattern::Any => *node.any.get_or_insert(next),
            SegmentPattern::Rest => *node.rest.get_or_insert(next),
            SegmentPattern::Glob(glob) => match node.globs.iter().find(|(it, _)| it == glob) {
                Some((_, child)) => *child,
                None => {
                    node.globs.push((glob.clone(), next));
                    next
                }
            },
        };
        if child == next {
            self.nodes.push(Node {
                is_rest: *segment == SegmentPattern::Rest,
                ..Node::default()
            });
        }
        child
    }

    /// The rules that may match, in their order, each once.
    pub(super) fn candidates(&self, message: &Envelope) -> Vec<RuleNumber> {
        let mut here = Vec::with_capacity(8);
        let mut next = Vec::with_capacity(8);
        self.enter(0, &mut here);
        for segment in message.channel.segments() {
            next.clear();
            for &at in &here {
                let Some(node) = self.nodes.get(at) else {
                    continue;
                };
                if node.is_rest {
                    self.enter(at, &mut next);
                }
                if let Some(&child) = node.literals.get(segment) {
                    self.enter(child, &mut next);
                }
                if let Some(child) = node.any {
                    self.enter(child, &mut next);
                }
                for (glob, child) in &node.globs {
                    if glob.matches(segment) {
                        self.enter(*child, &mut next);
                    }
                }
            }
            std::mem::swap(&mut here, &mut next);
        }
        let mut found = Vec::with_capacity(16);
        for at in here {
            if let Some(rules) = self.nodes.get(at).and_then(|node| node.rules.as_deref()) {
                rules.collect(message, &mut found);
            }
        }
        found.sort_unstable();
        found.dedup();
        found
    }

    /// Adds a node, and the one behind `#`, which may stand for nothing.
    fn enter(&self, at: usize, nodes: &mut Vec<usize>) {
        if nodes.contains(&at) {
            return;
        }
        nodes.push(at);
        if let Some(rest) = self.nodes.get(at).and_then(|node| node.rest) {
            self.enter(rest, nodes);
        }
    }
}

impl BySource {
    fn add(&mut self, rule: RuleNumber, source: &Glob, filter: Option<&Filter>) {
        let rules = if source.is_any() {
            &mut self.any
        } else if let Some(name) = source.as_literal() {
            self.names.entry(name.into()).or_default()
        } else {
            let known = self.globs.iter().position(|(glob, _)| glob == source);
            let at = known.unwrap_or(self.globs.len());
            if known.is_none() {
                self.globs.push((source.clone(), ByField::default()));
            }
            match self.globs.get_mut(at) {
                Some((_, rules)) => rules,
                None => return,
            }
        };
        rules.add(rule, filter);
    }

    fn collect(&self, message: &Envelope, found: &mut Vec<RuleNumber>) {
        self.any.collect(message, found);
        if let Some(rules) = self.names.get(message.source.as_str()) {
            rules.collect(message, found);
        }
        for (glob, rules) in &self.globs {
            if glob.matches(&message.source) {
                rules.collect(message, found);
            }
        }
    }
}

impl ByField {
    /// More fields than this are not told apart: each costs a look at the message.
    const MAX_FIELDS: usize = 8;

    fn add(&mut self, rule: RuleNumber, filter: Option<&Filter>) {
        let Some((field, wanted)) = filter.and_then(Filter::indexable) else {
            self.others.push(rule);
            return;
        };
        let known = self.fields.iter().position(|values| values.field == *field);
        let at = match known {
            Some(at) => at,
            None if self.fields.len() < Self::MAX_FIELDS => {
                self.fields.push(Values {
                    field: field.clone(),
                    texts: Table::default(),
                    numbers: Table::default(),
                });
                self.fields.len() - 1
            }
            None => {
                self.others.push(rule);
                return;
            }
        };
        if let Some(values) = self.fields.get_mut(at) {
            values.add(rule, wanted);
        }
    }

    fn collect(&self, message: &Envelope, found: &mut Vec<RuleNumber>) {
        found.extend_from_slice(&self.others);
        for values in &self.fields {
            if let Some(value) = values.field.of(message) {
                values.collect(&value, found);
            }
        }
    }
}

impl Values {
    fn add(&mut self, rule: RuleNumber, wanted: &[Value]) {
        for value in wanted {
            let rules = match (Numeric::of(value).map(number_key), value) {
                (Some(number), _) => self.numbers.entry(number).or_default(),
                (None, Value::String(text)) => self.texts.entry(text.as_str().into()).or_default(),
                (None, _) => continue,
            };
            rules.push(rule);
        }
    }

    /// Rules one of whose values the value may equal: the filter itself has the last word.
    fn collect(&self, value: &Value, found: &mut Vec<RuleNumber>) {
        if let Value::Array(items) = value {
            for item in items.iter().filter(|item| !item.is_array()) {
                self.collect(item, found);
            }
            return;
        }
        let rules = match (Numeric::of(value), value) {
            (Some(number), _) => self.numbers.get(&number_key(number)),
            (None, Value::String(text)) => self.texts.get(text.as_str()),
            _ => None,
        };
        found.extend(rules.into_iter().flatten());
    }
}

/// The same for numbers that compare as equal.
#[allow(clippy::cast_precision_loss, reason = "equal numbers stay equal")]
fn number_key(number: Numeric) -> u64 {
    let float = match number {
        Numeric::Whole(whole) => whole as f64,
        Numeric::Float(float) => float,
    };
    // The two zeros are equal.
    (float + 0.0).to_bits()
}

/// FNV-1a: the keys are names out of manifests, short and not chosen by whoever sends messages.
#[derive(Debug)]
struct Fnv(u64);

impl Default for Fnv {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Hasher for Fnv {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }

    fn finish(&self) -> u64 {
        self.0
    }
}
