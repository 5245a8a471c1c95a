//! The stable codes of routing. Each has a page `runtime/errors/<code>.md`.

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $code:literal;)+) => {
        $($(#[$doc])* pub const $name: &str = $code;)+

        /// Every code of this module, in order.
        pub const ALL: &[&str] = &[$($code),+];
    };
}

codes! {
    /// A message follows no known dialect of envelopes.
    UNKNOWN_ENVELOPE = "OSSA-C001";
    /// A field of an envelope is missing.
    MISSING_IN_ENVELOPE = "OSSA-C002";
    /// A field of an envelope has a value it cannot have.
    BAD_IN_ENVELOPE = "OSSA-C003";
    /// A name is not one of a channel.
    BAD_CHANNEL = "OSSA-C004";
    /// A pattern matches no channel, or is not one.
    BAD_PATTERN = "OSSA-C005";
    /// A transform cannot be read.
    BAD_TRANSFORM = "OSSA-C006";
    /// A transform needs a callback that the host does not have.
    NO_CALLBACK = "OSSA-C007";
    /// A filter cannot be used.
    BAD_FILTER = "OSSA-C008";
    /// Routes from channel to channel go round in a circle.
    CIRCLE = "OSSA-C009";
    /// Messages may go round in a circle of agents.
    CIRCLE_OF_AGENTS = "OSSA-C010";
    /// A bare `true`, `false` or `null` in JMESPath is the name of a field.
    BARE_WORD = "OSSA-C011";
    /// A wildcard does not reach a channel that it looks meant for.
    SHORT_WILDCARD = "OSSA-C012";
    /// A target is no known agent.
    UNKNOWN_TARGET = "OSSA-C013";
    /// Two rules have the same id.
    DUPLICATE_RULE = "OSSA-C014";
    /// The name of a channel begins with a reserved word.
    RESERVED_CHANNEL = "OSSA-C015";
    /// A target of a failover can never fail.
    NO_FAILOVER = "OSSA-C016";
}
