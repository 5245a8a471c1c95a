//! Mermaid flowcharts.

use std::fmt::Write as _;

use super::state::State;
use super::{Graph, Vertex};

pub(super) fn draw(graph: &Graph) -> String {
    let mut out = String::from("flowchart TD\n");
    block(graph, 0, 1, &mut out);
    for (number, vertex) in graph.vertices.iter().enumerate() {
        for before in &vertex.after {
            let _ = writeln!(out, "  n{before} --> n{number}");
        }
    }
    for state in State::ALL {
        let nodes: Vec<String> = graph
            .vertices
            .iter()
            .enumerate()
            .filter(|(_, vertex)| vertex.state == Some(state))
            .map(|(number, _)| format!("n{number}"))
            .collect();
        if nodes.is_empty() {
            continue;
        }
        let colours = state.colours();
        let _ = writeln!(
            out,
            "  classDef {} fill:{},stroke:{},color:#111827",
            state.as_str(),
            colours.fill,
            colours.stroke
        );
        let _ = writeln!(out, "  class {} {}", nodes.join(","), state.as_str());
    }
    out
}

fn block(graph: &Graph, number: usize, depth: usize, out: &mut String) {
    let indent = "  ".repeat(depth);
    for (number, vertex) in graph.within(number) {
        let label = label(vertex);
        if vertex.blocks.is_empty() {
            let _ = writeln!(out, "{indent}n{number}[\"{label}\"]");
            continue;
        }
        let _ = writeln!(out, "{indent}subgraph n{number}[\"{label}\"]");
        for inner in &vertex.blocks {
            match graph.label_of(*inner) {
                None => block(graph, *inner, depth + 1, out),
                Some(name) => {
                    let _ = writeln!(out, "{indent}  subgraph b{inner}[\"{}\"]", escaped(name));
                    block(graph, *inner, depth + 2, out);
                    let _ = writeln!(out, "{indent}  end");
                }
            }
        }
        let _ = writeln!(out, "{indent}end");
    }
}

fn label(vertex: &Vertex) -> String {
    let lines = std::iter::once(&vertex.id).chain(&vertex.remarks);
    let lines: Vec<String> = lines.map(|line| escaped(line)).collect();
    lines.join("<br/>")
}

/// Text that means nothing to Mermaid or to the HTML it makes: all but letters, digits and harmless signs by number.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        if character.is_alphanumeric() || " _-.,:/=".contains(character) {
            out.push(character);
        } else if character.is_control() {
            out.push(' ');
        } else {
            let _ = write!(out, "#{};", u32::from(character));
        }
    }
    out
}
