//! Plans drawn, through the public face of `graph` and through `ossa graph`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

#[cfg(feature = "cli")]
mod command;
mod escape;
mod formats;
mod picture;
mod subflow;
mod waits;

use std::sync::Arc;

use ossa_runtime::graph::Graph;
use ossa_runtime::manifest::model::{Manifest, Reference};
use ossa_runtime::manifest::{Options, load_str};
use ossa_runtime::plan::{Plan, Resolver, Unresolved};
use serde_json::{Value, json};

struct Shelf(Vec<Arc<Manifest>>);

impl Resolver for Shelf {
    fn resolve(&self, reference: &Reference, _: &Manifest) -> Result<Arc<Manifest>, Unresolved> {
        let found = self.0.iter().find(|it| it.metadata.name == reference.0);
        found.cloned().ok_or_else(|| Unresolved {
            reason: "it is not among the documents".to_owned(),
        })
    }
}

/// The plan of the first document; the others may be referred to by name.
pub(crate) fn plan(manifest: &str) -> Plan {
    let loaded = load_str(manifest, &Options::default());
    let found: Vec<_> = loaded.diagnostics().collect();
    let shelf = Shelf(loaded.manifests().cloned().collect());
    let manifest = shelf.0.first();
    let manifest = manifest.unwrap_or_else(|| panic!("{found:#?}"));
    Plan::compile(manifest, &shelf).unwrap_or_else(|errors| panic!("{errors:#?}"))
}

/// The graph of a workflow with these steps.
pub(crate) fn graph(steps: &Value) -> Graph {
    Graph::of(&plan(&workflow(steps)))
}

pub(crate) fn workflow(steps: &Value) -> String {
    json!({
        "apiVersion": "ossa/v0.3.0",
        "kind": "Workflow",
        "metadata": {"name": "order", "version": "1.2.0"},
        "spec": {"steps": steps},
    })
    .to_string()
}

/// A workflow with a choice, a block side by side in it, and a step beside both.
pub(crate) fn blocks() -> Value {
    let call =
        |id: &str| json!({"id": id, "inline": {"execution": {"entrypoint": format!("app.{id}")}}});
    json!([
        call("read"),
        {
            "id": "choose",
            "kind": "Conditional",
            "branches": [
                {"condition": "steps.read.output.size > 10", "steps": [call("split"), call("join")]},
            ],
            "else": [{"id": "both", "kind": "Parallel", "parallel": [call("left"), call("right")]}],
        },
        {"id": "note", "name": "Note it", "depends_on": ["read"], "async": true, "condition": "input.note"},
        {"id": "write", "depends_on": ["choose", "note"]},
    ])
}
