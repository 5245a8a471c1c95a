//! What each format looks like.

use ossa_runtime::graph::{Format, Graph, State};
use ossa_runtime::plan::NodeId;
use serde_json::json;

use crate::{blocks, graph, plan};

#[test]
fn text_has_a_line_a_step_with_its_rank_and_what_it_waits_for() {
    insta::assert_snapshot!("text", graph(&blocks()).draw(Format::Text));
}

#[test]
fn mermaid_has_a_subgraph_for_each_block() {
    insta::assert_snapshot!("mermaid", graph(&blocks()).draw(Format::Mermaid));
}

#[test]
fn dot_has_a_cluster_for_each_block() {
    insta::assert_snapshot!("dot", graph(&blocks()).draw(Format::Dot));
}

#[test]
fn svg_has_a_box_a_step_and_a_line_a_wait() {
    insta::assert_snapshot!("svg", graph(&blocks()).draw(Format::Svg));
}

#[test]
fn the_states_of_a_run_colour_its_steps() {
    let plan = plan(&crate::workflow(&blocks()));
    let state = |step, status| (plan.find(step).unwrap(), State::of_status(status));
    let drawn = Graph::of(&plan).with_states([
        state("read", "completed"),
        state("choose", "running"),
        state("split", "retrying"),
        state("both", "skipped"),
        state("note", "failed"),
        // A step that is not of this plan changes nothing.
        (NodeId(99), State::Failed),
    ]);
    insta::assert_snapshot!("text_of_a_run", drawn.draw(Format::Text));
    let mermaid = drawn.draw(Format::Mermaid);
    let classes: Vec<_> = mermaid
        .lines()
        .filter(|line| line.starts_with("  class "))
        .collect();
    insta::assert_snapshot!("mermaid_classes_of_a_run", classes.join("\n"));
    for format in [Format::Dot, Format::Svg] {
        let drawn = drawn.draw(format);
        for colour in ["#dcfce7", "#dbeafe", "#fee2e2", "#f3f4f6"] {
            assert!(drawn.contains(colour), "{colour} in {format:?}");
        }
    }
}

#[test]
fn a_task_on_its_own_is_a_single_step() {
    let plan = plan(
        "apiVersion: ossa/v0.3.0\nkind: Task\nmetadata: {name: send}\nspec: {capabilities: [mail, log]}\n",
    );
    assert_eq!(
        Graph::of(&plan).draw(Format::Text),
        "send\n1  send  mail, log\n"
    );
}

#[test]
fn a_step_that_waits_says_who_or_what_answers_it() {
    let plan = plan(&crate::workflow(&json!([
        {"id": "ask", "inline": {"execution": {"type": "human"}}},
        {"id": "sign", "type": "approval"},
        {"id": "paid", "inline": {"execution": {"type": "event_wait", "event": {"type": "payment"}}}},
    ])));
    assert_eq!(
        Graph::of(&plan).draw(Format::Text),
        "order 1.2.0\n1  ask   human\n2  sign  approval; after ask\n3  paid  event payment; after sign\n"
    );
}

#[test]
fn a_human_task_on_its_own_is_a_single_step_that_waits() {
    let plan = plan(
        "apiVersion: ossa/v0.3.0\nkind: Task\nmetadata: {name: budget}\nspec: {execution: {type: human}}\n",
    );
    let waiting = [(NodeId(0), State::of_status("waiting"))];
    assert_eq!(
        Graph::of(&plan).with_states(waiting).draw(Format::Text),
        "budget\n1  budget  active  human\n"
    );
}
