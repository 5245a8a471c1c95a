//! How much may be published on channels that have a limit: one entry each in the key-value space of the store, so that
//! all publishers share it.

use std::collections::BTreeMap;
use std::time::Duration;

use super::super::core::Core;
use super::super::records::Change;
use super::publish::Ready;
use super::table::Table;
use crate::error::{Category, Error, code};
use crate::policy::{Granted, PublishRate, Throttle};
use crate::routing::ChannelName;

const NAMESPACE: &str = "ossa.throttles";
/// Who has not published for so long has all of a burst again.
const KEPT_FOR: Duration = Duration::from_secs(86_400);

impl Core {
    /// What may be published of it now; of a channel that takes no more, an error stands for each message that is too many.
    pub(super) fn throttled(
        &self,
        table: &Table,
        mut each: Vec<Result<Ready, Error>>,
    ) -> Vec<Result<Ready, Error>> {
        if table.settings.iter().all(|(_, it)| it.rate.is_none()) {
            return each;
        }
        let mut wanted: BTreeMap<String, u32> = BTreeMap::new();
        for ready in each.iter().flatten() {
            let count = wanted.entry(ready.publication.channel.clone()).or_default();
            *count = count.saturating_add(1);
        }
        for (channel, wanted) in wanted {
            // A name that were none would not have become ready.
            let settings = ChannelName::parse(&channel).map(|name| table.settings(&name));
            let Some(rate) = settings.ok().and_then(|it| it.rate) else {
                continue;
            };
            let granted = self.grant(&channel, rate, wanted);
            let mut left = granted.as_ref().map_or(0, |it| it.count);
            for ready in &mut each {
                if !matches!(ready, Ok(ready) if ready.publication.channel == channel) {
                    continue;
                }
                if left > 0 {
                    left -= 1;
                    continue;
                }
                *ready = Err(match &granted {
                    Ok(granted) => refused(&channel, rate, granted.next_in),
                    Err(error) => error.clone(),
                });
            }
        }
        each
    }

    fn grant(&self, channel: &str, rate: PublishRate, wanted: u32) -> Result<Granted, Error> {
        let granted = self.change_record(NAMESPACE, channel, |known, now| {
            let mut throttle: Throttle = known.unwrap_or_default();
            let granted = throttle.take(rate, wanted, now);
            Ok(match granted.count {
                0 => Change::Keep(granted),
                _ => Change::Put {
                    record: throttle,
                    expires_at: Some(now.after(KEPT_FOR)),
                    answer: granted,
                },
            })
        })?;
        granted.ok_or_else(|| {
            let message = format!("the limit of channel `{channel}` changed under every try");
            Error::new(Category::Engine, code::RUN_BUSY, message).retryable()
        })
    }
}

fn refused(channel: &str, rate: PublishRate, next_in: Duration) -> Error {
    let message = format!(
        "channel `{channel}` takes {} messages a second, and no more now",
        rate.per_second
    );
    // Rounded up: after the time named there is room.
    let help = format!("publish it again in {} ms", next_in.as_millis() + 1);
    Error::new(Category::Engine, code::RATE_LIMITED, message)
        .with_help(help)
        .retryable()
}
