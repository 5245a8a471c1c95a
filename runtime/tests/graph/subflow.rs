//! Steps that run a workflow.

use ossa_runtime::graph::{Format, Graph, State};

use crate::plan;

/// An order whose money is a workflow of its own, behind a step of another name and one of the same.
pub(crate) const ORDER: &str = "apiVersion: ossa/v0.3.0
kind: Workflow
metadata: {name: order, version: 1.2.0}
spec:
  steps:
    - {id: pick, inline: {capabilities: [pick]}}
    - {id: money, ref: settle}
    - {id: settle, ref: settle, condition: steps.money.output.rest}
---
apiVersion: ossa/v0.3.0
kind: Workflow
metadata: {name: settle}
spec: {steps: [{id: charge, inline: {capabilities: [charge]}}]}
";

#[test]
fn a_step_that_runs_a_workflow_is_one_box_with_the_name_of_that_workflow() {
    let drawn = Graph::of(&plan(ORDER));
    assert_eq!(
        drawn.draw(Format::Text),
        "order 1.2.0
1  pick
2  money   workflow settle; after pick
3  settle  workflow settle; if steps.money.output.rest; after money
"
    );
    assert_eq!(
        drawn.draw(Format::Mermaid),
        "flowchart TD
  n0[\"pick\"]
  n1[\"money<br/>workflow settle\"]
  n2[\"settle<br/>workflow settle<br/>if steps.money.output.rest\"]
  n0 --> n1
  n1 --> n2
"
    );
    // A picture says it once more to who points at the box.
    for (format, times) in [(Format::Dot, 2), (Format::Svg, 4)] {
        let drawn = drawn.draw(format);
        assert_eq!(drawn.matches("workflow settle").count(), times, "{drawn}");
        assert!(
            !drawn.contains("charge"),
            "the child has a drawing of its own"
        );
    }
}

#[test]
fn in_a_run_the_box_has_the_state_of_the_step_and_that_of_the_child() {
    let plan = plan(ORDER);
    let money = plan.find("money").unwrap();
    let run = "0199f1c2-7c44-7bb1-9a7e-0a52b3c1d4e5";
    let drawn = Graph::of(&plan)
        .with_states([(money, State::of_status("running"))])
        .with_children([
            (money, "an older one".to_owned()),
            (money, format!("run {run}: waiting")),
        ]);
    for format in [Format::Text, Format::Mermaid, Format::Dot, Format::Svg] {
        let drawn = drawn.draw(format);
        assert!(drawn.contains(&format!("run {run}: waiting")), "{drawn}");
        assert!(!drawn.contains("older"), "{drawn}");
    }
    let text = drawn.draw(Format::Text);
    let line = text.lines().find(|line| line.contains("money")).unwrap();
    assert!(line.contains("active"), "{line}");
}
