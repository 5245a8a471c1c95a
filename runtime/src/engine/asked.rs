//! Who or what a step waits for, in words.

use serde_json::Value;

use crate::plan::{PlannedWait, WaitKind};
use crate::run::WaitState;

/// `a form to be filled in by ada`, `2 approvals by role finance or role security`, `the event payment.received`.
pub(super) fn asked(wait: &PlannedWait, state: Option<&WaitState>) -> String {
    match &wait.kind {
        WaitKind::Human => {
            let assignee = state.and_then(|state| state.assignee.as_ref());
            let by = assignee.map_or_else(|| "somebody".to_owned(), named);
            format!("a form to be filled in by {by}")
        }
        WaitKind::Approval { approvers, require } => {
            let plural = if *require == 1 { "" } else { "s" };
            let by: Vec<_> = approvers.iter().map(named).collect();
            let by = match by.as_slice() {
                [] => String::new(),
                some => format!(" by {}", some.join(" or ")),
            };
            let votes = state.map_or(&[][..], |state| &state.votes);
            let so_far: Vec<_> = votes.iter().map(|vote| vote.by.as_str()).collect();
            let so_far = match so_far.as_slice() {
                [] => String::new(),
                some => format!("; so far from {}", some.join(", ")),
            };
            format!("{require} approval{plural}{by}{so_far}")
        }
        WaitKind::Event { name, .. } => {
            let expects = state.map(|state| &state.expects).into_iter().flatten();
            let expects: Vec<_> = expects
                .map(|(key, value)| format!("{key} {value}"))
                .collect();
            match expects.as_slice() {
                [] => format!("the event {name}"),
                some => format!("the event {name} with {}", some.join(", ")),
            }
        }
    }
}

/// A person or group as a manifest names it: a text, or such as `{role: finance}`.
fn named(who: &Value) -> String {
    match who {
        Value::String(name) => name.clone(),
        Value::Object(members) => {
            let members = members.iter().map(|(kind, name)| match name {
                Value::String(name) => format!("{kind} {name}"),
                other => format!("{kind} {other}"),
            });
            members.collect::<Vec<_>>().join(" ")
        }
        other => other.to_string(),
    }
}
