//! Other spellings and dialects: each gives the same model as what OSSA writes, and a warning where the author should
//! change something.

mod messaging;
mod step;
mod task;
mod workflow;

use crate::{codes, lenient, manifest, steps, task, workflow};

/// Asserts that both texts mean the same, that the first earns these warnings, and the second none.
#[track_caller]
pub(super) fn same(dialect: &str, proper: &str, warnings: &[&str]) {
    // Steps know where they stand in the document, which is what may differ.
    let body = |text: &str| {
        let body = format!("{:#?}", manifest(text).body);
        let lines = body
            .lines()
            .filter(|line| !line.trim_start().starts_with("path: "));
        lines.collect::<Vec<_>>().join("\n")
    };
    assert_eq!(body(dialect), body(proper), "\n{dialect}\n{proper}");
    assert_eq!(codes(&lenient(dialect)), warnings, "\n{dialect}");
    assert_eq!(codes(&lenient(proper)), [""; 0], "\n{proper}");
}

/// As [`same`], of two fields of one step.
#[track_caller]
pub(super) fn same_step(dialect: &str, proper: &str, warnings: &[&str]) {
    let with = |fields: &str| steps(&format!("- {{id: first, ref: x}}\n- {{id: a, {fields}}}"));
    same(&with(dialect), &with(proper), warnings);
}

/// As [`same`], of fields of a task beside what is called.
#[track_caller]
pub(super) fn same_task(dialect: &str, proper: &str, warnings: &[&str]) {
    let with = |fields: &str| task(&format!("execution: {{entrypoint: e}}\n{fields}"));
    same(&with(dialect), &with(proper), warnings);
}

/// As [`same`], of fields of a workflow beside its steps.
#[track_caller]
pub(super) fn same_workflow(dialect: &str, proper: &str, warnings: &[&str]) {
    let with = |fields: &str| workflow(&format!("steps: [{{id: a, ref: x}}]\n{fields}"));
    same(&with(dialect), &with(proper), warnings);
}
