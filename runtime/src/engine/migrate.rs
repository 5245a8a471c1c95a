//! Runs that go on with another version of their workflow.

use serde::Serialize;

use super::Engine;
use super::change::{busy, rejected};
use super::core::Core;
use super::errand::Errands;
use super::manage::OrderedBy;
use super::start::Startable;
use super::stored::{Before, prepare};
use crate::error::Error;
use crate::manifest::Kind;
use crate::plan::PlanKind;
use crate::port::{CommitOutcome, PlanHash, RunId};
use crate::run::{self, Difference};

/// Times a run that changes meanwhile is tried again.
const TRIES: u32 = 20;

/// What a migration changes, or would.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Migration {
    /// The run.
    pub run: RunId,
    /// The plan it is, or was, pinned to.
    pub from: PlanHash,
    /// The plan of the new version.
    pub to: PlanHash,
    /// What differs for this run; what stands in the way first.
    pub differences: Vec<Difference>,
    /// Whether it was carried out.
    pub migrated: bool,
}

impl Engine {
    /// Has a run go on with another version of its workflow, or says what differs when `dry`. Without `to`, that is the
    /// version the manifest roots have now.
    ///
    /// Steps that have begun stay as they are; the others are those of the new version.
    ///
    /// # Errors
    /// `OSSA-N001` when there is no such run, `OSSA-R015` when a difference stands in the way, which is said and not an error
    /// when `dry`; category manifest when there is no new version that can be run; what the store fails with.
    pub fn migrate(
        &self,
        run: RunId,
        to: Option<Startable>,
        by: OrderedBy,
        dry: bool,
    ) -> Result<Migration, Error> {
        let core = self.core();
        let backend = core.backend()?;
        let OrderedBy { by, reason } = by;
        for _ in 0..TRIES {
            let hot = core.current(run)?;
            let new = match to.clone() {
                Some(Startable::Plan(plan)) => plan,
                Some(Startable::Reference { reference, kind }) => {
                    core.library.plan(&reference, kind)?
                }
                None => {
                    let kind = match hot.plan.kind() {
                        PlanKind::Task => Kind::Task,
                        PlanKind::Workflow => Kind::Workflow,
                    };
                    core.library.plan(hot.plan.name(), Some(kind))?
                }
            };
            let mut migration = Migration {
                run,
                from: hot.plan.hash().clone(),
                to: new.hash().clone(),
                differences: run::differences(&hot.plan, &new, &hot.state),
                migrated: false,
            };
            if dry {
                return Ok(migration);
            }
            let now = core.now();
            let state = hot.state.clone();
            let transition = run::migrate(&hot.plan, &new, state, by.clone(), reason.clone(), now)
                .map_err(|rejection| rejected(run, &rejection))?;
            core.plans.keep(&new, &*backend)?;
            let prepared = prepare(&Before::of(&hot), new, transition, now)?;
            core.states.remove(&run);
            let commit = prepared.commit;
            let outcome = backend.commit(std::slice::from_ref(&commit))?;
            if outcome.first() == Some(&CommitOutcome::Committed) {
                let mut errands = Errands::new();
                Core::note_errands(&commit, &mut errands);
                core.carry_out(errands);
                migration.migrated = true;
                return Ok(migration);
            }
        }
        Err(busy(run))
    }
}
