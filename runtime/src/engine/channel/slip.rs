//! What is written on a delivery: the headers of its message. Its body is what was published, byte by byte.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::port::{Position, Timestamp};
use crate::routing::Reason;

/// To whom a message goes, and why.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Slip {
    /// To whom; empty for a dead letter of nobody's.
    #[serde(rename = "ossa-subscriber", default)]
    pub(super) subscriber: String,
    #[serde(rename = "ossa-channel")]
    pub(super) channel: String,
    #[serde(rename = "ossa-source", default)]
    pub(super) source: String,
    /// The message's id.
    #[serde(rename = "ossa-message")]
    pub(super) message: String,
    /// Which of the subscriber's handlers is meant.
    #[serde(
        rename = "ossa-handler",
        default,
        skip_serializing_if = "Option::is_none"
    )]
    pub(super) handler: Option<String>,
    /// The rule that sent it there.
    #[serde(rename = "ossa-rule", default, skip_serializing_if = "Option::is_none")]
    pub(super) rule: Option<String>,
    /// What the subscriber gets, where it is not the payload as published.
    #[serde(
        rename = "ossa-payload",
        default,
        skip_serializing_if = "Option::is_none"
    )]
    pub(super) payload: Option<Value>,
    /// The transform that makes what the subscriber gets, and is still to be applied.
    #[serde(
        rename = "ossa-transform",
        default,
        skip_serializing_if = "Option::is_none"
    )]
    pub(super) transform: Option<String>,
    /// Who gets it if the subscriber cannot handle it, in order.
    #[serde(rename = "ossa-next", default, skip_serializing_if = "Vec::is_empty")]
    pub(super) next: Vec<String>,
    /// The subscriber it was for, whose breaker is open.
    #[serde(
        rename = "ossa-instead-of",
        default,
        skip_serializing_if = "Option::is_none"
    )]
    pub(super) instead_of: Option<String>,
    /// When it is worth nothing any more.
    #[serde(
        rename = "ossa-expires-at",
        default,
        skip_serializing_if = "Option::is_none"
    )]
    pub(super) expires_at: Option<Timestamp>,
    /// Where it stands in the stream, for those who read it there.
    #[serde(
        rename = "ossa-position",
        default,
        skip_serializing_if = "Option::is_none"
    )]
    pub(super) position: Option<Position>,
    /// What a replay delivers instead of what was published.
    #[serde(
        rename = "ossa-edited",
        default,
        skip_serializing_if = "Option::is_none"
    )]
    pub(super) edited: Option<String>,
    /// Who has edited it.
    #[serde(rename = "ossa-edits", default, skip_serializing_if = "Vec::is_empty")]
    pub(super) edits: Vec<Edit>,
    /// Why it was given up.
    #[serde(flatten, default, skip_serializing_if = "Option::is_none")]
    pub(super) failure: Option<Failure>,
}

/// Why a delivery was given up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Failure {
    #[serde(rename = "ossa-reason")]
    pub(super) reason: Reason,
    #[serde(rename = "ossa-error-code")]
    pub(super) code: String,
    #[serde(rename = "ossa-error")]
    pub(super) message: String,
    #[serde(rename = "ossa-attempts")]
    pub(super) attempts: u32,
    #[serde(rename = "ossa-dead-lettered-at")]
    pub(super) at: Timestamp,
    /// The channel of dead letters.
    #[serde(rename = "ossa-dead-letter-channel")]
    pub(super) channel: String,
}

/// An edit of a dead letter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Edit {
    /// Who.
    pub by: String,
    /// Why.
    pub reason: String,
    /// When.
    pub at: Timestamp,
}

impl Slip {
    /// A slip for a message, to nobody yet.
    pub(super) fn new(channel: String, source: String, message: String) -> Self {
        Self {
            subscriber: String::new(),
            channel,
            source,
            message,
            handler: None,
            rule: None,
            payload: None,
            transform: None,
            next: Vec::new(),
            instead_of: None,
            expires_at: None,
            position: None,
            edited: None,
            edits: Vec::new(),
            failure: None,
        }
    }

    pub(super) fn to_headers(&self) -> Vec<u8> {
        // Maps with text as keys and nothing but JSON in them.
        serde_json::to_vec(self).unwrap_or_default()
    }

    pub(super) fn read(headers: &[u8]) -> Option<Self> {
        serde_json::from_slice(headers).ok()
    }
}
