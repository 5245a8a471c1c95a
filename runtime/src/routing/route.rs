//! What becomes of a message.

use std::fmt;
use std::sync::Arc;

use serde_json::Value;

use crate::manifest::model::DefaultAction;
use crate::port::{Priority, Timestamp};

use super::callback::{Callbacks, NoCallbacks};
use super::channel::ChannelName;
use super::envelope::{Envelope, MAX_HOPS};
use super::index::RuleNumber;
use super::reason::Reason;
use super::rules::{CompiledRule, Rules};
use super::transform::Transform;

/// What routing needs to know about the world.
#[derive(Clone, Copy)]
pub struct Context<'c> {
    /// The time.
    pub now: Timestamp,
    /// The names of the agents that a broadcast without targets goes to.
    pub agents: &'c [String],
    /// Transforms of the host.
    pub callbacks: &'c dyn Callbacks,
}

impl Context<'_> {
    /// A world without agents and callbacks.
    #[must_use]
    pub const fn at(now: Timestamp) -> Self {
        Self {
            now,
            agents: &[],
            callbacks: &NoCallbacks,
        }
    }
}

impl fmt::Debug for Context<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context")
            .field("now", &self.now)
            .field("agents", &self.agents)
            .finish_non_exhaustive()
    }
}

/// Where a delivery goes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Target {
    /// An agent, a workflow or a handler, by its name.
    Name(Arc<str>),
    /// Another channel: `channel:NAME`. The message is published there, one hop further.
    Channel(ChannelName),
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Channel(channel) => write!(f, "channel:{channel}"),
        }
    }
}

/// One delivery.
#[derive(Debug, Clone, PartialEq)]
pub struct Delivery {
    /// Where it goes.
    pub target: Target,
    /// What goes there: the payload of the message itself, shared, where no transform applies.
    pub payload: Arc<Value>,
    /// The transform that made it.
    pub transform: Option<Arc<str>>,
    /// The rules that ask for it, in document order; empty for a broadcast.
    pub rules: Vec<Arc<str>>,
    /// How urgent it is: the message's own priority, or that of the most urgent rule.
    pub priority: Priority,
    /// Who gets it instead when the target cannot handle it, in order: the further targets of a rule with
    /// `delivery: failover`.
    pub failover: Vec<Target>,
    /// The transform is still to be applied: what [`Rules::transformed`] takes.
    pub pending: Option<String>,
}

/// A message, or what one rule makes of it, that is not delivered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Why.
    pub reason: Reason,
    /// In words, without values of the message.
    pub detail: String,
    /// The rule; `None` = it is about the message as a whole.
    pub rule: Option<Arc<str>>,
    /// Who does not get it because of this.
    pub targets: Vec<Target>,
    /// The transform they would get it through: what [`Rules::transformed`] takes.
    pub transform: Option<String>,
}

/// What was decided about a message as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// At least one rule matches.
    Matched,
    /// No rule matches: it goes to many.
    Broadcast,
    /// No rule matches: it becomes a dead letter.
    DeadLetter,
    /// No rule matches: it is dropped. Worth a counter and a line in the log.
    Dropped,
    /// It expired, or led here over too many messages.
    Refused,
}

impl Outcome {
    /// In lower case with underscores.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Matched => "matched",
            Self::Broadcast => "broadcast",
            Self::DeadLetter => "dead_letter",
            Self::Dropped => "dropped",
            Self::Refused => "refused",
        }
    }
}

/// What becomes of a message.
#[derive(Debug, Clone, PartialEq)]
pub struct Routed {
    /// In the order in which they are to be made.
    pub deliveries: Vec<Delivery>,
    /// What belongs to the dead letters. A message of a channel for dead letters is never put there again.
    pub refusals: Vec<Refusal>,
    /// What was decided.
    pub outcome: Outcome,
}

/// A delivery that is being put together.
struct Draft {
    target: u32,
    transform: Option<u32>,
    payload: Arc<Value>,
    rules: Vec<RuleNumber>,
    priority: Priority,
    failover: Box<[u32]>,
}

impl Rules {
    /// What becomes of `message`: every rule that matches applies, in document order.
    ///
    /// A rule whose filter or transform fails gives a refusal, and the others go on.
    #[must_use]
    pub fn route(&self, message: &Envelope, context: &Context<'_>) -> Routed {
        if let Some(refusal) = refused(message, context.now) {
            return Routed {
                deliveries: Vec::new(),
                refusals: vec![refusal],
                outcome: Outcome::Refused,
            };
        }
        let mut refusals = Vec::new();
        let mut drafts: Vec<Draft> = Vec::new();
        let mut made = Made::default();
        let mut is_matched = false;
        for number in self.index().candidates(message) {
            let Some(rule) = self.rule(number) else {
                continue;
            };
            match rule.filter_passes(message, context.now) {
                Ok(true) => is_matched = true,
                Ok(false) => continue,
                Err(detail) => {
                    refusals.push(self.refusal(rule, Reason::FilterError, detail));
                    continue;
                }
            }
            let payload = match rule.transform {
                None => Ok(Arc::clone(&message.payload)),
                Some(transform) if self.is_left_to_others(transform, context) => {
                    Ok(Arc::clone(&message.payload))
                }
                Some(transform) => made.payload(self, rule, transform, message, context),
            };
            match payload {
                Ok(payload) => self.draft(number, rule, &payload, message, &mut drafts),
                Err((reason, detail)) => refusals.push(self.refusal(rule, reason, detail)),
            }
        }
        if is_matched {
            // The order of rules and targets stays among equals.
            drafts.sort_by_key(|draft| draft.priority);
            return Routed {
                deliveries: drafts
                    .into_iter()
                    .filter_map(|draft| self.delivery(draft, context))
                    .collect(),
                refusals,
                outcome: Outcome::Matched,
            };
        }
        self.default_route(message, context, refusals)
    }

    /// Adds the deliveries of a rule; one that is there already becomes as urgent as the more urgent of both.
    fn draft(
        &self,
        number: RuleNumber,
        rule: &CompiledRule,
        payload: &Arc<Value>,
        message: &Envelope,
        drafts: &mut Vec<Draft>,
    ) {
        // A smaller priority is a more urgent one. A message that says nothing leaves it to the rule.
        let said = message.metadata.priority.unwrap_or(rule.priority);
        let priority = rule.priority.min(said);
        let (targets, failover) = rule.order();
        for &target in targets {
            let same = drafts
                .iter_mut()
                .find(|draft| draft.target == target && draft.transform == rule.transform);
            match same {
                Some(draft) => {
                    draft.priority = draft.priority.min(priority);
                    if draft.failover.is_empty() {
                        draft.failover = failover.into();
                    }
                    if draft.rules.last() != Some(&number) {
                        draft.rules.push(number);
                    }
                }
                None => drafts.push(Draft {
                    target,
                    transform: rule.transform,
                    payload: Arc::clone(payload),
                    rules: vec![number],
                    priority,
                    failover: failover.into(),
                }),
            }
        }
    }

    fn delivery(&self, draft: Draft, context: &Context<'_>) -> Option<Delivery> {
        let left = |number: &u32| self.is_left_to_others(*number, context);
        let first = draft.rules.first().and_then(|number| self.rule(*number));
        let pending = draft.transform.filter(left).and(first);
        let rules = draft.rules.iter().filter_map(|number| self.rule(*number));
        let transform = draft.transform.and_then(|number| self.transform(number));
        let failover = draft.failover.iter();
        Some(Delivery {
            target: self.target(draft.target)?.clone(),
            payload: draft.payload,
            transform: transform.map(|transform| Arc::clone(&transform.name)),
            rules: rules.map(|rule| Arc::clone(&rule.id)).collect(),
            priority: draft.priority,
            failover: failover
                .filter_map(|it| self.target(*it))
                .cloned()
                .collect(),
            pending: pending.map(CompiledRule::key),
        })
    }

    /// Whether code of the host that is not called here makes it.
    fn is_left_to_others(&self, transform: u32, context: &Context<'_>) -> bool {
        context.callbacks.is_elsewhere()
            && self.transform(transform).is_some_and(Transform::is_of_host)
    }

    /// Whether code of the host is needed for a transform of a rule.
    #[must_use]
    pub fn need_host(&self) -> bool {
        let mut used = self.all().iter().filter_map(|rule| rule.transform);
        used.any(|number| self.transform(number).is_some_and(Transform::is_of_host))
    }

    /// Whether code of the host is needed for the transform that is [pending](Delivery::pending).
    #[must_use]
    pub fn needs_host(&self, pending: &str) -> bool {
        let rule = self.all().iter().find(|rule| rule.is_called(pending));
        let transform = rule.and_then(|rule| self.transform(rule.transform?));
        transform.is_some_and(Transform::is_of_host)
    }

    /// What the transform that is [pending](Delivery::pending) makes of `message`.
    ///
    /// # Errors
    /// Why it makes nothing, also because there is no such rule any more, and in words.
    pub fn transformed(
        &self,
        pending: &str,
        message: &Envelope,
        context: &Context<'_>,
    ) -> Result<Arc<Value>, (Reason, String)> {
        let rule = self.all().iter().find(|rule| rule.is_called(pending));
        let transform = rule.and_then(|rule| Some((rule, rule.transform?)));
        let Some((rule, transform)) = transform else {
            let gone = format!("there is no rule `{pending}` with a transform any more");
            return Err((Reason::TransformFailed, gone));
        };
        Made::default().payload(self, rule, transform, message, context)
    }

    fn refusal(&self, rule: &CompiledRule, reason: Reason, detail: String) -> Refusal {
        Refusal {
            reason,
            detail,
            rule: Some(Arc::clone(&rule.id)),
            targets: self.targets_of(rule).cloned().collect(),
            transform: rule.transform.is_some().then(|| rule.key()),
        }
    }

    fn default_route(
        &self,
        message: &Envelope,
        context: &Context<'_>,
        mut refusals: Vec<Refusal>,
    ) -> Routed {
        let mut deliveries = Vec::new();
        let mut outcome = Outcome::Dropped;
        for route in self.default_routes() {
            match route.action {
                DefaultAction::Drop => {}
                // What failed already is a dead letter, and those of dead letters are nobody's.
                DefaultAction::DeadLetter => {
                    if !message.channel.is_dead_letters() && outcome == Outcome::Dropped {
                        outcome = Outcome::DeadLetter;
                    }
                }
                DefaultAction::Broadcast => {
                    outcome = Outcome::Broadcast;
                    let everyone = || {
                        let others = context
                            .agents
                            .iter()
                            .filter(|name| **name != message.source);
                        others
                            .map(|name| Target::Name(name.as_str().into()))
                            .collect()
                    };
                    let targets: Vec<Target> = match &*route.targets {
                        [] => everyone(),
                        targets => targets
                            .iter()
                            .filter_map(|it| self.target(*it))
                            .cloned()
                            .collect(),
                    };
                    for target in targets {
                        if deliveries.iter().any(|it: &Delivery| it.target == target) {
                            continue;
                        }
                        deliveries.push(Delivery {
                            target,
                            payload: Arc::clone(&message.payload),
                            transform: None,
                            rules: Vec::new(),
                            priority: message.priority(),
                            failover: Vec::new(),
                            pending: None,
                        });
                    }
                }
            }
        }
        if outcome == Outcome::DeadLetter && refusals.is_empty() {
            refusals.push(Refusal {
                reason: Reason::NoRoute,
                detail: "no rule matches".to_owned(),
                rule: None,
                targets: Vec::new(),
                transform: None,
            });
        }
        Routed {
            deliveries,
            refusals,
            outcome,
        }
    }
}

/// Why a message is not routed at all.
fn refused(message: &Envelope, now: Timestamp) -> Option<Refusal> {
    let (reason, detail) = if message.is_expired(now) {
        let ttl = message.metadata.ttl_seconds.unwrap_or_default();
        (
            Reason::Expired,
            format!("its {ttl} s are over since {}", message.expires_at()?),
        )
    } else if message.hops() >= MAX_HOPS {
        let hops = message.hops();
        (
            Reason::HopLimit,
            format!("it led here over {hops} messages, at most {MAX_HOPS} are followed"),
        )
    } else {
        return None;
    };
    Some(Refusal {
        reason,
        detail,
        rule: None,
        targets: Vec::new(),
        transform: None,
    })
}

type Payload = Result<Arc<Value>, (Reason, String)>;

/// What transforms of the payload made already: the same for every rule.
#[derive(Default)]
struct Made(Vec<(u32, Payload)>);

impl Made {
    fn payload(
        &mut self,
        rules: &Rules,
        rule: &CompiledRule,
        number: u32,
        message: &Envelope,
        context: &Context<'_>,
    ) -> Payload {
        if let Some((_, made)) = self.0.iter().find(|(made, _)| *made == number) {
            return made.clone();
        }
        let Some(transform) = rules.transform(number) else {
            return Err((
                Reason::TransformFailed,
                "there is no such transform".to_owned(),
            ));
        };
        let whole = || message_for_transform(message, rule, rules);
        let made = transform.apply(&message.payload, whole, context.now, context.callbacks);
        if transform.is_of_payload() {
            self.0.push((number, made.clone()));
        }
        made
    }
}

/// What templates and callbacks see.
fn message_for_transform(message: &Envelope, rule: &CompiledRule, rules: &Rules) -> Value {
    let mut value = message.to_plain();
    if let Some(members) = value.as_object_mut() {
        members.insert("routing_rule_id".to_owned(), (*rule.id).into());
        let targets = rules
            .targets_of(rule)
            .map(|target| target.to_string().into());
        members.insert("targets".to_owned(), Value::Array(targets.collect()));
    }
    value
}
