//! Plans of runs in flight, by hash.

use std::num::NonZeroUsize;
use std::sync::Arc;

use lru::LruCache;
use parking_lot::Mutex;

use crate::error::{Category, Error, code};
use crate::plan::Plan;
use crate::port::{PlanHash, Store};

/// Plans kept at hand; others are read from the store again.
const KEPT: NonZeroUsize = NonZeroUsize::new(256).expect("256 is not zero");

pub(super) struct Plans {
    by_hash: Mutex<LruCache<PlanHash, Arc<Plan>>>,
}

impl Plans {
    pub(super) fn new() -> Self {
        Self {
            by_hash: Mutex::new(LruCache::new(KEPT)),
        }
    }

    /// The plan a run is pinned to.
    pub(super) fn of_hash(&self, hash: &PlanHash, store: &dyn Store) -> Result<Arc<Plan>, Error> {
        if let Some(plan) = self.by_hash.lock().get(hash) {
            return Ok(Arc::clone(plan));
        }
        let json = store
            .load_plan(hash)?
            .ok_or_else(|| unreadable(hash, "the store does not have it"))?;
        let plan = Plan::from_json(&json).map_err(|error| unreadable(hash, &error.to_string()))?;
        if plan.hash() != hash {
            return Err(unreadable(hash, "its content has another hash"));
        }
        let plan = Arc::new(plan);
        self.remember(&plan, store);
        Ok(plan)
    }

    /// Has the store keep a plan before the first run refers to it.
    pub(super) fn keep(&self, plan: &Arc<Plan>, store: &dyn Store) -> Result<(), Error> {
        if self.by_hash.lock().get(plan.hash()).is_some() {
            return Ok(());
        }
        store.save_plan(plan.hash(), &plan.to_json())?;
        self.remember(plan, store);
        Ok(())
    }

    /// A plan at hand is one that the store has for good.
    fn remember(&self, plan: &Arc<Plan>, store: &dyn Store) {
        if !store.is_provisional() {
            self.by_hash
                .lock()
                .put(plan.hash().clone(), Arc::clone(plan));
        }
    }

    pub(super) fn clear(&self) {
        self.by_hash.lock().clear();
    }
}

fn unreadable(hash: &PlanHash, reason: &str) -> Error {
    let message = format!("plan {hash} cannot be read: {reason}");
    Error::new(Category::Store, code::PLAN_UNREADABLE, message)
}
