//! Lines for terminals: a step each, with its rank. Steps of one rank may run at the same time.

use std::fmt::Write as _;

use super::{Graph, order};

struct Row {
    depth: usize,
    rank: usize,
    id: String,
    state: &'static str,
    remarks: String,
}

pub(super) fn draw(graph: &Graph) -> String {
    let mut rows = Vec::new();
    block(graph, 0, 0, &mut rows);
    let width = |of: &dyn Fn(&Row) -> usize| rows.iter().map(of).max().unwrap_or(0);
    let ranks = width(&|row| row.rank.to_string().len() + 2 * row.depth);
    // What heads a branch may stick out.
    let ids = width(&|row| {
        if row.rank > 0 {
            row.id.chars().count()
        } else {
            0
        }
    });
    let states = width(&|row| row.state.len());
    let mut out = format!("{}\n", visible(&graph.title()));
    for row in &rows {
        let rank = if row.rank == 0 {
            String::new()
        } else {
            format!("{:indent$}{}", "", row.rank, indent = 2 * row.depth)
        };
        let mut line = format!("{rank:<ranks$}  {:<ids$}", row.id);
        if states > 0 {
            let _ = write!(line, "  {:<states$}", row.state);
        }
        let _ = write!(line, "  {}", row.remarks);
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out
}

fn block(graph: &Graph, number: usize, depth: usize, rows: &mut Vec<Row>) {
    let Some(range) = graph.blocks.get(number).map(|block| &block.vertices) else {
        return;
    };
    let ranks = order::ranks(&graph.vertices, range);
    let mut steps: Vec<_> = graph.within(number).zip(ranks).collect();
    // Stable: steps of one rank stay in the order of the document.
    steps.sort_by_key(|(_, rank)| *rank);
    for ((_, vertex), rank) in steps {
        let before: Vec<&str> = vertex
            .after
            .iter()
            .filter_map(|before| graph.vertices.get(*before))
            .map(|before| before.id.as_str())
            .collect();
        let mut remarks = vertex.remarks.clone();
        if !before.is_empty() {
            remarks.push(format!("after {}", before.join(", ")));
        }
        rows.push(Row {
            depth,
            rank: rank + 1,
            id: visible(&vertex.id),
            state: vertex.state.map_or("", super::State::as_str),
            remarks: visible(&remarks.join("; ")),
        });
        for inner in &vertex.blocks {
            let label = graph.label_of(*inner);
            if let Some(label) = label {
                rows.push(Row {
                    depth,
                    rank: 0,
                    id: format!("({})", visible(label)),
                    state: "",
                    remarks: String::new(),
                });
            }
            block(graph, *inner, depth + 1, rows);
        }
    }
}

/// Control characters would let a manifest write to the reader's terminal.
fn visible(text: &str) -> String {
    text.chars()
        .map(|character| {
            if character.is_control() {
                char::REPLACEMENT_CHARACTER
            } else {
                character
            }
        })
        .collect()
}
