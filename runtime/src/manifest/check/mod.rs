//! What a manifest means: ids, references between steps, order, names.

mod index;
mod names;
mod order;
mod references;

use super::model::{Body, Manifest};
use super::reader::Report;

use index::Index;

/// Checks what the model says as a whole. Findings carry JSON paths; their places in the file are found later.
pub(super) fn check(manifest: &Manifest, report: &Report) {
    match &manifest.body {
        Body::Workflow(workflow) if workflow.foreign.is_none() => {
            let index = Index::of(&workflow.steps, &workflow.compensation);
            index::unique(&index, report);
            references::check(&index, workflow, report);
            order::check(&index, report);
            names::check(workflow, report);
        }
        Body::Task(task) if !task.steps.is_empty() => {
            let index = Index::of(&task.steps, &[]);
            index::unique(&index, report);
            references::steps(&index, report);
            order::check(&index, report);
        }
        _ => {}
    }
}
