//! Routing of messages: envelopes, channels, rules. Pure: the time is an argument.
//!
//! What the fields of a rule mean is documented in `docs/routing.md`.

mod callback;
mod channel;
mod circle;
pub mod code;
mod dialect;
mod envelope;
mod explain;
mod field;
mod files;
mod filter;
mod index;
mod jmespath;
mod lint;
mod reason;
mod route;
mod rules;
mod template;
mod transform;
mod value;

pub(crate) use callback::missing;
pub use callback::{Call, Callbacks, Elsewhere, NoCallbacks};

pub use channel::{
    ChannelError, ChannelName, ChannelPattern, Glob, MAX_CHANNEL_CHARS, RESERVED_PREFIXES,
    is_reserved,
};
pub use dialect::{Dialect, EnvelopeError, MAX_PAYLOAD_DEPTH};
pub use envelope::{Envelope, HOPS_HEADER, MAX_HOPS, Metadata, TENANT_HEADER, TRACEPARENT_HEADER};
pub use explain::{Explanation, Judgement};
pub use filter::{Filter, Verdict};
pub use reason::Reason;
pub use route::{Context, Delivery, Outcome, Refusal, Routed, Target};
pub use rules::{Finding, Host, Rules, review};
