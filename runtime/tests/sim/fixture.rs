//! Workflows to simulate.

use std::collections::BTreeMap;
use std::sync::Arc;

use ossa_runtime::manifest::model::{Manifest, Reference};
use ossa_runtime::manifest::{self, Options};
use ossa_runtime::plan::{Plan, Resolver, Unresolved};
use ossa_runtime::sim::{Report, Scenario};

/// How many times as many runs are simulated as usually: `OSSA_SIM_SCALE=1000` for a night.
pub(crate) fn scaled(runs: u64) -> u64 {
    let scale = std::env::var("OSSA_SIM_SCALE").ok();
    let scale = scale.map_or(1, |text| text.parse().expect("OSSA_SIM_SCALE is a number"));
    runs.saturating_mul(scale)
}

/// Manifests by name.
struct Shelf(BTreeMap<String, Arc<Manifest>>);

impl Resolver for Shelf {
    fn resolve(&self, reference: &Reference, _: &Manifest) -> Result<Arc<Manifest>, Unresolved> {
        self.0.get(&reference.0).cloned().ok_or_else(|| Unresolved {
            reason: "not on the shelf".to_owned(),
        })
    }
}

/// The first manifest of a text; the others may be referred to by name.
pub(crate) fn compile(text: &str) -> Arc<Plan> {
    let loaded = manifest::load_str(text, &Options::default());
    let errors: Vec<_> = loaded.diagnostics().filter(|d| d.is_error()).collect();
    assert!(errors.is_empty(), "{errors:#?}\n{text}");
    let all: Vec<_> = loaded.manifests().cloned().collect();
    let named = all.iter().map(|m| (m.metadata.name.clone(), m.clone()));
    let plan = Plan::compile(&all[0], &Shelf(named.collect()));
    Arc::new(plan.unwrap_or_else(|errors| panic!("{errors:#?}\n{text}")))
}

/// A scenario of a workflow `demo` with this `spec`.
pub(crate) fn scenario(spec: &str) -> Scenario {
    let spec: String = spec.lines().map(|line| format!("  {line}\n")).collect();
    Scenario::of(compile(&format!(
        "apiVersion: ossa/v0.3.0\nkind: Workflow\nmetadata: {{name: demo}}\nspec:\n{spec}{FAMILY}"
    )))
}

/// Workflows for the steps of a scenario to run: `child`, which undoes what it did, and runs `grandchild`, of which one goes
/// on at a time; and `newest`, of which older runs give way.
const FAMILY: &str = "---
apiVersion: ossa/v0.3.0
kind: Workflow
metadata: {name: child}
spec:
  error_handling: {on_failure: compensate, compensation_steps: [{id: cu, inline: {capabilities: [x]}}]}
  steps:
    - {id: c0, inline: {capabilities: [x]}, retry: {max_attempts: 2}}
    - {id: c1, depends_on: [], ref: grandchild, close_policy: abort, timeout_seconds: 60}
---
apiVersion: ossa/v0.3.0
kind: Workflow
metadata: {name: newest}
spec:
  concurrency: {group: newest, limit: 2, cancel_in_progress: true}
  steps: [{id: n0, inline: {capabilities: [x]}}]
---
apiVersion: ossa/v0.3.0
kind: Workflow
metadata: {name: grandchild}
spec:
  concurrency: {group: one-at-a-time}
  timeout_seconds: 600
  steps: [{id: g0, inline: {capabilities: [x]}}]
";

/// A workflow that has something of everything: order, branches side by side, data, a condition, retries, a fallback, a
/// step whose failure is ignored, one that nobody waits for, a deadline.
pub(crate) const ORDER: &str = "apiVersion: ossa/v0.3.0
kind: Workflow
metadata: {name: order, version: 1.0.0}
spec:
  timeout_seconds: 86400
  inputs: {type: object, required: [order], properties: {order: {type: integer, minimum: 1}, gift: {type: boolean}}}
  outputs: {type: object, properties: {receipt: {type: string}}}
  steps:
    - id: reserve
      kind: Task
      retry: {max_attempts: 5, initial_delay_ms: 1000}
      inline:
        execution: {type: idempotent, entrypoint: reserve}
        output: {type: object, required: [items], properties: {items: {type: array, minItems: 1, items: {type: string}}}}
      input: {order: '${{ workflow.input.order }}'}
    - id: charge
      kind: Task
      depends_on: [reserve]
      retry: {max_attempts: 5, initial_delay_ms: 1000}
      inline:
        execution: {type: transactional, entrypoint: charge}
        output: {type: object, required: [receipt], properties: {receipt: {type: string, minLength: 4}}}
      input: {items: '${{ steps.reserve.output.items }}'}
    - id: wrap
      kind: Task
      depends_on: [reserve]
      condition: workflow.input.gift
      continue_on_error: true
      inline: {execution: {type: idempotent, entrypoint: wrap}}
    - id: ship
      kind: Task
      depends_on: [charge, wrap]
      ref: ship
    - id: tell
      kind: Task
      depends_on: [ship]
      async: true
      inline: {execution: {type: idempotent, entrypoint: tell}}
---
apiVersion: ossa/v0.3.0
kind: Task
metadata: {name: ship}
spec:
  execution: {type: idempotent, entrypoint: ship, timeout_seconds: 60}
  error_handling: {on_error: fallback, fallback_task: collect, retry: {max_attempts: 3}}
---
apiVersion: ossa/v0.3.0
kind: Task
metadata: {name: collect}
spec: {execution: {type: idempotent, entrypoint: collect}}
";

/// A report without breaches and without stuck runs, or a test that fails with what is wrong.
pub(crate) fn sound(report: Report) -> Report {
    assert!(report.breaches.is_empty(), "{:#?}", report.breaches);
    assert!(report.stuck.is_empty(), "{:#?}", report.stuck);
    report
}
