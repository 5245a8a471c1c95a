//! Which waits are drawn.

use std::collections::BTreeSet;

use ossa_runtime::graph::Format;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::graph;

/// The lines of a Mermaid drawing from step to step, by number.
fn lines(mermaid: &str) -> BTreeSet<(usize, usize)> {
    let arrows = mermaid.lines().filter_map(|line| {
        let (from, to) = line.trim().split_once(" --> ")?;
        let number = |node: &str| node.trim_start_matches('n').parse().unwrap();
        Some((number(from), number(to)))
    });
    arrows.collect()
}

/// Every pair of steps of which the second runs after the first.
fn closure(lines: &BTreeSet<(usize, usize)>) -> BTreeSet<(usize, usize)> {
    let mut all = lines.clone();
    loop {
        let further: Vec<_> = all
            .iter()
            .flat_map(|(from, over)| {
                let on = lines.range((*over, 0)..(*over + 1, 0));
                on.map(move |(_, to)| (*from, *to))
            })
            .filter(|pair| !all.contains(pair))
            .collect();
        if further.is_empty() {
            return all;
        }
        all.extend(further);
    }
}

/// Steps that wait for some before them, in an order that is not that of the waits.
pub(crate) fn steps() -> impl Strategy<Value = (Value, BTreeSet<(usize, usize)>)> {
    (1..14_usize)
        .prop_flat_map(|count| {
            let waits = prop::collection::vec(any::<u16>(), count);
            let order = Just((0..count).collect::<Vec<_>>()).prop_shuffle();
            (waits, order)
        })
        .prop_map(|(waits, order)| {
            let mut pairs = BTreeSet::new();
            // A step waits for steps that come earlier in the shuffled order.
            let mut place = vec![0; order.len()];
            for (position, step) in order.iter().enumerate() {
                place[*step] = position;
            }
            let steps: Vec<Value> = (0..order.len())
                .map(|step| {
                    let before = (0..order.len()).filter(|other| {
                        place[*other] < place[step] && waits[step] & (1 << other) != 0
                    });
                    let before: Vec<usize> = before.collect();
                    pairs.extend(before.iter().map(|other| (*other, step)));
                    let ids: Vec<_> = before.iter().map(|other| format!("s{other}")).collect();
                    json!({"id": format!("s{step}"), "depends_on": ids})
                })
                .collect();
            (Value::Array(steps), pairs)
        })
}

#[test]
fn a_wait_that_follows_from_others_is_not_drawn() {
    let drawn = graph(&json!([
        {"id": "a"},
        {"id": "b", "depends_on": ["a"]},
        {"id": "c", "depends_on": ["a", "b"]},
        {"id": "d", "depends_on": ["c"], "input": "${{ steps.a.output }}"},
    ]));
    let drawn = lines(&drawn.draw(Format::Mermaid));
    assert_eq!(drawn, BTreeSet::from([(0, 1), (1, 2), (2, 3)]));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn what_is_drawn_says_all_and_nothing_twice((steps, pairs) in steps()) {
        let drawn = lines(&graph(&steps).draw(Format::Mermaid));
        prop_assert_eq!(closure(&drawn), closure(&pairs));
        for line in &drawn {
            let mut without = drawn.clone();
            without.remove(line);
            prop_assert!(!closure(&without).contains(line), "{line:?} follows from the others");
        }
    }
}
