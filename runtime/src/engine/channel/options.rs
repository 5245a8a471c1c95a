//! What channels are opened with.

use std::time::Duration;

use crate::error::{Category, Error, code};
use crate::manifest::model::ChannelSettings;
use crate::routing::{ChannelName, ChannelPattern};

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
    /// What holds for channels of this name, or that this pattern matches. They come before what manifests say, names
    /// before patterns, and longer patterns before shorter ones.
    pub settings: Vec<(String, ChannelSettings)>,
}

impl Default for ChannelOptions {
    fn default() -> Self {
        let day = Duration::from_secs(86_400);
        Self {
            max_message_bytes: 1024 * 1024,
            retention: day,
            receipt_retention: day * 7,
            dead_letter_retention: Some(day * 30),
            settings: Vec::new(),
        }
    }
}

impl ChannelOptions {
    pub(in crate::engine) fn check(&self) -> Result<(), Error> {
        for (channel, settings) in &self.settings {
            let dead_letters = settings.dead_letter_channel.as_deref();
            let name = dead_letters.map_or(Ok(()), |name| ChannelName::parse(name).map(drop));
            let checked = ChannelPattern::parse(channel).map(drop).and(name);
            checked.map_err(|error| {
                let message = format!("settings of channel `{channel}`: {error}");
                Error::new(Category::Argument, code::BAD_ARGUMENT, message).with_help(error.help())
            })?;
            if settings
                .rate
                .is_some_and(|it| it.per_second == 0 || it.burst == 0)
            {
                let message = format!("the rate of channel `{channel}` is nothing");
                return Err(Error::new(Category::Argument, code::BAD_ARGUMENT, message));
            }
        }
        Ok(())
    }
}
