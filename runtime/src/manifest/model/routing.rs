//! The model of `kind: MessageRouting`, and of the filters that triggers and subscriptions have, too.

use serde_json::Value;

use crate::expression::Expression;
use crate::port::Priority;

/// Rules that route messages.
#[derive(Debug, Clone, Default)]
pub struct MessageRouting {
    /// In document order. Every rule that matches applies.
    pub rules: Vec<Rule>,
    /// What becomes of a message that no rule matches; `None` = it is dropped.
    pub default_route: Option<DefaultRoute>,
    /// In document order.
    pub transforms: Vec<Transform>,
    /// `spec.wildcards`; `None` = not said.
    pub wildcards: Option<Wildcards>,
}

impl MessageRouting {
    /// Whether a rule uses this transform.
    #[must_use]
    pub fn uses(&self, transform: &str) -> bool {
        let mut rules = self.rules.iter();
        rules.any(|rule| rule.transform.as_deref() == Some(transform))
    }
}

/// One rule.
#[derive(Debug, Clone)]
pub struct Rule {
    /// The author's name for it; `None` = its place names it.
    pub id: Option<String>,
    /// Glob on the name of the agent that published the message.
    pub source: String,
    /// Pattern on the channel.
    pub channel: String,
    /// Who gets the message, at least one.
    pub targets: Vec<String>,
    /// Whether all of them get it; `None` = not said.
    pub delivery: Option<DeliveryMode>,
    /// Must hold of the message.
    pub filter: Option<Filter>,
    /// Name of the transform that makes what the targets get.
    pub transform: Option<String>,
    /// How urgent its deliveries are.
    pub priority: Priority,
    /// Whether it counts at all.
    pub enabled: bool,
    /// Where it stands in its document, as a JSON path (`$.spec.rules[2]`).
    pub path: String,
}

/// Which of a rule's targets get a message.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum DeliveryMode {
    /// All of them.
    #[default]
    FanOut,
    /// The first; each of the others when the one before it cannot handle the message.
    Failover,
}

/// What must hold of a message: every condition, and the expression.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// In document order.
    pub conditions: Vec<Condition>,
    /// Sees the payload, then the envelope, as `message`.
    pub expression: Option<Expression>,
    /// Where it stands in its document, as a JSON path.
    pub path: String,
}

/// What must hold of one field.
#[derive(Debug, Clone, PartialEq)]
pub struct Condition {
    /// Dotted path of the field.
    pub field: String,
    /// What its value must be.
    pub test: Test,
    /// Where it stands in its document, as a JSON path.
    pub path: String,
}

/// What the value of a field must be. A field with a list of values passes when one of them does.
#[derive(Debug, Clone, PartialEq)]
pub enum Test {
    /// One of these: a plain value, a list of values, `$eq`, `$in`.
    AnyOf(Vec<Value>),
    /// None of these: `$ne`, `$nin`. A missing field passes.
    NoneOf(Vec<Value>),
    /// `$gt`, `$gte`, `$lt`, `$lte`.
    Compare(Comparison, Value),
    /// `$exists`: there and not null, or not.
    Exists(bool),
    /// `$regex`: the expression occurs in the text.
    Matches(String),
    /// `$contains`: part of a text, element of a list, key of an object.
    Contains(Value),
}

/// An order that a value must have to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    /// `$lt`
    Less,
    /// `$lte`
    AtMost,
    /// `$gt`
    Greater,
    /// `$gte`
    AtLeast,
}

/// Makes what targets get out of a message.
#[derive(Debug, Clone, PartialEq)]
pub struct Transform {
    /// What rules call it.
    pub name: String,
    /// In which language.
    pub language: TransformLanguage,
    /// The text in that language; for `custom`, the name of the host's callback.
    pub expression: String,
    /// JSON Schema of what it makes.
    pub output_schema: Option<Value>,
    /// Where it stands in its document, as a JSON path.
    pub path: String,
}

/// Languages of transforms.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TransformLanguage {
    /// JMESPath, over the payload.
    JmesPath,
    /// JSONata, over the envelope: needs a callback of the host.
    Jsonata,
    /// Text with paths in it, over the envelope and the rule.
    Template,
    /// A callback of the host.
    Custom,
}

impl TransformLanguage {
    /// As written in manifests.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::JmesPath => "jmespath",
            Self::Jsonata => "jsonata",
            Self::Template => "template",
            Self::Custom => "custom",
        }
    }
}

/// What becomes of messages that no rule matches.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DefaultRoute {
    /// What is done.
    pub action: DefaultAction,
    /// Whom a broadcast goes to; empty = every known agent but the source.
    pub targets: Vec<String>,
}

/// What is done with a message that no rule matches.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum DefaultAction {
    /// It is counted and forgotten.
    #[default]
    Drop,
    /// It becomes a dead letter.
    DeadLetter,
    /// It is delivered to many.
    Broadcast,
}

/// How far a `*` reaches in the channel patterns of a document.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Wildcards {
    /// One segment.
    #[default]
    Segment,
    /// At the start or the end of a pattern: one segment or more.
    Multi,
}
