//! Where everything goes in a picture: rows by rank, ordered so that few lines cross, boxes above what they lead to.
//!
//! A line that passes a row has a spot of its own there, so that it goes between boxes and not through them.

use super::coordinates::{Wish, placed};
use super::{Graph, Vertex, order};

/// Width of a character in the monospaced font of the picture.
const CHARACTER: f64 = 7.3;
/// Height of a line of text.
pub(super) const LINE: f64 = 16.0;
/// Space between a frame and what it holds.
pub(super) const PADDING: f64 = 10.0;
/// Space between boxes of a row.
const BESIDE: f64 = 24.0;
/// Space between rows.
const BELOW: f64 = 36.0;
/// Longer lines of text are cut.
const LONGEST: usize = 48;
/// How often the rows are put in order and moved towards their neighbours.
const ROUNDS: usize = 4;

/// A block with everything in it, from its upper left corner.
#[derive(Debug, Default)]
pub(super) struct Area {
    pub(super) width: f64,
    pub(super) height: f64,
    pub(super) boxes: Vec<Placed>,
    pub(super) lines: Vec<Vec<Stop>>,
}

/// The box of a vertex.
#[derive(Debug)]
pub(super) struct Placed {
    pub(super) vertex: usize,
    pub(super) x: f64,
    pub(super) y: f64,
    pub(super) width: f64,
    pub(super) height: f64,
    pub(super) text: Vec<String>,
    pub(super) inner: Vec<Inner>,
}

/// A block within a box.
#[derive(Debug)]
pub(super) struct Inner {
    pub(super) label: Option<String>,
    /// Of the area, from the corner of the box.
    pub(super) x: f64,
    pub(super) y: f64,
    pub(super) area: Area,
}

/// What a line does in a row: straight down from `top` to `bottom`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stop {
    pub(super) x: f64,
    pub(super) top: f64,
    pub(super) bottom: f64,
}

/// The layout of a block.
pub(super) fn area(graph: &Graph, block: usize) -> Area {
    let Some(range) = graph.blocks.get(block).map(|block| block.vertices.clone()) else {
        return Area::default();
    };
    let boxes: Vec<Placed> = graph
        .within(block)
        .map(|(number, vertex)| sized(graph, number, vertex))
        .collect();
    let ranks = order::ranks(&graph.vertices, &range);
    let mut rows = Rows::of(&boxes, &ranks);
    for (at, (_, vertex)) in graph.within(block).enumerate() {
        let inside = vertex.after.iter().filter(|before| range.contains(before));
        for before in inside {
            rows.connect(before - range.start, at);
        }
    }
    rows.arrange();
    rows.into_area(boxes)
}

/// A box of the right size, not placed yet.
fn sized(graph: &Graph, number: usize, vertex: &Vertex) -> Placed {
    let text: Vec<String> = std::iter::once(&vertex.id)
        .chain(&vertex.remarks)
        .map(|line| cut(line))
        .collect();
    let widest = text.iter().map(|line| columns(line)).max().unwrap_or(0);
    let mut width = float(widest) * CHARACTER + 2.0 * PADDING;
    let mut height = float(text.len()) * LINE + PADDING;
    let mut inner = Vec::with_capacity(vertex.blocks.len());
    let (mut x, mut tallest) = (PADDING, 0.0_f64);
    for block in &vertex.blocks {
        let label = graph
            .blocks
            .get(*block)
            .and_then(|block| block.label.clone());
        let mut area = area(graph, *block);
        let wanted = label.as_ref().map_or(0, |label| columns(label));
        area.width = area.width.max(float(wanted) * CHARACTER);
        let head = if label.is_some() { LINE } else { 0.0 };
        tallest = tallest.max(area.height + head + 2.0 * PADDING);
        let next = x + area.width + 3.0 * PADDING;
        inner.push(Inner {
            label,
            x: x + PADDING,
            y: height + PADDING + head,
            area,
        });
        x = next;
    }
    if !inner.is_empty() {
        width = width.max(x);
        height += tallest + PADDING;
    }
    Placed {
        vertex: number,
        x: 0.0,
        y: 0.0,
        width,
        height,
        text,
        inner,
    }
}

/// A box or a passing line in a row.
struct Spot {
    rank: usize,
    width: f64,
    above: Vec<usize>,
    below: Vec<usize>,
}

/// Spots by number, boxes first, and the rows they stand in.
struct Rows {
    spots: Vec<Spot>,
    /// From left to right.
    rows: Vec<Vec<usize>>,
    /// The spots of each line, from above.
    ways: Vec<Vec<usize>>,
    /// Of each spot.
    centres: Vec<f64>,
}

impl Rows {
    fn of(boxes: &[Placed], ranks: &[usize]) -> Self {
        let count = ranks.iter().max().map_or(0, |last| last + 1);
        let mut rows = Self {
            spots: Vec::with_capacity(boxes.len()),
            rows: vec![Vec::new(); count],
            ways: Vec::new(),
            centres: Vec::new(),
        };
        for (placed, rank) in boxes.iter().zip(ranks) {
            rows.add(*rank, placed.width);
        }
        rows
    }

    fn add(&mut self, rank: usize, width: f64) -> usize {
        let number = self.spots.len();
        self.spots.push(Spot {
            rank,
            width,
            above: Vec::new(),
            below: Vec::new(),
        });
        if let Some(row) = self.rows.get_mut(rank) {
            row.push(number);
        }
        number
    }

    /// A line from one box to another, with a spot in each row between them.
    fn connect(&mut self, from: usize, to: usize) {
        let rank = |spot: usize| self.spots.get(spot).map_or(0, |spot| spot.rank);
        let (first, last) = (rank(from), rank(to));
        let mut way = vec![from];
        way.extend((first + 1..last).map(|rank| self.add(rank, 0.0)));
        way.push(to);
        for (upper, lower) in way.iter().zip(way.iter().skip(1)) {
            if let Some(spot) = self.spots.get_mut(*upper) {
                spot.below.push(*lower);
            }
            if let Some(spot) = self.spots.get_mut(*lower) {
                spot.above.push(*upper);
            }
        }
        self.ways.push(way);
    }

    fn arrange(&mut self) {
        self.centres = vec![0.0; self.spots.len()];
        for _ in 0..ROUNDS {
            self.sort(true);
            self.sort(false);
        }
        for row in 0..self.rows.len() {
            self.place(row, |_| &[]);
        }
        for _ in 0..ROUNDS {
            for row in 0..self.rows.len() {
                self.place(row, |spot| &spot.above);
            }
            for row in (0..self.rows.len()).rev() {
                self.place(row, |spot| &spot.below);
            }
        }
    }

    /// Puts the spots of each row in the order of their neighbours in the row before, from above or from below.
    fn sort(&mut self, from_above: bool) {
        let mut positions = vec![0.0; self.spots.len()];
        let mut order: Vec<usize> = (0..self.rows.len()).collect();
        if !from_above {
            order.reverse();
        }
        for row in order {
            let Some(mut spots) = self.rows.get_mut(row).map(std::mem::take) else {
                continue;
            };
            let mut keys: Vec<(f64, usize)> = Vec::with_capacity(spots.len());
            for (position, number) in spots.iter().enumerate() {
                let neighbours = self.spots.get(*number).map_or(&[][..], |spot| {
                    if from_above { &spot.above } else { &spot.below }
                });
                let key = mean(neighbours, &positions).unwrap_or_else(|| float(position));
                keys.push((key, *number));
            }
            keys.sort_by(|left, right| left.0.total_cmp(&right.0));
            spots.clear();
            for (position, (_, number)) in keys.into_iter().enumerate() {
                if let Some(slot) = positions.get_mut(number) {
                    *slot = float(position);
                }
                spots.push(number);
            }
            if let Some(slot) = self.rows.get_mut(row) {
                *slot = spots;
            }
        }
    }

    /// Moves the spots of a row towards their neighbours; those without any stay near where they are.
    fn place<'s>(&'s mut self, row: usize, neighbours: impl Fn(&'s Spot) -> &'s [usize]) {
        let Some(spots) = self.rows.get(row) else {
            return;
        };
        let wishes: Vec<Wish> = spots
            .iter()
            .filter_map(|number| Some((*number, self.spots.get(*number)?)))
            .map(|(number, spot)| Wish {
                centre: mean(neighbours(spot), &self.centres)
                    .unwrap_or_else(|| value(&self.centres, number)),
                width: spot.width,
            })
            .collect();
        for (number, centre) in spots.iter().zip(placed(&wishes, BESIDE)) {
            if let Some(slot) = self.centres.get_mut(*number) {
                *slot = centre;
            }
        }
    }

    fn into_area(self, mut boxes: Vec<Placed>) -> Area {
        let edge = |number: usize, spot: &Spot| value(&self.centres, number) - spot.width / 2.0;
        let spots = || self.spots.iter().enumerate();
        let left = spots()
            .map(|(number, spot)| edge(number, spot))
            .fold(f64::INFINITY, f64::min);
        let right = spots()
            .map(|(number, spot)| edge(number, spot) + spot.width)
            .fold(f64::NEG_INFINITY, f64::max);
        let (tops, height) = self.tops(&boxes);
        for (number, placed) in boxes.iter_mut().enumerate() {
            let rank = self.spots.get(number).map_or(0, |spot| spot.rank);
            placed.x = value(&self.centres, number) - placed.width / 2.0 - left;
            placed.y = tops.get(rank).map_or(0.0, |(top, _)| *top);
        }
        let stop = |number: usize, is_first: bool, is_last: bool| {
            let rank = self.spots.get(number).map_or(0, |spot| spot.rank);
            let (top, bottom) = tops.get(rank).copied().unwrap_or_default();
            let below = boxes.get(number).map_or(top, |placed| top + placed.height);
            Stop {
                x: value(&self.centres, number) - left,
                top: if is_first { below } else { top },
                bottom: if is_last { top } else { bottom },
            }
        };
        let lines = self
            .ways
            .iter()
            .map(|way| {
                let last = way.len().saturating_sub(1);
                way.iter()
                    .enumerate()
                    .map(|(at, number)| stop(*number, at == 0, at == last))
                    .collect()
            })
            .collect();
        Area {
            width: (right - left).max(0.0),
            height,
            lines,
            boxes,
        }
    }

    /// Top and bottom of each row, and the height of all.
    fn tops(&self, boxes: &[Placed]) -> (Vec<(f64, f64)>, f64) {
        let mut tops = Vec::with_capacity(self.rows.len());
        let mut y = 0.0;
        for row in &self.rows {
            let heights = row.iter().filter_map(|number| boxes.get(*number));
            let tallest = heights.map(|placed| placed.height).fold(0.0, f64::max);
            tops.push((y, y + tallest));
            y += tallest + BELOW;
        }
        (tops, (y - BELOW).max(0.0))
    }
}

fn mean(of: &[usize], values: &[f64]) -> Option<f64> {
    if of.is_empty() {
        return None;
    }
    let sum: f64 = of.iter().map(|number| value(values, *number)).sum();
    Some(sum / float(of.len()))
}

fn value(values: &[f64], number: usize) -> f64 {
    values.get(number).copied().unwrap_or_default()
}

fn float(count: usize) -> f64 {
    u32::try_from(count).map_or(f64::from(u32::MAX), f64::from)
}

/// Columns of a text: the scripts of East Asia and pictograms take two.
fn columns(text: &str) -> usize {
    let wide = |character: char| u32::from(character) >= 0x1100;
    text.chars()
        .map(|character| if wide(character) { 2 } else { 1 })
        .sum()
}

fn cut(line: &str) -> String {
    let line = line.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() <= LONGEST {
        return line;
    }
    let mut short: String = line.chars().take(LONGEST - 1).collect();
    short.push('…');
    short
}
