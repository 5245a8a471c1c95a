//! Who takes which message: the subscribers of the store, of the manifests, and the rules; made ready once and asked for
//! each message.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use super::Reason;
use super::subscriber::Subscriber;
use crate::manifest::model::{self, ChannelSettings};
use crate::plan::Schema;
use crate::port::{Priority, Timestamp};
use crate::routing::{
    self, Callbacks, ChannelName, ChannelPattern, Context, Elsewhere, Envelope, Filter, Glob,
    MAX_HOPS, Rules, Verdict,
};

/// Everything that decides where a message goes.
#[derive(Debug, Default)]
pub(super) struct Table {
    pub(super) subscribers: BTreeMap<String, Arc<Subscriber>>,
    pub(super) entries: Vec<Entry>,
    /// Places in `entries`, of those that take one channel.
    pub(super) by_channel: HashMap<String, Vec<usize>>,
    /// Of those that take what a pattern matches.
    pub(super) by_pattern: Vec<usize>,
    /// The rules of all message routing.
    pub(super) rules: Option<Rules>,
    /// Whom a broadcast goes to.
    pub(super) agents: Vec<String>,
    /// What publishers declare, by channel.
    pub(super) declared: HashMap<String, Vec<Declared>>,
    /// What agents can be asked, by agent and command.
    pub(super) commands: HashMap<(String, String), DeclaredCommand>,
    /// What holds for channels, those that come first first.
    pub(super) settings: Vec<(ChannelPattern, ChannelSettings)>,
    /// Channels for dead letters whose names do not say so.
    pub(super) dead_letter_channels: Vec<String>,
    /// What of it cannot be used, and why: it is left out.
    pub(super) problems: Vec<String>,
}

/// What one subscription takes.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) subscriber: Arc<Subscriber>,
    pub(super) pattern: ChannelPattern,
    pub(super) source: Option<Glob>,
    pub(super) filter: Option<Filter>,
    pub(super) schema: Option<Schema>,
    pub(super) handler: Option<String>,
    pub(super) priority: Priority,
}

/// A schema that a publisher declares for a channel.
#[derive(Debug)]
pub(super) struct Declared {
    /// By whom; `None` = whoever publishes.
    pub(super) source: Option<String>,
    pub(super) schema: Schema,
}

/// What an agent declares about a command.
#[derive(Debug)]
pub(super) struct DeclaredCommand {
    pub(super) input: Option<Schema>,
    pub(super) output: Option<Schema>,
    pub(super) timeout: Duration,
}

/// A delivery to be made.
#[derive(Debug, Clone)]
pub(super) struct Planned {
    pub(super) subscriber: Arc<Subscriber>,
    pub(super) handler: Option<String>,
    pub(super) rule: Option<String>,
    /// What a transform made.
    pub(super) payload: Option<Value>,
    /// The transform that is applied when it is handed out.
    pub(super) transform: Option<String>,
    pub(super) priority: Priority,
    /// Who gets it if this one cannot handle it, in order.
    pub(super) next: Vec<String>,
}

/// A delivery that cannot be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Lost {
    /// To whom; empty when to nobody in particular.
    pub(super) subscriber: String,
    pub(super) rule: Option<String>,
    /// The transform it would have been delivered through.
    pub(super) transform: Option<String>,
    pub(super) reason: Reason,
    pub(super) code: String,
    pub(super) message: String,
}

/// A message that goes to another channel.
#[derive(Debug)]
pub(super) struct Forwarded {
    pub(super) channel: ChannelName,
    pub(super) payload: Arc<Value>,
    /// The transform that is still to be applied, and its rule.
    pub(super) transform: Option<String>,
    pub(super) rule: Option<String>,
}

/// Where a message goes.
#[derive(Debug, Default)]
pub(super) struct Routed {
    pub(super) planned: Vec<Planned>,
    pub(super) forwarded: Vec<Forwarded>,
    pub(super) lost: Vec<Lost>,
}

impl Table {
    pub(super) fn subscriber(&self, name: &str) -> Option<&Arc<Subscriber>> {
        self.subscribers.get(name)
    }

    pub(super) fn subscribers(&self) -> impl Iterator<Item = &Arc<Subscriber>> {
        self.subscribers.values()
    }

    /// Whether it is a channel for dead letters.
    pub(super) fn is_dead_letters(&self, channel: &ChannelName) -> bool {
        channel.is_dead_letters()
            || self
                .dead_letter_channels
                .iter()
                .any(|it| it == channel.as_str())
    }

    /// What holds for a channel.
    pub(super) fn settings(&self, channel: &ChannelName) -> ChannelSettings {
        let mut found = ChannelSettings::default();
        let all = self.settings.iter();
        for (_, more) in all.filter(|(pattern, _)| pattern.matches(channel)) {
            found = found.or(more);
        }
        found
    }

    /// The channel for messages that a subscriber, or nobody, could handle; `None` where they are not kept.
    pub(super) fn dead_letters_of(
        &self,
        subscriber: Option<&Subscriber>,
        channel: &ChannelName,
    ) -> Option<ChannelName> {
        if self.is_dead_letters(channel) || subscriber.is_some_and(|it| !it.dead_letters) {
            return None;
        }
        let settings = self.settings(channel);
        let own = subscriber.and_then(|it| it.dead_letter_channel.as_deref());
        let named = own.or(settings.dead_letter_channel.as_deref());
        let named = named.and_then(|name| ChannelName::parse(name).ok());
        let is_kept = own.is_some() || settings.dead_letters != Some(false);
        is_kept.then(|| named.unwrap_or_else(|| channel.dead_letters()))
    }

    /// The schema that is declared for what a publisher says on a channel: by itself, for the channel, or by the only other
    /// publisher.
    pub(super) fn declared(&self, channel: &str, source: &str) -> Option<&Schema> {
        let all = self.declared.get(channel)?;
        let by = |name: Option<&str>| all.iter().find(|it| it.source.as_deref() == name);
        let own = by(Some(source)).or_else(|| by(None));
        let only = match all.as_slice() {
            [only] => Some(only),
            _ => None,
        };
        own.or(only).map(|it| &it.schema)
    }

    /// What an agent declares about a command.
    pub(super) fn command(&self, agent: &str, command: &str) -> Option<&DeclaredCommand> {
        self.commands.get(&(agent.to_owned(), command.to_owned()))
    }

    /// Whether anybody takes what happens to runs.
    pub(super) fn takes_events_of_runs(&self) -> bool {
        self.entries.iter().any(|it| {
            let pattern = it.pattern.as_str();
            pattern.starts_with("ossa.") || pattern.starts_with(['*', '#'])
        })
    }

    /// Whether anybody takes messages of a channel.
    pub(super) fn takes(&self, channel: &ChannelName) -> bool {
        self.entries_of(channel).next().is_some()
    }

    /// What is wrong with a payload in the eyes of a subscriber.
    pub(super) fn violations(
        &self,
        subscriber: &str,
        handler: Option<&str>,
        envelope: &Envelope,
    ) -> Vec<String> {
        let entries = self.entries.iter().filter(|it| {
            it.subscriber.name == subscriber
                && it.handler.as_deref() == handler
                && it.pattern.matches(&envelope.channel)
        });
        let mut schemas = entries.filter_map(|it| it.schema.as_ref());
        schemas
            .next()
            .map_or_else(Vec::new, |it| it.violations(&envelope.payload))
    }

    /// Where a message goes.
    pub(super) fn route(&self, envelope: &Envelope, now: Timestamp) -> Routed {
        let mut routed = Routed::default();
        if envelope.is_expired(now) {
            let message = "its time to live was over before it was routed";
            routed
                .lost
                .push(lost(Reason::Expired, "TTL_EXPIRED", message));
            return routed;
        }
        if envelope.hops() >= MAX_HOPS {
            let message = format!("{MAX_HOPS} messages led to it, one after the other");
            routed
                .lost
                .push(lost(Reason::HopLimit, "HOP_LIMIT", message));
            return routed;
        }
        for entry in self.entries_of(&envelope.channel) {
            match entry.takes(envelope, now) {
                Ok(false) => {}
                Ok(true) => routed.plan(Planned {
                    subscriber: Arc::clone(&entry.subscriber),
                    handler: entry.handler.clone(),
                    rule: None,
                    payload: None,
                    transform: None,
                    priority: entry.priority.min(envelope.priority()),
                    next: Vec::new(),
                }),
                Err(message) => routed.lost.push(Lost {
                    subscriber: entry.subscriber.name.clone(),
                    ..lost(Reason::FilterError, "FILTER_ERROR", message)
                }),
            }
        }
        self.apply_rules(envelope, now, &mut routed);
        routed
    }

    fn apply_rules(&self, envelope: &Envelope, now: Timestamp, routed: &mut Routed) {
        let Some(rules) = &self.rules else { return };
        let context = Context {
            now,
            agents: &self.agents,
            callbacks: &Elsewhere::any(),
        };
        let is_taken = !routed.planned.is_empty();
        let decided = rules.route(envelope, &context);
        for delivery in decided.deliveries {
            let rule = delivery.rules.first().map(ToString::to_string);
            let name = match delivery.target {
                routing::Target::Name(name) => name,
                routing::Target::Channel(channel) => {
                    routed.forwarded.push(Forwarded {
                        channel,
                        payload: delivery.payload,
                        transform: delivery.pending,
                        rule,
                    });
                    continue;
                }
            };
            let mut next: Vec<String> = delivery.failover.iter().map(ToString::to_string).collect();
            let first = self.subscribers.get(&*name);
            let Some(subscriber) = first.or_else(|| self.first_of(&mut next)) else {
                routed.lost.push(Lost {
                    subscriber: name.to_string(),
                    rule,
                    ..lost(
                        Reason::NoRoute,
                        "UNKNOWN_TARGET",
                        format!("no agent, workflow, task or listener is called `{name}`"),
                    )
                });
                continue;
            };
            let transformed = delivery.transform.is_some() && delivery.pending.is_none();
            routed.plan(Planned {
                subscriber: Arc::clone(subscriber),
                handler: None,
                rule,
                payload: transformed.then(|| (*delivery.payload).clone()),
                transform: delivery.pending,
                priority: delivery.priority,
                next,
            });
        }
        for refusal in decided.refusals {
            let reason = refusal.reason;
            if reason == Reason::NoRoute && is_taken {
                continue;
            }
            let refused = |subscriber: String| Lost {
                subscriber,
                rule: refusal.rule.as_ref().map(ToString::to_string),
                transform: refusal.transform.clone(),
                ..lost(
                    reason,
                    &reason.as_str().to_uppercase(),
                    refusal.detail.as_str(),
                )
            };
            let mut targets = refusal.targets.iter().map(ToString::to_string);
            match targets.next() {
                None => routed.lost.push(refused(String::new())),
                Some(first) => {
                    routed.lost.push(refused(first));
                    routed.lost.extend(targets.map(refused));
                }
            }
        }
    }

    /// The first of these that is there; it and those before it are taken out.
    pub(super) fn first_of(&self, names: &mut Vec<String>) -> Option<&Arc<Subscriber>> {
        let mut places = names.iter().enumerate();
        let found = places.find_map(|(place, name)| Some((place, self.subscribers.get(name)?)));
        let gone = found.map_or(names.len(), |(place, _)| place + 1);
        names.drain(..gone);
        found.map(|(_, subscriber)| subscriber)
    }

    /// What a transform makes of a message, with the callbacks of the host.
    pub(super) fn transformed(
        &self,
        transform: &str,
        envelope: &Envelope,
        callbacks: &dyn Callbacks,
        now: Timestamp,
    ) -> Result<Arc<Value>, (Reason, String)> {
        let context = Context {
            now,
            agents: &self.agents,
            callbacks,
        };
        match &self.rules {
            Some(rules) => rules.transformed(transform, envelope, &context),
            None => Err((Reason::TransformFailed, "there are no rules".to_owned())),
        }
    }

    /// Whether some rule has a transform for which code of the host is needed.
    pub(super) fn has_transforms_of_host(&self) -> bool {
        self.rules.as_ref().is_some_and(Rules::need_host)
    }

    /// Whether code of the host is needed for a transform.
    pub(super) fn needs_host(&self, transform: &str) -> bool {
        let rules = self.rules.as_ref();
        rules.is_some_and(|rules| rules.needs_host(transform))
    }

    /// The delivery of a message to one subscriber, if there is one.
    pub(super) fn planned_for(
        &self,
        envelope: &Envelope,
        subscriber: &str,
        now: Timestamp,
    ) -> Option<Planned> {
        let planned = self.route(envelope, now).planned.into_iter();
        let mut of_it = planned.filter(|it| it.subscriber.name == subscriber);
        of_it.next()
    }

    fn entries_of(&self, channel: &ChannelName) -> impl Iterator<Item = &Entry> {
        let exact = self.by_channel.get(channel.as_str());
        let exact = exact.into_iter().flatten();
        let places = exact.chain(&self.by_pattern);
        let entries = places.filter_map(|place| self.entries.get(*place));
        entries.filter(|entry| entry.pattern.matches(channel))
    }
}

impl Entry {
    pub(super) fn new(
        subscriber: &Arc<Subscriber>,
        channel: &str,
        source: Option<&str>,
        filter: Option<&model::Filter>,
    ) -> Result<Self, String> {
        let filter = filter.map(Filter::compile).transpose();
        Ok(Self {
            subscriber: Arc::clone(subscriber),
            pattern: ChannelPattern::parse(channel).map_err(|error| error.to_string())?,
            source: source.map(Glob::of_source),
            filter: filter.map_err(|found| {
                let first = found.first();
                first.map_or_else(String::new, |it| it.message.clone())
            })?,
            schema: None,
            handler: None,
            priority: Priority::default(),
        })
    }

    /// Whether it takes the message, or why that cannot be told.
    fn takes(&self, envelope: &Envelope, now: Timestamp) -> Result<bool, String> {
        let of_source = self
            .source
            .as_ref()
            .is_none_or(|it| it.matches(&envelope.source));
        match &self.filter {
            Some(filter) if of_source => match filter.judge(envelope, now) {
                Verdict::Passes => Ok(true),
                Verdict::Fails(_) => Ok(false),
                Verdict::Error(message) => Err(message),
            },
            _ => Ok(of_source),
        }
    }
}

impl Routed {
    /// One delivery to each subscriber with one content, as urgent as the most urgent reason for it.
    fn plan(&mut self, planned: Planned) {
        let same = self.planned.iter_mut().find(|it| {
            it.subscriber.name == planned.subscriber.name
                && it.payload == planned.payload
                && it.transform == planned.transform
        });
        match same {
            Some(same) => {
                same.priority = same.priority.min(planned.priority);
                if same.next.is_empty() {
                    same.next = planned.next;
                }
            }
            None => self.planned.push(planned),
        }
    }
}

fn lost(reason: Reason, code: &str, message: impl Into<String>) -> Lost {
    Lost {
        subscriber: String::new(),
        rule: None,
        transform: None,
        reason,
        code: code.to_owned(),
        message: message.into(),
    }
}
