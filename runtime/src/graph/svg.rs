//! SVG, drawn here: one file that any browser shows.

use std::fmt::Write as _;

use super::layout::{self, Area, Inner, LINE, PADDING, Placed, Stop};
use super::state::Colours;
use super::{Graph, Vertex};

/// Space around the picture.
const MARGIN: f64 = 16.0;

pub(super) fn draw(graph: &Graph) -> String {
    let area = layout::area(graph, 0);
    let (width, height) = (area.width + 2.0 * MARGIN, area.height + 2.0 * MARGIN);
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{w}\" height=\"{h}\" viewBox=\"0 0 {w} {h}\" \
         font-family=\"ui-monospace, monospace\" font-size=\"12\" role=\"img\">\n",
        w = number(width),
        h = number(height)
    );
    let _ = writeln!(out, "<title>{}</title>", escaped(&graph.title()));
    out.push_str(
        "<defs><marker id=\"arrow\" viewBox=\"0 0 8 8\" refX=\"8\" refY=\"4\" markerWidth=\"8\" markerHeight=\"8\" \
         orient=\"auto\"><path d=\"M0 0L8 4L0 8z\" fill=\"#6b7280\"/></marker></defs>\n",
    );
    let _ = writeln!(
        out,
        "<rect width=\"{}\" height=\"{}\" fill=\"#ffffff\"/>",
        number(width),
        number(height)
    );
    draw_area(graph, &area, MARGIN, MARGIN, &mut out);
    out.push_str("</svg>\n");
    out
}

fn draw_area(graph: &Graph, area: &Area, x: f64, y: f64, out: &mut String) {
    let _ = writeln!(
        out,
        "<g transform=\"translate({} {})\">",
        number(x),
        number(y)
    );
    for line in &area.lines {
        draw_line(line, out);
    }
    for placed in &area.boxes {
        if let Some(vertex) = graph.vertices.get(placed.vertex) {
            draw_box(graph, vertex, placed, out);
        }
    }
    out.push_str("</g>\n");
}

fn draw_line(stops: &[Stop], out: &mut String) {
    let mut path = String::new();
    let mut before: Option<Stop> = None;
    for stop in stops {
        match before {
            None => {
                let _ = write!(path, "M{} {}", number(stop.x), number(stop.top));
            }
            Some(from) => {
                let middle = number(f64::midpoint(from.bottom, stop.top));
                let (left, right) = (number(from.x), number(stop.x));
                let _ = write!(
                    path,
                    "C{left} {middle} {right} {middle} {right} {}",
                    number(stop.top)
                );
            }
        }
        if stop.bottom > stop.top {
            let _ = write!(path, "V{}", number(stop.bottom));
        }
        before = Some(*stop);
    }
    let _ = writeln!(
        out,
        "<path d=\"{path}\" fill=\"none\" stroke=\"#6b7280\" marker-end=\"url(#arrow)\"/>"
    );
}

fn draw_box(graph: &Graph, vertex: &Vertex, placed: &Placed, out: &mut String) {
    let colours = Colours::of(vertex.state);
    let _ = writeln!(
        out,
        "<g transform=\"translate({} {})\">",
        number(placed.x),
        number(placed.y)
    );
    // The whole of what may be cut below.
    let mut whole = vec![vertex.id.as_str()];
    whole.extend(vertex.state.map(super::State::as_str));
    whole.extend(vertex.remarks.iter().map(String::as_str));
    let _ = writeln!(out, "<title>{}</title>", escaped(&whole.join("\n")));
    let _ = writeln!(
        out,
        "<rect width=\"{}\" height=\"{}\" rx=\"6\" fill=\"{}\" stroke=\"{}\"/>",
        number(placed.width),
        number(placed.height),
        colours.fill,
        colours.stroke
    );
    for (at, line) in (0_u32..).zip(&placed.text) {
        let style = if at == 0 {
            "fill=\"#111827\" font-weight=\"bold\""
        } else {
            "fill=\"#4b5563\""
        };
        let _ = writeln!(
            out,
            "<text x=\"{}\" y=\"{}\" {style}>{}</text>",
            number(PADDING),
            number(LINE * f64::from(at + 1) + 1.0),
            escaped(line)
        );
    }
    for inner in &placed.inner {
        draw_inner(graph, inner, out);
    }
    out.push_str("</g>\n");
}

fn draw_inner(graph: &Graph, inner: &Inner, out: &mut String) {
    let head = if inner.label.is_some() { LINE } else { 0.0 };
    let _ = writeln!(
        out,
        "<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" rx=\"6\" fill=\"#f9fafb\" stroke=\"#d1d5db\"/>",
        number(inner.x - PADDING),
        number(inner.y - PADDING - head),
        number(inner.area.width + 2.0 * PADDING),
        number(inner.area.height + 2.0 * PADDING + head)
    );
    if let Some(label) = &inner.label {
        let _ = writeln!(
            out,
            "<text x=\"{}\" y=\"{}\" fill=\"#6b7280\">{}</text>",
            number(inner.x),
            number(inner.y - PADDING + 2.0),
            escaped(label)
        );
    }
    draw_area(graph, &inner.area, inner.x, inner.y, out);
}

/// A number with at most one digit after the point.
fn number(value: f64) -> String {
    let rounded = format!("{value:.1}");
    let short = rounded.strip_suffix(".0").unwrap_or(&rounded);
    if short == "-0" {
        "0".to_owned()
    } else {
        short.to_owned()
    }
}

/// Text as XML has it. Control characters but line ends have no place in XML at all.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\n' => out.push('\n'),
            '\u{fffe}' | '\u{ffff}' => out.push(char::REPLACEMENT_CHARACTER),
            other if other.is_control() => out.push(char::REPLACEMENT_CHARACTER),
            other => out.push(other),
        }
    }
    out
}
