//! DOT, the language of Graphviz.

use std::fmt::Write as _;

use super::state::Colours;
use super::{Graph, Vertex};

pub(super) fn draw(graph: &Graph) -> String {
    let mut out = format!("digraph {} {{\n", quoted(&graph.title()));
    // Edges from and to a block end at its frame.
    out.push_str("  compound=true;\n  rankdir=TB;\n");
    out.push_str("  node [shape=box, style=\"rounded,filled\", fontname=\"monospace\"];\n");
    block(graph, 0, 1, &mut out);
    for (number, vertex) in graph.vertices.iter().enumerate() {
        for before in &vertex.after {
            let mut ends = Vec::new();
            if is_block(graph, *before) {
                ends.push(format!("ltail=cluster_{before}"));
            }
            if is_block(graph, number) {
                ends.push(format!("lhead=cluster_{number}"));
            }
            let ends = if ends.is_empty() {
                String::new()
            } else {
                format!(" [{}]", ends.join(", "))
            };
            let _ = writeln!(out, "  n{before} -> n{number}{ends};");
        }
    }
    out.push_str("}\n");
    out
}

fn is_block(graph: &Graph, number: usize) -> bool {
    graph
        .vertices
        .get(number)
        .is_some_and(|vertex| !vertex.blocks.is_empty())
}

fn block(graph: &Graph, number: usize, depth: usize, out: &mut String) {
    let indent = "  ".repeat(depth);
    for (number, vertex) in graph.within(number) {
        let colours = Colours::of(vertex.state);
        let node = format!(
            "n{number} [label={}, fillcolor=\"{}\", color=\"{}\"];",
            label(vertex),
            colours.fill,
            colours.stroke
        );
        if vertex.blocks.is_empty() {
            let _ = writeln!(out, "{indent}{node}");
            continue;
        }
        let _ = writeln!(out, "{indent}subgraph cluster_{number} {{");
        let _ = writeln!(out, "{indent}  {node}");
        for inner in &vertex.blocks {
            match graph.label_of(*inner) {
                None => block(graph, *inner, depth + 1, out),
                Some(name) => {
                    let _ = writeln!(out, "{indent}  subgraph cluster_b{inner} {{");
                    let _ = writeln!(out, "{indent}    label={};", quoted(name));
                    block(graph, *inner, depth + 2, out);
                    let _ = writeln!(out, "{indent}  }}");
                }
            }
        }
        let _ = writeln!(out, "{indent}}}");
    }
}

fn label(vertex: &Vertex) -> String {
    let lines = std::iter::once(&vertex.id).chain(&vertex.remarks);
    let lines: Vec<&str> = lines.map(String::as_str).collect();
    quoted(&lines.join("\n"))
}

/// A text in double quotes: a backslash of its own is doubled, so that none escapes anything.
fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            other if other.is_control() => out.push(' '),
            other => out.push(other),
        }
    }
    out.push('"');
    out
}
