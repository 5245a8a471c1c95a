//! Runs of a concurrency group: created, they wait until they have a slot.
//!
//! Which runs have one is recorded outside of all of them, where an errand of each brings the record in line with the
//! run whenever the run begins or ceases to want a slot. The record is a cache: what the runs say counts.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::errand::Errand;
use super::event::Event;
use super::input::Start;
use super::machine::Machine;
use super::names::Names;
use super::state::RunState;
use super::transition::{Answer, Rejection};
use crate::plan::Plan;
use crate::policy::{Member, Standing};
use crate::port::RunStatus;

/// Label of a run in a concurrency group: the group's name, shortened if it is long.
pub const GROUP_LABEL: &str = "ossa.group";
/// The longest name of a group, in characters.
pub const MAX_GROUP_NAME: usize = 200;
/// The longest value of a label, in characters.
const LONGEST_LABEL: usize = 63;
/// A run that waits looks after its place so often at first, should whoever had the slot be gone without a word.
const FIRST_LOOK: Duration = Duration::from_secs(60);
/// How often it looks in the end.
const LAST_LOOK: Duration = Duration::from_secs(3600);

/// The group of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupState {
    /// Its name.
    pub name: String,
    /// The record of the group is to be brought in line with the run.
    #[serde(default)]
    pub(super) due: bool,
    /// How often the run has looked after its place.
    #[serde(default)]
    looks: u32,
}

impl GroupState {
    pub(super) const fn new(name: String) -> Self {
        Self {
            name,
            due: true,
            looks: 0,
        }
    }

    pub(super) const fn noted(&mut self, waits: bool) {
        self.due = waits;
        self.looks = if waits {
            self.looks.saturating_add(1)
        } else {
            0
        };
    }
}

/// The group of a run to be created, if it has one.
pub(super) fn name(
    plan: &Plan,
    start: &Start,
    names: &Names<'_>,
) -> Result<Option<String>, Rejection> {
    let Some(concurrency) = plan.concurrency() else {
        return Ok(None);
    };
    let invalid = |reason: String| Rejection::Variable {
        workflow: plan.name().to_owned(),
        variable: "concurrency.group".to_owned(),
        reason,
    };
    let value = concurrency
        .group
        .render(names)
        .map_err(|error| invalid(error.to_string()))?;
    let name = match value {
        Value::Null | Value::Bool(false) => return Ok(None),
        Value::String(name) if name.is_empty() => return Ok(None),
        Value::String(name) => name,
        Value::Number(number) => number.to_string(),
        Value::Bool(true) => "true".to_owned(),
        Value::Array(_) | Value::Object(_) => {
            return Err(invalid("it is no text".to_owned()));
        }
    };
    if name.chars().count() > MAX_GROUP_NAME {
        let reason = format!("it is longer than {MAX_GROUP_NAME} characters");
        return Err(invalid(reason));
    }
    if start.groups.contains(&name) {
        return Err(Rejection::GroupOfParent {
            workflow: plan.name().to_owned(),
            group: name,
        });
    }
    Ok(Some(name))
}

/// What a run of a group is found by.
#[must_use]
pub fn group_label(name: &str) -> String {
    if name.chars().count() <= LONGEST_LABEL {
        return name.to_owned();
    }
    let digest = Sha256::digest(name);
    let digest: String = digest
        .iter()
        .take(8)
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let kept = LONGEST_LABEL - digest.len() - 1;
    name.chars()
        .take(kept)
        .chain(['~'])
        .chain(digest.chars())
        .collect()
}

impl Machine<'_> {
    /// The run has a slot: it begins.
    pub(super) fn admit(&mut self) -> Result<Answer, Rejection> {
        if self.status() != RunStatus::Pending {
            return Ok(Answer::Ignored);
        }
        self.done_with(Errand::Group(self.state.run()));
        self.begin_run()?;
        Ok(Answer::Applied {
            status: self.status(),
        })
    }

    /// The record of the group says what the run says.
    pub(super) fn group_noted(&mut self, ahead: u32) -> Result<Answer, Rejection> {
        let group = self.state.group.as_ref().filter(|group| group.due);
        let Some(looks) = group.map(|group| group.looks) else {
            return Ok(Answer::Ignored);
        };
        let errand = Errand::Group(self.state.run());
        if self.status() == RunStatus::Pending {
            let wait = FIRST_LOOK
                .saturating_mul(2_u32.saturating_pow(looks))
                .min(LAST_LOOK);
            self.send_on(errand, self.now.after(wait));
        } else {
            self.done_with(errand);
        }
        self.record(Event::GroupNoted { ahead })?;
        Ok(Answer::Applied {
            status: self.status(),
        })
    }

    /// What begins or ends a run concerns its group.
    pub(super) fn concern_group(&mut self, event: &Event) {
        let concerns = event.ends_run() || matches!(event, Event::RunReopened);
        if concerns && self.state.group.is_some() {
            self.send_on(Errand::Group(self.state.run()), self.now);
        }
    }
}

impl RunState {
    /// Its concurrency group.
    #[must_use]
    pub const fn group(&self) -> Option<&GroupState> {
        self.group.as_ref()
    }

    /// How it stands in its group.
    #[must_use]
    pub fn member(&self, plan: &Plan) -> Option<(&str, Member, Standing)> {
        let group = self.group.as_ref()?;
        let concurrency = plan.concurrency();
        let standing = match self.status {
            RunStatus::Pending => Standing::Waiting,
            status if status.is_terminal() => Standing::Ended,
            _ => Standing::Holding,
        };
        let member = Member {
            run: self.run(),
            at: self.created_at,
            limit: concurrency.map_or(1, |it| it.limit),
            supersedes: concurrency.is_some_and(|it| it.cancel_in_progress),
        };
        Some((&group.name, member, standing))
    }

    /// As [`member`](Self::member), when the record of the group is to be brought in line.
    #[must_use]
    pub fn member_to_note(&self, plan: &Plan) -> Option<(&str, Member, Standing)> {
        self.group.as_ref().filter(|group| group.due)?;
        self.member(plan)
    }
}
