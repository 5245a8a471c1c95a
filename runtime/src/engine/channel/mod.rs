//! Channels: what is published on them is in the store's stream, and goes to everybody who takes it.
//!
//! A message that is published is appended to the stream together with one delivery for each subscriber, in one
//! transaction. Subscribers with an order or a limit read the stream by themselves instead ([`follow`]). Each delivery
//! succeeds, fails and becomes a dead letter apart from all others.

mod assemble;
mod command;
mod dead_letter;
mod dead_letters;
mod follow;
mod hand_over;
mod options;
mod publish;
mod receipt;
mod receive;
mod registry;
mod replay;
mod retention;
mod retry_form;
mod run_events;
mod settle;
mod slip;
mod start;
mod subscriber;
mod table;
mod tail;
mod throttle;

use std::sync::Arc;

use super::Engine;
use super::core::Core;
use crate::error::Error;
pub use crate::routing::Reason;

pub use command::{Command, CommandAnswer};
pub use dead_letters::{
    AUDIT_CHANNEL, DeadLetter, DeadLetterAction, DeadLetterFilter, DeadLetterStats, DeadLetters,
    Replayed,
};
pub use options::ChannelOptions;
pub use publish::{ChannelMessage, Published};
pub use receipt::{DeliveryReceipt, ReceiptError, ReceiptStatus};
pub use receive::{ChannelDelivery, ReceiveDeliveries};
pub(super) use registry::Known;
pub use registry::{StreamPlace, SubscriberView};
pub use retention::Trimmed;
pub use run_events::RunEventFilter;
pub use settle::Failed;
pub use slip::Edit;
pub use subscriber::{ChannelSubscription, StartKind, Subscriber, Target};
pub use tail::ChannelRecords;

/// Channels of an engine's store. Clones share everything.
#[derive(Debug, Clone)]
pub struct Channels(Arc<Core>);

impl Engine {
    /// The channels of the store.
    #[must_use]
    pub fn channels(&self) -> Channels {
        Channels(Arc::clone(self.core()))
    }
}

impl Channels {
    /// What became of a message: that it was accepted, and what is known of each subscriber's delivery. Of one that succeeds
    /// at once there is a receipt only where its subscriber keeps them, or gets each message once.
    ///
    /// # Errors
    /// What the store fails with.
    pub fn receipts(&self, channel: &str, message: &str) -> Result<Vec<DeliveryReceipt>, Error> {
        self.0.receipts(channel, message)
    }
}
