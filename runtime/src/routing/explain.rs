//! Why a message goes where it goes: rule by rule, in words.

use std::sync::Arc;

use serde::Serialize;
use serde_json::{Value, json};

use super::envelope::Envelope;
use super::filter::{Filter, Verdict};
use super::route::{Context, Routed};
use super::rules::{CompiledRule, Rules};

/// What one rule says of a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Judgement {
    /// The rule's id.
    pub rule: Arc<str>,
    /// The name of its document.
    pub routing: Arc<str>,
    /// Where it stands in its document, as a JSON path.
    pub path: String,
    /// Whether it matches.
    pub matches: bool,
    /// Why it does not; for one that does, what happened to what it makes of the message, if that failed, or what its filter
    /// found.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// Whom it is for.
    pub targets: Vec<String>,
}

/// What becomes of a message, and what each rule says of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Explanation {
    /// What becomes of it.
    pub routed: Routed,
    /// Every rule, in document order.
    pub rules: Vec<Judgement>,
}

impl Routed {
    /// `{outcome, deliveries: [{target, priority, rules, transform, failover, payload}], refusals: [{reason, detail, rule,
    /// targets}]}`
    #[must_use]
    pub fn to_json(&self) -> Value {
        let deliveries = self.deliveries.iter().map(|delivery| {
            json!({
                "target": delivery.target.to_string(),
                "priority": delivery.priority.as_str(),
                "rules": delivery.rules,
                "transform": delivery.transform,
                "failover": delivery.failover.iter().map(ToString::to_string).collect::<Vec<_>>(),
                "payload": *delivery.payload,
            })
        });
        let refusals = self.refusals.iter().map(|refusal| {
            let targets = refusal.targets.iter().map(ToString::to_string);
            json!({
                "reason": refusal.reason.as_str(),
                "detail": refusal.detail,
                "rule": refusal.rule,
                "targets": targets.collect::<Vec<_>>(),
            })
        });
        json!({
            "outcome": self.outcome.as_str(),
            "deliveries": deliveries.collect::<Vec<_>>(),
            "refusals": refusals.collect::<Vec<_>>(),
        })
    }
}

impl Explanation {
    /// As that of what becomes of the message, with `rules: [{rule, routing, path, matches, why, targets}]`.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let mut json = self.routed.to_json();
        if let Some(members) = json.as_object_mut() {
            let rules = serde_json::to_value(&self.rules).unwrap_or_default();
            members.insert("rules".to_owned(), rules);
        }
        json
    }
}

impl Rules {
    /// What becomes of `message`, with what each rule says of it: slower than [`route`](Self::route), for people.
    #[must_use]
    pub fn explain(&self, message: &Envelope, context: &Context<'_>) -> Explanation {
        let routed = self.route(message, context);
        let rules = self
            .all()
            .iter()
            .map(|rule| self.judge(rule, message, context, &routed))
            .collect();
        Explanation { routed, rules }
    }

    fn judge(
        &self,
        rule: &CompiledRule,
        message: &Envelope,
        context: &Context<'_>,
        routed: &Routed,
    ) -> Judgement {
        let reason = why_not(rule, message, context);
        let failed = || {
            let refusals = routed.refusals.iter();
            let own = refusals.filter(|refusal| refusal.rule.as_ref() == Some(&rule.id));
            own.map(|refusal| format!("{}: {}", refusal.reason, refusal.detail))
                .next()
        };
        let found = || rule.filter.as_ref().map(Filter::in_words);
        Judgement {
            rule: Arc::clone(&rule.id),
            routing: Arc::clone(&rule.routing),
            path: rule.path.to_string(),
            matches: reason.is_none(),
            why: reason.or_else(failed).or_else(found),
            targets: self.targets_of(rule).map(ToString::to_string).collect(),
        }
    }
}

/// Why the rule does not match; `None` = it does.
fn why_not(rule: &CompiledRule, message: &Envelope, context: &Context<'_>) -> Option<String> {
    if !rule.enabled {
        return Some("it is disabled".to_owned());
    }
    if !rule.channel.matches(&message.channel) {
        return Some(format!("its channel is `{}`", rule.channel));
    }
    if !rule.source.matches(&message.source) {
        return Some(format!("its source is `{}`", rule.source));
    }
    match rule.filter.as_ref()?.judge(message, context.now) {
        Verdict::Passes => None,
        Verdict::Fails(condition) => Some(condition),
        Verdict::Error(reason) => Some(format!("filter_error: {reason}")),
    }
}
