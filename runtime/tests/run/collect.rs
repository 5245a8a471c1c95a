//! The results of a loop are kept where something reads them, and counted where nothing does.

use serde_json::{Value, json};

use crate::harness::{compile, workflow};

const EACH: &str = "id: each, kind: Loop, loop: {over: [1]}, steps: [{id: a, kind: Task, inline: {capabilities: [x]}}]";

/// Whether the loops of the workflow keep their results, by step.
fn kept(spec: &str) -> Vec<(String, bool)> {
    let plan = compile(&workflow(spec)).unwrap_or_else(|errors| panic!("{spec}: {errors:#?}"));
    let plan: Value = serde_json::from_str(&plan.to_json()).unwrap();
    let nodes = plan["nodes"].as_array().unwrap().iter();
    let loops = nodes.filter_map(|node| {
        let repeat = node["action"].get("loop")?;
        let collects = repeat.get("collects").unwrap_or(&json!(false)) == &json!(true);
        Some((node["id"].as_str()?.to_owned(), collects))
    });
    loops.collect()
}

fn keeps(spec: &str) -> bool {
    let [(_, kept)] = kept(spec).try_into().unwrap();
    kept
}

/// A workflow with the loop, and a step after it that has `reads` among its fields.
fn read_by_step(reads: &str) -> String {
    format!(
        "steps:\n  - {{{EACH}}}\n  - {{id: after, kind: Task, {reads}, inline: {{capabilities: [x]}}}}"
    )
}

#[test]
fn what_nobody_reads_is_not_kept() {
    assert!(!keeps(&format!("steps: [{{{EACH}}}]")));
    for reads in [
        "input: {of: '${{ steps.other.output }}'}, depends_on: [each, other]",
        "input: {of: '${{ input.each }}'}",
    ] {
        let spec = format!(
            "{}\n  - {{id: other, kind: Task, depends_on: [each], inline: {{capabilities: [x]}}}}",
            read_by_step(reads)
        );
        assert!(!keeps(&spec), "{reads}");
    }
}

#[test]
fn a_step_that_reads_the_results_by_name_position_or_all_at_once_has_them_kept() {
    for reads in [
        "input: {of: '${{ steps.each.output }}'}",
        "input: {of: '${{ each }}'}",
        "condition: steps.each.output",
        "input: {of: '${{ steps[0].output }}'}",
        "input: {of: '${{ steps }}'}",
    ] {
        assert!(keeps(&read_by_step(reads)), "{reads}");
    }
}

#[test]
fn the_output_of_the_workflow_has_them_kept() {
    for output in [
        "output: {of: '${{ steps.each.output }}'}",
        "output: {of: '${{ each }}'}",
        "output: {of: '${{ steps[0].output }}'}",
        "output: {of: '${{ steps }}'}",
        "outputs: {type: object, properties: {each: {type: array}}}",
    ] {
        assert!(keeps(&format!("{output}\nsteps: [{{{EACH}}}]")), "{output}");
    }
    assert!(!keeps(&format!(
        "output: {{of: '${{{{ input.each }}}}'}}\nsteps: [{{{EACH}}}]"
    )));
    assert!(!keeps(&format!(
        "outputs: {{type: object, properties: {{other: {{}}}}}}\nsteps: [{{{EACH}}}]"
    )));
}

#[test]
fn a_variable_or_a_mapping_that_takes_them_has_them_kept() {
    for takes in [
        "output: {to: v}",
        "output: {fields: [v]}",
        "output_mapping: {n: '${{ output[0].index }}'}",
    ] {
        assert!(keeps(&format!("steps: [{{{EACH}, {takes}}}]")), "{takes}");
    }
}

#[test]
fn what_is_part_of_a_block_is_kept_where_the_block_is_read() {
    let around = |reads: &str| {
        kept(&format!(
            "steps:
  - {{id: around, kind: Loop, loop: {{over: [1]}}, steps: [{{{EACH}}}]}}
  - {{id: after, kind: Task, {reads}, inline: {{capabilities: [x]}}}}"
        ))
    };
    let by_name = |around, each| vec![("around".to_owned(), around), ("each".to_owned(), each)];
    assert_eq!(
        around("input: {of: '${{ steps.around.output }}'}"),
        by_name(true, true)
    );
    assert_eq!(around("input: {of: 1}"), by_name(false, false));
}
