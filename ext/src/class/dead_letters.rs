//! `Ossa\Runtime\DeadLetters`

use ext_php_rs::boxed::ZBox;
use ext_php_rs::flags::ClassFlags;
use ext_php_rs::prelude::*;
use ext_php_rs::types::{ZendHashTable, Zval};
use ossa_runtime::engine::channel::{DeadLetters as Runtime, Replayed};
use ossa_runtime::engine::{Engine, OrderedBy};

use super::channel_options as read;
use super::engine_options::count;
use crate::convert::argument::{Bytes, Table};
use crate::convert::{from_php, to_php};
use crate::error::{Answer, Fault};
use crate::process::Owned;

/// Messages that were given up, looked after in the name of a person or program.
#[php_class]
#[php(name = "Ossa\\Runtime\\DeadLetters", flags = ClassFlags::Final)]
pub(crate) struct DeadLetters {
    runtime: Owned<Runtime>,
    by: String,
}

impl DeadLetters {
    pub(super) fn over(engine: &Engine, by: &str) -> Self {
        Self {
            runtime: Owned::new(engine.dead_letters()),
            by: by.to_owned(),
        }
    }

    fn ordered(&self, reason: Bytes<'_>) -> Answer<OrderedBy> {
        Ok(OrderedBy::new(self.by.as_str()).because(reason.text("$reason")?))
    }
}

#[php_impl]
impl DeadLetters {
    #[php(vis = "private")]
    fn __construct() -> Answer<Self> {
        Err(Fault::not_constructible())
    }

    #[php(defaults(filter = Table::EMPTY, limit = 100))]
    fn list(&self, filter: Table<'_>, limit: i64) -> Answer<Vec<ZBox<ZendHashTable>>> {
        let filter = read::dead_letter_filter(filter)?;
        let found = self.runtime.get()?.list(&filter, count(limit, "$limit")?)?;
        found.iter().map(read::dead_letter).collect()
    }

    fn show(&self, id: Bytes<'_>) -> Answer<ZBox<ZendHashTable>> {
        read::dead_letter(&self.runtime.get()?.show(id.text("$id")?)?)
    }

    #[php(defaults(reason = Bytes::from("")))]
    fn edit(
        &self,
        id: Bytes<'_>,
        payload: &Zval,
        reason: Bytes<'_>,
    ) -> Answer<ZBox<ZendHashTable>> {
        let payload = from_php::value(payload, "$payload")?;
        let by = self.ordered(reason)?;
        read::dead_letter(&self.runtime.get()?.edit(id.text("$id")?, &payload, &by)?)
    }

    #[php(defaults(reason = Bytes::from("")))]
    fn replay(&self, id: Bytes<'_>, reason: Bytes<'_>) -> Answer<ZBox<ZendHashTable>> {
        let by = self.ordered(reason)?;
        let replayed = self.runtime.get()?.replay(id.text("$id")?, &by)?;
        let mut table = to_php::with_capacity(2);
        let (subscriber, deliveries) = match replayed {
            Replayed::Subscriber(name) => (Some(name), 1),
            Replayed::Routed { deliveries } => (None, deliveries),
        };
        table.insert("subscriber", subscriber)?;
        table.insert("deliveries", u64::try_from(deliveries).unwrap_or(u64::MAX))?;
        Ok(table)
    }

    #[php(defaults(reason = Bytes::from("")))]
    fn remove(&self, id: Bytes<'_>, reason: Bytes<'_>) -> Answer<()> {
        let by = self.ordered(reason)?;
        Ok(self.runtime.get()?.remove(id.text("$id")?, &by)?)
    }

    #[php(defaults(filter = Table::EMPTY))]
    fn stats(&self, filter: Table<'_>) -> Answer<ZBox<ZendHashTable>> {
        let filter = read::dead_letter_filter(filter)?;
        to_php::table_of(&self.runtime.get()?.stats(&filter)?)
    }

    #[php(defaults(limit = 100))]
    fn actions(&self, limit: i64) -> Answer<Vec<ZBox<ZendHashTable>>> {
        let actions = self.runtime.get()?.actions(count(limit, "$limit")?)?;
        let actions = actions.iter().map(|action| {
            let mut table = to_php::table_of(&action.details)?;
            table.insert("at_ms", action.at.as_millis())?;
            Ok(table)
        });
        actions.collect()
    }
}
