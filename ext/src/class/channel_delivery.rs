//! `Ossa\Runtime\ChannelDelivery`

use ext_php_rs::boxed::ZBox;
use ext_php_rs::flags::ClassFlags;
use ext_php_rs::prelude::*;
use ext_php_rs::types::{ZendHashTable, Zval};
use ossa_runtime::engine::channel::ChannelDelivery as Delivered;

use crate::convert::to_php::{self, Binary};
use crate::error::{Answer, Fault};

/// A message in the hands of a worker.
#[php_class]
#[php(name = "Ossa\\Runtime\\ChannelDelivery", flags = ClassFlags::Final)]
pub(crate) struct ChannelDelivery(Delivered);

impl From<Delivered> for ChannelDelivery {
    fn from(delivered: Delivered) -> Self {
        Self(delivered)
    }
}

impl ChannelDelivery {
    pub(super) const fn delivered(&self) -> &Delivered {
        &self.0
    }
}

#[php_impl]
impl ChannelDelivery {
    #[php(vis = "private")]
    fn __construct() -> Answer<Self> {
        Err(Fault::not_constructible())
    }

    fn get_subscriber(&self) -> &str {
        &self.0.subscriber
    }

    fn get_handler(&self) -> Option<&str> {
        self.0.handler.as_deref()
    }

    fn get_rule(&self) -> Option<&str> {
        self.0.rule.as_deref()
    }

    fn get_message_id(&self) -> &str {
        &self.0.envelope.id
    }

    fn get_channel(&self) -> &str {
        self.0.envelope.channel.as_str()
    }

    fn get_source(&self) -> &str {
        &self.0.envelope.source
    }

    fn get_type(&self) -> Option<&str> {
        self.0.envelope.kind.as_deref()
    }

    fn get_payload(&self) -> Answer<Zval> {
        Ok(to_php::zval(self.0.payload())?)
    }

    fn get_envelope(&self) -> Answer<ZBox<ZendHashTable>> {
        to_php::table_of(&self.0.envelope.to_json())
    }

    fn get_original(&self) -> Binary<'_> {
        Binary(&self.0.original)
    }

    fn get_priority(&self) -> &str {
        self.0.priority.as_str()
    }

    fn get_attempt(&self) -> u32 {
        self.0.attempt
    }

    fn get_effect_key(&self) -> &str {
        &self.0.effect_key
    }

    fn get_correlation_id(&self) -> Option<&str> {
        self.0.envelope.metadata.correlation_id.as_deref()
    }

    fn get_reply_to(&self) -> Option<&str> {
        self.0.envelope.metadata.reply_to.as_deref()
    }

    fn get_traceparent(&self) -> Option<&str> {
        self.0.envelope.metadata.traceparent.as_deref()
    }

    fn get_expires_at_ms(&self) -> Option<i64> {
        self.0
            .expires_at()
            .map(ossa_runtime::port::Timestamp::as_millis)
    }
}
