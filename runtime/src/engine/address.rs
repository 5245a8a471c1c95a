//! Which instance of a step an operator means.
//!
//! `mail` is the step of that id, wherever it stands. Where a block runs it more than once, `mail[2]` is its third
//! instance, and `notify/mail` or `notify[1]/mail` the one within another step.

use super::stored::Hot;
use crate::error::{Category, Error, code};
use crate::plan::BlockId;
use crate::run::Place;

impl Hot {
    /// The instance of a step that an address names.
    pub(super) fn place(&self, address: &str) -> Result<Place, Error> {
        let mut around: Option<Place> = None;
        for segment in address.split('/') {
            let (id, index) = parse(segment).ok_or_else(|| {
                self.no_step(address, "has no such step")
                    .with_help("address a step as `id`, `id[index]`, or `outer/inner`")
            })?;
            let found = self.instances(id, around);
            let place = match (index, found.as_slice()) {
                (Some(index), _) => found.get(index).copied(),
                (None, [one]) => Some(*one),
                (None, []) => None,
                (None, several) => {
                    let last = several.len() - 1;
                    return Err(self
                        .no_step(address, "has several instances of the step")
                        .with_help(format!("say which: `{id}[0]` to `{id}[{last}]`")));
                }
            };
            around = Some(place.ok_or_else(|| self.not_there(address, id))?);
        }
        around.ok_or_else(|| self.no_step(address, "has no such step"))
    }

    /// The instances of a step, below another one if that is given, in the order in which they came to be.
    fn instances(&self, id: &str, around: Option<Place>) -> Vec<Place> {
        let below = around.map(|place| self.state.scopes_of(place));
        let places = self.state.steps().map(|(place, _)| place);
        let named = places.filter(|place| {
            let node = self.plan.node(place.node);
            node.is_some_and(|node| node.id == id)
        });
        let within = |place: &Place| {
            below
                .as_ref()
                .is_none_or(|scopes| scopes.contains(&place.scope))
        };
        let mut found: Vec<Place> = named.filter(within).collect();
        // An id that stands at the top level means the step there, whatever blocks contain.
        if around.is_none()
            && let Some(node) = self.plan.find_from(BlockId::ROOT, id)
            && found.iter().any(|place| place.node == node)
        {
            found.retain(|place| place.node == node);
        }
        found
    }

    fn not_there(&self, address: &str, id: &str) -> Error {
        if self.plan.nodes().iter().any(|node| node.id == id) {
            return self
                .no_step(address, "has no such instance of the step")
                .with_help("the block around it has not begun, or does not run it that often");
        }
        self.no_step(address, "has no such step")
    }

    fn no_step(&self, address: &str, what: &str) -> Error {
        let run = self.head.run;
        let message = format!("run {run} {what}: `{address}`");
        Error::new(Category::Engine, code::STEP_NOT_FOUND, message)
            .of_run(run)
            .of_step(address)
    }
}

/// `id` or `id[index]`.
fn parse(segment: &str) -> Option<(&str, Option<usize>)> {
    let Some((id, rest)) = segment.split_once('[') else {
        return (!segment.is_empty()).then_some((segment, None));
    };
    let index = rest.strip_suffix(']')?.parse().ok()?;
    (!id.is_empty()).then_some((id, Some(index)))
}
