//! Why messages become dead letters.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Why a message became a dead letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// A filter could not be evaluated.
    FilterError,
    /// A transform failed.
    TransformFailed,
    /// The payload breaks the subscriber's schema, or what a transform made breaks its own.
    SchemaInvalid,
    /// It led to messages that led back to it too often.
    HopLimit,
    /// Its time to live was over.
    Expired,
    /// Nobody takes it.
    NoRoute,
    /// Its handler failed until the attempts were used up, or in a way that a repetition does not mend.
    HandlerFailed,
    /// It is no envelope of a known dialect.
    UnknownEnvelope,
}

impl Reason {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::FilterError,
        Self::TransformFailed,
        Self::SchemaInvalid,
        Self::HopLimit,
        Self::Expired,
        Self::NoRoute,
        Self::HandlerFailed,
        Self::UnknownEnvelope,
    ];

    /// Its name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::FilterError => "filter_error",
            Self::TransformFailed => "transform_failed",
            Self::SchemaInvalid => "schema_invalid",
            Self::HopLimit => "hop_limit",
            Self::Expired => "expired",
            Self::NoRoute => "no_route",
            Self::HandlerFailed => "handler_failed",
            Self::UnknownEnvelope => "unknown_envelope",
        }
    }

    /// The reason with this name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.as_str() == name)
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
