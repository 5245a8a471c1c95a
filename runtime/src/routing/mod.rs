//! Routing of messages: envelopes, channels, rules. Pure: the time is an argument.
//!
//! What the fields of a rule mean is documented in `docs/routing.md`.

mod channel;
pub mod code;
mod dialect;
mod envelope;

pub use channel::{
    ChannelError, ChannelName, ChannelPattern, Glob, MAX_CHANNEL_CHARS, RESERVED_PREFIXES,
    is_reserved,
};
pub use dialect::{Dialect, EnvelopeError, MAX_PAYLOAD_DEPTH};
pub use envelope::{Envelope, HOPS_HEADER, MAX_HOPS, Metadata, TRACEPARENT_HEADER};
