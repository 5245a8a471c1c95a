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
}
