//! The picture: boxes beside and below each other, lines from above to below.

use ossa_runtime::graph::Format;
use proptest::prelude::*;
use serde_json::json;

use crate::{graph, waits};

#[derive(Debug, Clone, Copy)]
struct Box {
    x: f64,
    y: f64,
    width: f64,
    height: f64,
}

/// The value of an attribute in a line of SVG.
fn attribute<'l>(line: &'l str, name: &str) -> &'l str {
    let rest = line.split_once(&format!(" {name}=\"")).unwrap().1;
    rest.split_once('"').unwrap().0
}

fn numbers(text: &str) -> Vec<f64> {
    let numbers = text.split(|c: char| !(c.is_ascii_digit() || c == '.' || c == '-'));
    numbers
        .filter(|number| !number.is_empty())
        .map(|number| number.parse().unwrap())
        .collect()
}

/// The boxes of a picture without blocks, within the margin.
fn boxes(svg: &str) -> Vec<Box> {
    let lines: Vec<&str> = svg.lines().collect();
    let mut boxes = Vec::new();
    for (at, line) in lines.iter().enumerate().skip(5) {
        if line.starts_with("<g transform") && lines[at + 1].starts_with("<title>") {
            let corner = numbers(attribute(line, "transform"));
            let rect = lines[at..]
                .iter()
                .find(|line| line.starts_with("<rect"))
                .unwrap();
            boxes.push(Box {
                x: corner[0],
                y: corner[1],
                width: attribute(rect, "width").parse().unwrap(),
                height: attribute(rect, "height").parse().unwrap(),
            });
        }
    }
    boxes
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn boxes_do_not_touch_and_stay_in_the_picture((steps, _) in waits::steps()) {
        let svg = graph(&steps).draw(Format::Svg);
        let size = numbers(attribute(svg.lines().next().unwrap(), "viewBox"));
        let boxes = boxes(&svg);
        prop_assert_eq!(boxes.len(), steps.as_array().unwrap().len());
        for (at, one) in boxes.iter().enumerate() {
            prop_assert!(one.x >= 0.0 && one.y >= 0.0, "{one:?}");
            prop_assert!(one.x + one.width <= size[2] && one.y + one.height <= size[3], "{one:?}");
            for other in &boxes[at + 1..] {
                let beside = one.x + one.width < other.x || other.x + other.width < one.x;
                let below = one.y + one.height < other.y || other.y + other.height < one.y;
                prop_assert!(beside || below, "{one:?} {other:?}");
            }
        }
    }

    #[test]
    fn lines_only_go_down((steps, _) in waits::steps()) {
        let svg = graph(&steps).draw(Format::Svg);
        for line in svg.lines().filter(|line| line.contains("marker-end")) {
            let path = attribute(line, "d");
            let mut before = 0.0;
            // Every command ends with the height it leads to.
            for command in path.split_inclusive(|c: char| c.is_ascii_digit()).collect::<String>().split(['M', 'C', 'V']).skip(1) {
                let height = *numbers(command).last().unwrap();
                prop_assert!(height >= before, "{path}");
                before = height;
            }
        }
    }
}

#[test]
fn a_step_below_two_others_stands_in_the_middle() {
    let svg = graph(&json!([
        {"id": "left", "depends_on": []},
        {"id": "rght", "depends_on": []},
        {"id": "last", "depends_on": ["left", "rght"]},
    ]))
    .draw(Format::Svg);
    let middle = |one: &Box| one.x + one.width / 2.0;
    let boxes = boxes(&svg);
    let mean = f64::midpoint(middle(&boxes[0]), middle(&boxes[1]));
    assert!((middle(&boxes[2]) - mean).abs() < 0.2, "{boxes:?}");
}

#[test]
fn a_thousand_steps_are_drawn_in_every_format() {
    let steps: Vec<_> = (0..1_000)
        .map(|step| {
            let before: Vec<_> = (step % 10 < step)
                .then(|| format!("s{}", step - step % 10 - 1))
                .into_iter()
                .collect();
            json!({"id": format!("s{step}"), "depends_on": before})
        })
        .collect();
    let drawn = graph(&json!(steps));
    for format in [Format::Text, Format::Mermaid, Format::Dot, Format::Svg] {
        assert!(drawn.draw(format).contains("s999"), "{format:?}");
    }
}
