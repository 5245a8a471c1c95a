//! All steps of a manifest, flat, each with the block it stands in.

use std::collections::HashMap;

use super::super::code;
use super::super::diagnostic::{Diagnostic, Severity};
use super::super::model::{Step, StepAction, StepErrorAction};
use super::super::reader::Report;

/// Position of a step among all steps.
pub(super) type StepId = usize;
/// Position of a list of steps among all lists.
pub(super) type ListId = usize;

/// The steps of a manifest.
#[derive(Default)]
pub(super) struct Index<'m> {
    pub(super) steps: Vec<Entry<'m>>,
    pub(super) lists: Vec<List>,
    by_id: HashMap<&'m str, StepId>,
}

/// A step and where it stands.
pub(super) struct Entry<'m> {
    pub(super) step: &'m Step,
    pub(super) list: ListId,
    /// Position in the list.
    pub(super) position: usize,
}

/// Steps side by side.
pub(super) struct List {
    /// The block they belong to.
    pub(super) owner: Option<StepId>,
    pub(super) kind: ListKind,
    pub(super) steps: Vec<StepId>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ListKind {
    /// Each waits for the one before it unless it says otherwise.
    Sequence,
    /// None waits for another unless it says so.
    Parallel,
    /// Runs after something has failed; nothing of the ordinary order applies.
    Undo,
}

impl<'m> Index<'m> {
    pub(super) fn of(steps: &'m [Step], compensation: &'m [Step]) -> Self {
        let mut index = Self::default();
        index.add(steps, None, ListKind::Sequence);
        index.add(compensation, None, ListKind::Undo);
        index
    }

    fn add(&mut self, steps: &'m [Step], owner: Option<StepId>, kind: ListKind) {
        let list = self.lists.len();
        self.lists.push(List {
            owner,
            kind,
            steps: Vec::with_capacity(steps.len()),
        });
        for (position, step) in steps.iter().enumerate() {
            let id = self.steps.len();
            self.steps.push(Entry {
                step,
                list,
                position,
            });
            if let Some(list) = self.lists.get_mut(list) {
                list.steps.push(id);
            }
            self.by_id.entry(&step.id).or_insert(id);
            self.add_inner(step, id);
            if let Some(StepErrorAction::Compensate(undo)) = &step.on_error {
                self.add(std::slice::from_ref(undo), Some(id), ListKind::Undo);
            }
        }
    }

    fn add_inner(&mut self, step: &'m Step, id: StepId) {
        match &step.action {
            StepAction::Parallel(steps) => self.add(steps, Some(id), ListKind::Parallel),
            StepAction::Conditional {
                branches,
                otherwise,
            } => {
                for branch in branches {
                    self.add(&branch.steps, Some(id), ListKind::Sequence);
                }
                self.add(otherwise, Some(id), ListKind::Sequence);
            }
            StepAction::Loop(repeat) => self.add(&repeat.steps, Some(id), ListKind::Sequence),
            StepAction::Inline(task) => self.add(&task.steps, Some(id), ListKind::Sequence),
            StepAction::Call(_) | StepAction::Agent { .. } | StepAction::Approval(_) => {}
        }
    }

    pub(super) fn find(&self, id: &str) -> Option<StepId> {
        self.by_id.get(id).copied()
    }

    /// The ids of all steps, in document order.
    pub(super) fn ids(&self) -> Vec<&'m str> {
        self.steps
            .iter()
            .map(|entry| entry.step.id.as_str())
            .collect()
    }

    pub(super) fn list_of(&self, step: StepId) -> Option<&List> {
        self.steps
            .get(step)
            .and_then(|entry| self.lists.get(entry.list))
    }

    /// The step and the blocks around it, innermost first.
    pub(super) fn around(&self, step: StepId) -> impl Iterator<Item = StepId> + '_ {
        std::iter::successors(Some(step), |step| self.list_of(*step)?.owner)
    }

    /// Whether the step runs only after something has failed.
    pub(super) fn is_undo(&self, step: StepId) -> bool {
        self.around(step).any(|step| {
            self.list_of(step)
                .is_some_and(|list| list.kind == ListKind::Undo)
        })
    }
}

/// Ids are unique in the whole manifest, inner steps and compensation included: a run tells steps apart by them.
pub(super) fn unique(index: &Index<'_>, report: &Report) {
    for (position, entry) in index.steps.iter().enumerate() {
        let step = entry.step;
        let Some(first) = index.find(&step.id).filter(|first| *first != position) else {
            continue;
        };
        let first = index
            .steps
            .get(first)
            .map_or("", |entry| entry.step.path.as_str());
        report.push(
            Diagnostic::new(
                code::DUPLICATE_STEP,
                Severity::Error,
                format!("`{}` is the id of two steps, here and at {first}", step.id),
            )
            .with_help("give each step of the document an id of its own")
            .at_path(format!("{}.id", step.path)),
        );
    }
}
