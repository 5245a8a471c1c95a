//! Listing runs: slices of sorted sets, narrowed by the filter on the way.

use super::number::{damaged, millis, run_id};
use super::reply::Reply;
use super::run::{ALL, CHANGED, of_correlation, of_label, of_status, of_workflow, read_head};
use super::{RedisStore, script};
use crate::adapter::listing::{self, matches, position};
use crate::adapter::part::{Age, Part, parts};
use crate::port::{
    Page, RunFilter, RunHead, RunId, RunPage, RunStatus, Store as _, StoreError, Timestamp,
};

/// Runs read at a time: the server does nothing else meanwhile.
const SLICE: usize = 100;

pub(super) fn list_runs(
    store: &RedisStore,
    filter: &RunFilter,
    page: &Page,
) -> Result<RunPage, StoreError> {
    let after = match page.after {
        None => None,
        Some(run) => {
            let head = store.heads(&[run])?.pop().flatten();
            match position(run, head.map(|it| it.created_at)) {
                Some(position) => Some(position),
                None => return Ok(RunPage::default()),
            }
        }
    };
    // One more than asked for tells whether there is a next slice.
    let wanted = page.limit.saturating_add(1);
    let mut runs = Vec::new();
    for part in parts(filter) {
        runs.extend(Walk::new(filter, part, after).take(store, wanted)?);
    }
    Ok(listing::page(runs, page.limit))
}

/// Through one set, from the newest run to the oldest.
struct Walk<'a> {
    filter: &'a RunFilter,
    part: Part,
    after: Option<(Timestamp, RunId)>,
    set: String,
    from: Option<Timestamp>,
    before: Option<Timestamp>,
}

impl<'a> Walk<'a> {
    fn new(filter: &'a RunFilter, part: Part, after: Option<(Timestamp, RunId)>) -> Self {
        if part.age == Age::Ended {
            return Self {
                filter,
                part,
                after,
                set: CHANGED.to_owned(),
                from: filter.updated_from,
                before: filter.updated_before,
            };
        }
        let young = filter.updated_from.filter(|_| part.age == Age::Young);
        let old = filter.updated_from.filter(|_| part.age == Age::Live);
        // Nothing changes before it is created.
        let ends = [filter.created_before, filter.updated_before, old];
        Self {
            filter,
            part,
            after,
            set: set(filter, part.status),
            from: filter.created_from.max(young),
            before: ends.into_iter().flatten().min(),
        }
    }

    fn take(&self, store: &RedisStore, wanted: usize) -> Result<Vec<RunHead>, StoreError> {
        let by_creation = self.part.age != Age::Ended;
        let mut found = Vec::new();
        // Scores are whole milliseconds: one less is before.
        let mut highest = self
            .before
            .map_or(i64::MAX, |it| millis(it).saturating_sub(1));
        let mut below = None;
        if let Some((created_at, run)) = self.after.filter(|_| by_creation)
            && millis(created_at) <= highest
        {
            highest = millis(created_at);
            below = Some(run);
        }
        // What is in another order than that of listings is read as a whole.
        while !by_creation || found.len() < wanted {
            let slice = self.slice(store, highest, below)?;
            let Some(last) = slice.last() else { break };
            highest = millis(if by_creation {
                last.created_at
            } else {
                last.updated_at
            });
            below = Some(last.run);
            let is_last = slice.len() < SLICE;
            found.extend(slice.into_iter().filter(|head| self.wants(head)));
            if is_last {
                break;
            }
        }
        Ok(found)
    }

    fn slice(
        &self,
        store: &RedisStore,
        highest: i64,
        below: Option<RunId>,
    ) -> Result<Vec<RunHead>, StoreError> {
        let lowest = self
            .from
            .map_or("-inf".to_owned(), |it| millis(it).to_string());
        let mut call = store.server.call(&script::SLICE);
        call.arg(&self.set)
            .arg(lowest)
            .arg(highest)
            .arg(below.map(|it| it.to_string()).unwrap_or_default())
            .arg(SLICE);
        heads(store.server.run("list runs", &call)?)
    }

    fn wants(&self, head: &RunHead) -> bool {
        let old = matches!(self.part.age, Age::Ended | Age::Live);
        matches(self.filter, head)
            && self.part.status.is_none_or(|it| head.status == it)
            && self
                .after
                .is_none_or(|after| (head.created_at, head.run) < after)
            && !(old
                && self
                    .filter
                    .updated_from
                    .is_some_and(|from| head.created_at >= from))
    }
}

/// The set in which the fewest runs are looked at for nothing.
fn set(filter: &RunFilter, status: Option<RunStatus>) -> String {
    if let Some(id) = &filter.correlation_id {
        return of_correlation(id);
    }
    // Being completed is common, every other status rare.
    if let Some(status) = status.filter(|it| *it != RunStatus::Completed) {
        return of_status(status);
    }
    if let Some((label, value)) = filter.labels.iter().next() {
        return of_label(label, value);
    }
    match (&filter.workflow, status) {
        (Some(workflow), _) => of_workflow(workflow),
        (None, Some(status)) => of_status(status),
        (None, None) => ALL.to_owned(),
    }
}

/// Ids and heads in turn; runs that have gone meanwhile are left out.
pub(super) fn heads(reply: Reply) -> Result<Vec<RunHead>, StoreError> {
    let mut values = reply.list()?.into_iter();
    let mut heads = Vec::new();
    while let (Some(run), Some(record)) = (values.next(), values.next()) {
        let run = run.text()?;
        match read_head(run_id(&run)?, &record.bytes()?)? {
            Some(stamped) => heads.push(stamped.head),
            None => return Err(damaged(format!("run {run}"), "it is listed and not there")),
        }
    }
    Ok(heads)
}
