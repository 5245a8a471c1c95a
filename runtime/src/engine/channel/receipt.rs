//! Receipts: what became of a message at a subscriber. One entry each in the key-value space of the store.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::super::core::Core;
use crate::error::Error;
use crate::port::Timestamp;
use crate::run::StepError;

const NAMESPACE: &str = "ossa.receipts";
/// At most so many of one message are listed.
const LISTED: usize = 1000;

/// What became of a message at a subscriber.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DeliveryReceipt {
    /// The message.
    pub message_id: String,
    /// Its channel.
    pub channel: String,
    /// The subscriber; `None` for the receipt of the stream itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subscriber: Option<String>,
    /// What became of it.
    pub status: ReceiptStatus,
    /// When.
    pub timestamp: Timestamp,
    /// The attempts so far.
    pub delivery_attempt: u32,
    /// How many of them ended because their worker was lost.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub losses: u32,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<ReceiptError>,
}

/// Why a delivery failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReceiptError {
    /// Its code.
    pub code: String,
    /// In words.
    pub message: String,
    /// Whether there is another attempt.
    pub retryable: bool,
}

/// What became of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ReceiptStatus {
    /// It is in the stream.
    Accepted,
    /// A worker has it.
    Delivered,
    /// A worker has taken it over; what becomes of it is not known here.
    Acknowledged,
    /// It was handled.
    Processed,
    /// The last attempt failed.
    Failed,
    /// It was refused: it breaks the subscriber's schema.
    Rejected,
    /// Its time to live was over.
    Expired,
}

impl ReceiptStatus {
    /// Its name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Delivered => "delivered",
            Self::Acknowledged => "acknowledged",
            Self::Processed => "processed",
            Self::Failed => "failed",
            Self::Rejected => "rejected",
            Self::Expired => "expired",
        }
    }
}

impl ReceiptError {
    pub(super) fn of(error: &StepError, retryable: bool) -> Self {
        Self {
            code: error.code.clone(),
            message: error.message.clone(),
            retryable,
        }
    }
}

impl Core {
    /// The receipt of a message at a subscriber.
    pub(super) fn receipt(
        &self,
        channel: &str,
        message: &str,
        subscriber: &str,
    ) -> Result<Option<DeliveryReceipt>, Error> {
        self.record(NAMESPACE, &key(channel, message, subscriber))
    }

    /// Keeps a receipt, in place of an earlier one.
    pub(super) fn keep_receipt(
        &self,
        receipt: &DeliveryReceipt,
        retention: Duration,
    ) -> Result<(), Error> {
        let subscriber = receipt.subscriber.as_deref().unwrap_or_default();
        let key = key(&receipt.channel, &receipt.message_id, subscriber);
        let expires_at = self.now().after(retention);
        self.put_record(NAMESPACE, &key, receipt, Some(expires_at))
    }

    /// Forgets what became of a message at a subscriber: it begins anew.
    pub(super) fn forget_receipt(
        &self,
        channel: &str,
        message: &str,
        subscriber: &str,
    ) -> Result<(), Error> {
        let key = key(channel, message, subscriber);
        self.forget_record(NAMESPACE, &key).map(drop)
    }

    /// All receipts of a message: that it was accepted, then those of its subscribers by name.
    pub(super) fn receipts(
        &self,
        channel: &str,
        message: &str,
    ) -> Result<Vec<DeliveryReceipt>, Error> {
        let accepted = self.backend()?.find_record(channel, message)?;
        let mut receipts: Vec<_> = accepted
            .map(|record| DeliveryReceipt {
                message_id: record.id,
                channel: record.channel,
                subscriber: None,
                status: ReceiptStatus::Accepted,
                timestamp: record.at,
                delivery_attempt: 1,
                losses: 0,
                error: None,
            })
            .into_iter()
            .collect();
        let known = self.records(NAMESPACE, &prefix(channel, message), LISTED)?;
        receipts.extend::<Vec<_>>(known);
        Ok(receipts)
    }
}

#[allow(clippy::trivially_copy_pass_by_ref)]
const fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// The key of the receipt of a message at a subscriber.
fn key(channel: &str, message: &str, subscriber: &str) -> String {
    format!("{}{subscriber}", prefix(channel, message))
}

/// What the keys of a message's receipts begin with. Ids may be long and of any characters; keys may not.
fn prefix(channel: &str, message: &str) -> String {
    let mut hash = Sha256::new();
    hash.update(channel);
    hash.update([0]);
    hash.update(message);
    let digest = hash.finalize();
    let digest: String = digest
        .iter()
        .take(16)
        .map(|it| format!("{it:02x}"))
        .collect();
    format!("{digest}:")
}
