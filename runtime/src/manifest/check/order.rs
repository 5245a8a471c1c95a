//! No step waits for itself, whichever way round.
//!
//! Steps wait for those they depend on: by `depends_on`, by standing after another, or by using its output. A wait between
//! steps of different blocks is a wait between the outermost blocks that differ.

use std::collections::HashMap;

use super::super::code;
use super::super::diagnostic::{Diagnostic, Severity};
use super::super::reader::Report;
use super::index::{Index, ListKind, StepId};
use super::references;

/// Why a step waits for another.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reason {
    /// `depends_on`
    Said,
    /// It stands before.
    Order,
    /// An expression uses its output.
    Data,
}

struct Wait {
    on: StepId,
    reason: Reason,
}

/// Where two steps of the manifest part.
enum Meeting {
    /// These two stand in one list.
    Siblings(StepId, StepId),
    /// One is a block around the other.
    Around,
    /// They stand in different branches of one block.
    Branches,
}

/// Reports steps that can never run because of whom they wait for.
pub(super) fn check(index: &Index<'_>, report: &Report) {
    let mut waits: HashMap<StepId, Vec<Wait>> = HashMap::new();
    for (step, entry) in index.steps.iter().enumerate() {
        if index.is_undo(step) {
            continue;
        }
        match &entry.step.depends_on {
            Some(targets) => {
                for (position, target) in targets.iter().enumerate() {
                    if let Some(target) = index.find(target) {
                        said(index, step, target, position, &mut waits, report);
                    }
                }
            }
            None => {
                let list = index
                    .list_of(step)
                    .filter(|list| list.kind == ListKind::Sequence);
                let before = entry
                    .position
                    .checked_sub(1)
                    .and_then(|before| list?.steps.get(before).copied());
                if let Some(before) = before {
                    waits.entry(step).or_default().push(Wait {
                        on: before,
                        reason: Reason::Order,
                    });
                }
            }
        }
        data(index, step, &mut waits, report);
    }
    cycles(index, &waits, report);
}

fn said(
    index: &Index<'_>,
    step: StepId,
    target: StepId,
    position: usize,
    waits: &mut HashMap<StepId, Vec<Wait>>,
    report: &Report,
) {
    let path = || format!("{}.depends_on[{position}]", path_of(index, step));
    let (from, to) = (id_of(index, step), id_of(index, target));
    if index.is_undo(target) {
        let message =
            format!("`{from}` depends on `{to}`, which runs only after something has failed");
        report.push(Diagnostic::new(code::CYCLE, Severity::Error, message).at_path(path()));
        return;
    }
    match meeting(index, step, target) {
        Meeting::Siblings(step, target) => waits.entry(step).or_default().push(Wait {
            on: target,
            reason: Reason::Said,
        }),
        Meeting::Around => {
            let message = if step == target {
                format!("`{from}` depends on itself")
            } else {
                format!("`{from}` depends on `{to}`, and one of them is the block around the other")
            };
            report.push(Diagnostic::new(code::CYCLE, Severity::Error, message).at_path(path()));
        }
        Meeting::Branches => {
            let message = format!("`{from}` depends on `{to}`, which stands in another branch");
            report.push(
                Diagnostic::new(code::CYCLE, Severity::Error, message)
                    .with_help("only one branch runs; depend on a step before the block")
                    .at_path(path()),
            );
        }
    }
}

fn data(index: &Index<'_>, step: StepId, waits: &mut HashMap<StepId, Vec<Wait>>, report: &Report) {
    let Some(entry) = index.steps.get(step) else {
        return;
    };
    for (field, references) in references::fields(entry.step) {
        let by_position = references.step_positions.iter();
        let main = index.lists.first();
        let targets = references
            .steps
            .iter()
            .filter_map(|id| index.find(id))
            .chain(by_position.filter_map(|position| main?.steps.get(*position).copied()));
        for target in targets.filter(|target| !index.is_undo(*target)) {
            if target == step {
                // Its own output is there when it is mapped, and not before.
                if !field.starts_with(".output_mapping") {
                    report.push(
                        Diagnostic::new(
                            code::CYCLE,
                            Severity::Error,
                            format!("`{}` needs its own output before it runs", entry.step.id),
                        )
                        .at_path(format!("{}{field}", entry.step.path)),
                    );
                }
                continue;
            }
            // A block around the step, or another branch, has no output yet: the expression sees null.
            if let Meeting::Siblings(from, on) = meeting(index, step, target) {
                waits.entry(from).or_default().push(Wait {
                    on,
                    reason: Reason::Data,
                });
            }
        }
    }
}

fn meeting(index: &Index<'_>, step: StepId, target: StepId) -> Meeting {
    let mut outer: Vec<StepId> = index.around(step).collect();
    let mut other: Vec<StepId> = index.around(target).collect();
    // Leave the blocks they share.
    while let (Some(left), Some(right)) = (outer.last(), other.last()) {
        if left != right {
            break;
        }
        outer.pop();
        other.pop();
    }
    match (outer.last(), other.last()) {
        (Some(left), Some(right)) => {
            let list = |step: &StepId| index.steps.get(*step).map(|entry| entry.list);
            if list(left) == list(right) {
                Meeting::Siblings(*left, *right)
            } else {
                Meeting::Branches
            }
        }
        _ => Meeting::Around,
    }
}

/// Reports each ring of waits once, at the step of it that comes first.
fn cycles(index: &Index<'_>, waits: &HashMap<StepId, Vec<Wait>>, report: &Report) {
    #[derive(Clone, Copy, PartialEq, Eq)]
    enum State {
        New,
        Open,
        Done,
    }
    let mut states = vec![State::New; index.steps.len()];
    let set = |states: &mut Vec<State>, step: StepId, state| {
        if let Some(slot) = states.get_mut(step) {
            *slot = state;
        }
    };
    for start in 0..index.steps.len() {
        if states.get(start) != Some(&State::New) {
            continue;
        }
        // The way so far: each step with the number of its waits that have been followed.
        let mut way: Vec<(StepId, usize)> = vec![(start, 0)];
        set(&mut states, start, State::Open);
        while let Some((step, followed)) = way.last_mut() {
            let step = *step;
            let next = waits.get(&step).and_then(|waits| waits.get(*followed));
            *followed += 1;
            let Some(wait) = next else {
                set(&mut states, step, State::Done);
                way.pop();
                continue;
            };
            match states.get(wait.on) {
                Some(State::New) => {
                    set(&mut states, wait.on, State::Open);
                    way.push((wait.on, 0));
                }
                Some(State::Open) if !report.is_full(Severity::Error) => {
                    let from = way
                        .iter()
                        .position(|(step, _)| *step == wait.on)
                        .unwrap_or(0);
                    let ring: Vec<StepId> = way.iter().skip(from).map(|(step, _)| *step).collect();
                    report.push(ring_found(index, waits, &ring));
                }
                _ => {}
            }
        }
    }
}

fn ring_found(
    index: &Index<'_>,
    waits: &HashMap<StepId, Vec<Wait>>,
    ring: &[StepId],
) -> Diagnostic {
    const SHOWN: usize = 8;
    let start = ring
        .iter()
        .enumerate()
        .min_by_key(|(_, step)| **step)
        .map_or(0, |(start, _)| start);
    let turned = || ring.iter().cycle().skip(start).take(ring.len());
    let first = turned().next().copied().unwrap_or_default();
    let mut names: Vec<String> = turned()
        .take(SHOWN)
        .map(|step| format!("`{}`", id_of(index, *step)))
        .collect();
    if ring.len() > SHOWN {
        names.push("…".to_owned());
    }
    names.push(format!("`{}`", id_of(index, first)));
    let because_of = |reason| {
        turned()
            .zip(turned().skip(1).chain(turned()))
            .any(|(step, on)| {
                waits.get(step).is_some_and(|waits| {
                    waits
                        .iter()
                        .any(|wait| wait.on == *on && wait.reason == reason)
                })
            })
    };
    let help = if because_of(Reason::Order) {
        "a step without `depends_on` waits for the one before it; say `depends_on: []` where that is not meant"
    } else if because_of(Reason::Data) {
        "a step waits for those whose output its expressions use"
    } else {
        "remove one of the dependencies"
    };
    Diagnostic::new(
        code::CYCLE,
        Severity::Error,
        format!("these steps wait for each other: {}", names.join(" → ")),
    )
    .with_help(help)
    .at_path(path_of(index, first))
}

fn id_of<'m>(index: &Index<'m>, step: StepId) -> &'m str {
    index
        .steps
        .get(step)
        .map_or("", |entry| entry.step.id.as_str())
}

fn path_of<'m>(index: &Index<'m>, step: StepId) -> &'m str {
    index
        .steps
        .get(step)
        .map_or("$", |entry| entry.step.path.as_str())
}
