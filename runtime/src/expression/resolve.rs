//! Paths: asking the scope for the longest part it knows, walking the rest, spreading over wildcards.

use std::borrow::Cow;

use serde_json::Value;

use super::access::member;
use super::ast::{Path, Step};
use super::compare::position;
use super::evaluate::{Evaluated, Evaluator};
use super::scope::Segment;

/// Segments offered to a scope at most.
const OFFERED: usize = 8;

/// The values of the computed steps of one path.
type Computed<'a> = [Cow<'a, Value>];

impl<'a> Evaluator<'a> {
    /// The value a path leads to, `None` when it leads to nothing.
    pub(super) fn resolve(&self, path: &'a Path) -> Evaluated<Option<Cow<'a, Value>>> {
        let steps = &path.steps.list;
        let computed = self.all_of(&path.steps.computed)?;
        if let Some((Step::Wildcard, rest)) = steps.split_first()
            && let Some(names) = self.scope.members(&path.root)
        {
            return self.spread_names(&path.root, &names, rest, &computed);
        }
        let Some((value, rest)) = self.ask(&[Segment::Key(&path.root)], steps, &computed) else {
            return Ok(None);
        };
        match rest.split_first() {
            Some((Step::Wildcard, after)) => {
                let whole_root = rest.len() == steps.len();
                let only_completed = whole_root && only_completed(&path.root, after);
                self.matches_in(value, after, &computed, only_completed)
            }
            _ => self.walk(value, rest, &computed),
        }
    }

    /// Offers `head` and the steps up to the first wildcard to the scope: its value and the steps left.
    fn ask(
        &self,
        head: &[Segment<'_>],
        steps: &'a [Step],
        computed: &Computed<'a>,
    ) -> Option<(Cow<'a, Value>, &'a [Step])> {
        let mut offered = [Segment::Index(0); OFFERED];
        let mut count = 0;
        let following = steps.iter().map_while(|step| segment(step, computed));
        for (place, segment) in offered
            .iter_mut()
            .zip(head.iter().copied().chain(following))
        {
            *place = segment;
            count += 1;
        }
        let (value, used) = self.scope.resolve(offered.get(..count)?)?;
        let walked = used.clamp(1, count).saturating_sub(head.len());
        Some((value, steps.get(walked..).unwrap_or_default()))
    }

    /// Follows `steps` from `value`. A wildcard makes an array of every match.
    pub(super) fn walk(
        &self,
        mut value: Cow<'a, Value>,
        steps: &[Step],
        computed: &Computed<'a>,
    ) -> Evaluated<Option<Cow<'a, Value>>> {
        let mut steps = steps.iter();
        while let Some(step) = steps.next() {
            if matches!(step, Step::Wildcard) {
                return self.matches_in(value, steps.as_slice(), computed, false);
            }
            self.budget.take(1)?;
            if let Value::String(text) = value.as_ref() {
                // Its one member, `length`, is counted.
                self.budget.take_text(text)?;
            }
            match segment(step, computed).and_then(|segment| member(value, segment)) {
                Some(member) => value = member,
                None => return Ok(None),
            }
        }
        Ok(Some(value))
    }

    /// What `steps` lead to from each member of `value`, as an array; `None` when it has no members.
    fn matches_in(
        &self,
        value: Cow<'a, Value>,
        steps: &[Step],
        computed: &Computed<'a>,
        only_completed: bool,
    ) -> Evaluated<Option<Cow<'a, Value>>> {
        if !matches!(value.as_ref(), Value::Array(_) | Value::Object(_)) {
            return Ok(None);
        }
        let mut matches = Vec::new();
        self.spread(value, |member| {
            match only_completed && !is_completed(member.get("status")) {
                true => Ok(()),
                false => self.collect(member, steps, computed, &mut matches),
            }
        })?;
        Ok(Some(Cow::Owned(Value::Array(matches))))
    }

    fn spread(
        &self,
        value: Cow<'a, Value>,
        mut visit: impl FnMut(Cow<'a, Value>) -> Evaluated<()>,
    ) -> Evaluated<()> {
        match value {
            Cow::Borrowed(Value::Array(items)) => {
                items.iter().map(Cow::Borrowed).try_for_each(&mut visit)
            }
            Cow::Borrowed(Value::Object(members)) => {
                members.values().map(Cow::Borrowed).try_for_each(&mut visit)
            }
            Cow::Owned(Value::Array(items)) => {
                items.into_iter().map(Cow::Owned).try_for_each(&mut visit)
            }
            Cow::Owned(Value::Object(members)) => members
                .into_iter()
                .map(|(_, member)| Cow::Owned(member))
                .try_for_each(&mut visit),
            _ => Ok(()),
        }
    }

    /// Adds to `matches` what `steps` lead to from `value`. A value without it adds nothing.
    fn collect(
        &self,
        value: Cow<'a, Value>,
        steps: &[Step],
        computed: &Computed<'a>,
        matches: &mut Vec<Value>,
    ) -> Evaluated<()> {
        self.budget.take(1)?;
        let next = steps.iter().position(|step| matches!(step, Step::Wildcard));
        let (before, after) = match next.and_then(|at| steps.split_at_checked(at)) {
            Some((before, after)) => (before, after.split_first().map(|(_, after)| after)),
            None => (steps, None),
        };
        match (self.walk(value, before, computed)?, after) {
            (Some(value), Some(after)) => self.spread(value, |member| {
                self.collect(member, after, computed, matches)
            }),
            (Some(value), None) => {
                matches.push(self.own(value)?);
                Ok(())
            }
            (None, _) => Ok(()),
        }
    }

    /// `root.*` over members the scope answers one by one.
    fn spread_names(
        &self,
        root: &str,
        names: &[Cow<'_, str>],
        rest: &'a [Step],
        computed: &Computed<'a>,
    ) -> Evaluated<Option<Cow<'a, Value>>> {
        let mut matches = Vec::new();
        for name in names {
            self.budget.take(1)?;
            if only_completed(root, rest) && !self.is_completed_step(root, name) {
                continue;
            }
            let head = [Segment::Key(root), Segment::Key(name)];
            if let Some((value, left)) = self.ask(&head, rest, computed) {
                self.collect(value, left, computed, &mut matches)?;
            }
        }
        Ok(Some(Cow::Owned(Value::Array(matches))))
    }

    fn is_completed_step(&self, root: &str, name: &str) -> bool {
        let status = [
            Segment::Key(root),
            Segment::Key(name),
            Segment::Key("status"),
        ];
        match self.scope.resolve(&status) {
            Some((value, 3)) => is_completed(Some(&value)),
            Some((step, _)) => is_completed(step.get("status")),
            None => false,
        }
    }
}

/// `steps.*.output` is the outputs of the completed steps; any other `steps.*` ranges over all of them.
fn only_completed(root: &str, rest: &[Step]) -> bool {
    root == "steps" && matches!(rest.first(), Some(Step::Key(key)) if **key == *"output")
}

fn is_completed(status: Option<&Value>) -> bool {
    status.and_then(Value::as_str) == Some("completed")
}

/// A step as a segment; `None` for a wildcard and for a computed value that is no key.
pub(super) fn segment<'s>(step: &'s Step, computed: &'s Computed<'_>) -> Option<Segment<'s>> {
    match step {
        Step::Key(key) => Some(Segment::Key(key)),
        Step::Index(index) => Some(Segment::Index(*index)),
        Step::Wildcard => None,
        Step::Computed(number) => match computed.get(*number)?.as_ref() {
            Value::String(key) => Some(Segment::Key(key)),
            Value::Number(number) => position(number).map(Segment::Index),
            _ => None,
        },
    }
}
