//! Work that notes what was acknowledged, to be compared with what is there in the end.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use ossa_runtime::port::{Backend, CommitOutcome, RunId, StoreError};
use parking_lot::Mutex;

use crate::fixture::receipts;
use crate::sample::{advanced, at, created, message, run_id};

/// What the store has confirmed, and when.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    pub(crate) published: HashMap<String, Instant>,
    /// Asked for: whether it was done may not be known.
    pub(crate) acking: HashSet<String>,
    pub(crate) acked: HashMap<String, Instant>,
    pub(crate) committed: HashMap<RunId, (u64, Instant)>,
    /// Runs that were lost to the server's crash are none of ours any more.
    pub(crate) refused: usize,
}

/// Publishes, receives, acks and commits until told to stop; what the store refuses for a while is tried again.
pub(crate) fn work(
    store: &Arc<dyn Backend>,
    ledger: &Mutex<Ledger>,
    seed: u128,
    goes_on: impl Fn() -> bool,
) {
    let mut runs: Vec<_> = (0..3)
        .map(|number| created(run_id(seed << 64 | number)))
        .collect();
    while goes_on() {
        let done = turn(store.as_ref(), ledger, &mut runs);
        if let Err(error) = done {
            assert!(error.is_retryable(), "{error}");
            ledger.lock().refused += 1;
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

fn turn(
    store: &dyn Backend,
    ledger: &Mutex<Ledger>,
    runs: &mut [ossa_runtime::port::Commit],
) -> Result<(), StoreError> {
    let ids = store.publish(&vec![message("q", "m"); 3], at(0))?;
    let now = Instant::now();
    let confirmed = ids.into_iter().map(|id| (id.0, now));
    ledger.lock().published.extend(confirmed);

    let claimed = receipts(store, 2)?;
    let ids = claimed.iter().map(|it| it.id.0.clone());
    ledger.lock().acking.extend(ids);
    let acked = store.ack(&claimed)?;
    let now = Instant::now();
    for (receipt, acked) in claimed.iter().zip(acked) {
        if acked {
            ledger.lock().acked.insert(receipt.id.0.clone(), now);
        }
    }

    for commit in runs.iter_mut() {
        match store.commit(std::slice::from_ref(commit))?.remove(0) {
            CommitOutcome::Committed => {
                let version = commit.head.version.0;
                let done = (version, Instant::now());
                ledger.lock().committed.insert(commit.head.run, done);
                *commit = advanced(commit);
            }
            // What was confirmed is gone, or what was not is there: on from what is there.
            CommitOutcome::Conflict { found } => {
                commit.head.version = found.unwrap_or_default();
                *commit = match found {
                    Some(_) => advanced(commit),
                    None => created(commit.head.run),
                };
            }
            other => panic!("{other:?}"),
        }
    }
    Ok(())
}

impl Ledger {
    /// Nothing is missing that was confirmed before `until`; nothing is back that was acked before.
    pub(crate) fn compare(&self, store: &dyn Backend, until: Instant) {
        let listed = store.list_messages("q", usize::MAX).unwrap();
        let there: HashSet<_> = listed.iter().map(|it| it.receipt.id.0.as_str()).collect();
        for (id, confirmed) in &self.published {
            if *confirmed <= until && !self.acking.contains(id) {
                assert!(there.contains(id.as_str()), "message {id} is gone");
            }
        }
        for (id, confirmed) in &self.acked {
            if *confirmed <= until {
                assert!(!there.contains(id.as_str()), "message {id} is back");
            }
        }
        for (run, (version, confirmed)) in &self.committed {
            if *confirmed <= until {
                let head = store.heads(&[*run]).unwrap().remove(0).unwrap();
                assert!(head.version.0 >= *version, "run {run} lost a transition");
            }
        }
    }
}
