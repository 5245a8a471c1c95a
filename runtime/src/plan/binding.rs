//! Which of a manifest's bindings travel with a task, with their configuration ready to be rendered.

use super::{PlanError, PlannedBinding};
use crate::expression::{Dialects, Template};
use crate::manifest::model::{Runtime, Task};

/// The bindings of a task: all of its own manifest, or of a workflow's those for the capabilities the inline task names.
pub(super) fn plan(
    runtime: &Runtime,
    manifest: Option<&str>,
    task: &Task,
    step: Option<&str>,
    path: &str,
    errors: &mut Vec<PlanError>,
) -> Vec<PlannedBinding> {
    let mut planned = Vec::new();
    for binding in &runtime.bindings {
        if manifest.is_none() && !task.capabilities.contains(&binding.capability) {
            continue;
        }
        let config = binding
            .config
            .as_ref()
            .map(|config| Template::parse_value(config, Dialects::FIELDS))
            .transpose();
        match config {
            Ok(config) => planned.push(PlannedBinding {
                capability: binding.capability.clone(),
                host: binding.host.clone(),
                service: binding.service.clone(),
                method: binding.method.clone(),
                config,
            }),
            Err(error) => errors.push(PlanError::BrokenBinding {
                step: step.map(str::to_owned),
                path: path.to_owned(),
                capability: binding.capability.clone(),
                reason: error.to_string(),
            }),
        }
    }
    planned
}
