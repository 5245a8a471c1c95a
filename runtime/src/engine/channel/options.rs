//! What channels are opened with.

use std::time::Duration;

/// Settings of channels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChannelOptions {
    /// Larger messages are refused.
    pub max_message_bytes: usize,
    /// How long messages stay in the stream; the same id is published once in that time.
    pub retention: Duration,
    /// How long receipts are kept, and with them what a subscriber got that gets each message once.
    pub receipt_retention: Duration,
    /// How long dead letters are kept; `None` = for good.
    pub dead_letter_retention: Option<Duration>,
}

impl Default for ChannelOptions {
    fn default() -> Self {
        let day = Duration::from_secs(86_400);
        Self {
            max_message_bytes: 1024 * 1024,
            retention: day,
            receipt_retention: day * 7,
            dead_letter_retention: Some(day * 30),
        }
    }
}
