//! Who takes which message: the subscribers of the store, of the manifests, and the rules; made ready once and asked for
//! each message.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use super::Reason;
use super::command::commands_of;
use super::subscriber::{StartKind, Subscriber, Target};
use crate::error::{Category, Error, code};
use crate::manifest::model;
use crate::manifest::model::{Body, Manifest, Messaging, Trigger, TriggerKind};
use crate::plan::Schema;
use crate::port::{Priority, Timestamp};
use crate::routing::{
    self, ChannelName, ChannelPattern, Context, Envelope, Filter, Glob, Host, MAX_HOPS,
    NoCallbacks, Rules, Verdict,
};

/// Everything that decides where a message goes.
#[derive(Debug, Default)]
pub(super) struct Table {
    subscribers: BTreeMap<String, Arc<Subscriber>>,
    entries: Vec<Entry>,
    /// Places in `entries`, of those that take one channel.
    by_channel: HashMap<String, Vec<usize>>,
    /// Of those that take what a pattern matches.
    by_pattern: Vec<usize>,
    /// The rules of all message routing.
    rules: Option<Rules>,
    /// Whom a broadcast goes to.
    agents: Vec<String>,
    /// What publishers declare, by channel.
    declared: HashMap<String, Vec<Declared>>,
    /// What agents can be asked, by agent and command.
    commands: HashMap<(String, String), DeclaredCommand>,
    /// Channels for dead letters whose names do not say so.
    dead_letter_channels: Vec<String>,
    /// What of it cannot be used, and why: it is left out.
    pub(super) problems: Vec<String>,
}

/// What one subscription takes.
#[derive(Debug)]
struct Entry {
    subscriber: Arc<Subscriber>,
    pattern: ChannelPattern,
    source: Option<Glob>,
    filter: Option<Filter>,
    schema: Option<Schema>,
    handler: Option<String>,
    priority: Priority,
}

/// A schema that a publisher declares for a channel.
#[derive(Debug)]
struct Declared {
    source: String,
    schema: Schema,
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
    pub(super) priority: Priority,
}

/// A delivery that cannot be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Lost {
    /// To whom; empty when to nobody in particular.
    pub(super) subscriber: String,
    pub(super) rule: Option<String>,
    pub(super) reason: Reason,
    pub(super) code: String,
    pub(super) message: String,
}

/// A message that goes to another channel.
#[derive(Debug)]
pub(super) struct Forwarded {
    pub(super) channel: ChannelName,
    pub(super) payload: Arc<Value>,
}

/// Where a message goes.
#[derive(Debug, Default)]
pub(super) struct Routed {
    pub(super) planned: Vec<Planned>,
    pub(super) forwarded: Vec<Forwarded>,
    pub(super) lost: Vec<Lost>,
}

impl Table {
    /// The table of these manifests, and of the subscribers that hosts have registered; those take the place of ones of the
    /// same name in manifests.
    pub(super) fn new(manifests: &[Arc<Manifest>], registered: Vec<Subscriber>) -> Self {
        let mut table = Self::default();
        for manifest in manifests {
            let name = &manifest.metadata.name;
            if let Some(messaging) = manifest.body.messaging() {
                table.declare(name, messaging);
            }
            if registered.iter().any(|it| it.name == *name) {
                continue;
            }
            match &manifest.body {
                Body::Agent(agent) => {
                    let messaging = agent.messaging.as_deref();
                    let none = Messaging::default();
                    let subscriber = Subscriber::of_manifest(name, messaging.unwrap_or(&none));
                    table.add_of_manifest(subscriber, messaging);
                }
                Body::Workflow(workflow) => table.add_started(
                    (name, StartKind::Workflow),
                    &workflow.triggers,
                    workflow.messaging.as_deref(),
                ),
                Body::Task(task) => table.add_started(
                    (name, StartKind::Task),
                    &task.triggers,
                    task.messaging.as_deref(),
                ),
                Body::MessageRouting(_) => {}
            }
        }
        for subscriber in registered {
            table.add_registered(subscriber);
        }
        table.add_rules(manifests);
        let configured = table.subscribers.values();
        table.dead_letter_channels = configured
            .filter_map(|it| it.dead_letter_channel.clone())
            .collect();
        table
    }

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

    /// The schema that a publisher declares for a channel; without a declaration of its own, that of the only other one.
    pub(super) fn declared(&self, channel: &str, source: &str) -> Option<&Schema> {
        let all = self.declared.get(channel)?;
        let own = all.iter().find(|it| it.source == source);
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
        if envelope.hops() > MAX_HOPS {
            let message = format!("more than {MAX_HOPS} messages led to it, one after the other");
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
                    priority: entry.priority.min(envelope.priority()),
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
            callbacks: &NoCallbacks,
        };
        let is_taken = !routed.planned.is_empty();
        let decided = rules.route(envelope, &context);
        for delivery in decided.deliveries {
            let rule = delivery.rules.first().map(ToString::to_string);
            let name = match delivery.target {
                routing::Target::Name(name) => name,
                routing::Target::Channel(channel) => {
                    let payload = delivery.payload;
                    routed.forwarded.push(Forwarded { channel, payload });
                    continue;
                }
            };
            let Some(subscriber) = self.subscribers.get(&*name) else {
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
            let transformed = delivery.transform.is_some();
            routed.plan(Planned {
                subscriber: Arc::clone(subscriber),
                handler: None,
                rule,
                payload: transformed.then(|| (*delivery.payload).clone()),
                priority: delivery.priority,
            });
        }
        for refusal in decided.refusals {
            let reason = Reason::from(refusal.reason);
            if reason == Reason::NoRoute && is_taken {
                continue;
            }
            let refused = |subscriber: String| Lost {
                subscriber,
                rule: refusal.rule.as_ref().map(ToString::to_string),
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

    /// Compiles the rules of all message routing. What cannot be used of it, a host is told when it checks its manifests.
    fn add_rules(&mut self, manifests: &[Arc<Manifest>]) {
        let routes = |it: &&Arc<Manifest>| matches!(it.body, Body::MessageRouting(_));
        if !manifests.iter().any(|it| routes(&it)) {
            return;
        }
        let targets: Vec<String> = self.subscribers.keys().cloned().collect();
        let host = Host {
            targets: &targets,
            ..Host::default()
        };
        let of_agents = manifests
            .iter()
            .filter(|it| matches!(it.body, Body::Agent(_)));
        self.agents = of_agents.map(|it| it.metadata.name.clone()).collect();
        match Rules::compile(manifests.iter().map(|it| &**it), &host) {
            Ok(rules) => self.rules = Some(rules),
            Err(findings) => {
                // One document that is wrong does not stop the others.
                for finding in findings.iter().filter(|it| it.diagnostic.is_error()) {
                    self.problems.push(finding.diagnostic.message.clone());
                }
                let wrong = |place: usize| {
                    let mut errors = findings.iter().filter(|it| it.diagnostic.is_error());
                    errors.any(|it| it.manifest == place)
                };
                let rest = manifests.iter().enumerate();
                let rest = rest.filter(|(place, _)| !wrong(*place));
                self.rules = Rules::compile(rest.map(|(_, it)| &**it), &host).ok();
            }
        }
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

    fn declare(&mut self, name: &str, messaging: &Messaging) {
        for publication in &messaging.publishes {
            let Some(schema) = publication.schema.clone() else {
                continue;
            };
            match Schema::new(schema) {
                Ok(schema) => {
                    let all = self.declared.entry(publication.channel.clone());
                    all.or_default().push(Declared {
                        source: name.to_owned(),
                        schema,
                    });
                }
                Err(error) => self.problems.push(format!(
                    "`{name}`: the schema of `{}`: {error}",
                    publication.channel
                )),
            }
        }
    }

    /// What an agent can be asked, and that it takes the requests.
    fn add_commands(&mut self, subscriber: &Arc<Subscriber>, messaging: &Messaging) {
        let name = &subscriber.name;
        for command in &messaging.commands {
            let schema = |schema: &Option<Value>| schema.clone().map(Schema::new).transpose();
            match (
                schema(&command.input_schema),
                schema(&command.output_schema),
            ) {
                (Ok(input), Ok(output)) => {
                    let declared = DeclaredCommand {
                        input,
                        output,
                        timeout: command.timeout,
                    };
                    let key = (name.clone(), command.name.clone());
                    self.commands.insert(key, declared);
                }
                (Err(error), _) | (_, Err(error)) => self
                    .problems
                    .push(format!("`{name}`: command `{}`: {error}", command.name)),
            }
            let channel = commands_of(name, &command.name);
            match Entry::new(subscriber, &channel, None, None) {
                Ok(entry) => self.push(Entry {
                    handler: Some(command.name.clone()),
                    ..entry
                }),
                Err(error) => self.problems.push(format!("`{name}`: {error}")),
            }
        }
    }

    fn add_of_manifest(&mut self, subscriber: Subscriber, messaging: Option<&Messaging>) {
        let subscriber = Arc::new(subscriber);
        let known = Arc::clone(&subscriber);
        self.subscribers.insert(subscriber.name.clone(), known);
        for subscription in messaging.map_or(&[][..], |it| &it.subscribes) {
            self.add_entry(&subscriber, subscription, None);
        }
        if let Some(messaging) = messaging {
            self.add_commands(&subscriber, messaging);
        }
    }

    /// A workflow or task that messages start: by its triggers, or because rules send it something.
    fn add_started(
        &mut self,
        (name, kind): (&str, StartKind),
        triggers: &[Trigger],
        messaging: Option<&Messaging>,
    ) {
        let none = Messaging::default();
        let subscriber = Subscriber {
            target: Target::Start {
                reference: name.to_owned(),
                kind: Some(kind),
            },
            ..Subscriber::of_manifest(name, messaging.unwrap_or(&none))
        };
        self.add_of_manifest(subscriber, messaging);
        let Some(subscriber) = self.subscribers.get(name).cloned() else {
            return;
        };
        for trigger in triggers {
            let text = |name: &str| trigger.raw.get(name).and_then(Value::as_str);
            let (channel, source) = match trigger.kind {
                TriggerKind::Message => (text("channel"), text("source")),
                TriggerKind::Event => (text("event"), text("source")),
                _ => continue,
            };
            let Some(channel) = channel else { continue };
            match Entry::new(&subscriber, channel, source, trigger.filter.as_ref()) {
                Ok(entry) => self.push(entry),
                // Names of events need not be those of channels: such a trigger is the host's.
                Err(_) if trigger.kind == TriggerKind::Event => {}
                Err(error) => self.problems.push(format!("`{name}`: {error}")),
            }
        }
    }

    fn add_registered(&mut self, subscriber: Subscriber) {
        let subscriber = Arc::new(subscriber);
        let known = Arc::clone(&subscriber);
        self.subscribers.insert(subscriber.name.clone(), known);
        for subscription in &subscriber.subscriptions {
            match subscription.typed() {
                Ok(model) => {
                    self.add_entry(&subscriber, &model, subscription.source.as_deref());
                }
                Err(error) => self
                    .problems
                    .push(format!("`{}`: {error}", subscriber.name)),
            }
        }
    }

    fn add_entry(
        &mut self,
        subscriber: &Arc<Subscriber>,
        subscription: &model::Subscription,
        source: Option<&str>,
    ) {
        let filter = subscription.filter.as_ref();
        let entry = Entry::new(subscriber, &subscription.channel, source, filter);
        let schema = subscription.schema.clone().map(Schema::new).transpose();
        match (entry, schema) {
            (Ok(entry), Ok(schema)) => self.push(Entry {
                schema,
                handler: subscription.handler.clone(),
                priority: subscription.priority,
                ..entry
            }),
            (Err(error), _) | (_, Err(error)) => self
                .problems
                .push(format!("`{}`: {error}", subscriber.name)),
        }
    }

    fn push(&mut self, entry: Entry) {
        let place = self.entries.len();
        match entry.pattern.as_name() {
            Some(name) => self
                .by_channel
                .entry(name.to_string())
                .or_default()
                .push(place),
            None => self.by_pattern.push(place),
        }
        self.entries.push(entry);
    }
}

impl Entry {
    fn new(
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
            it.subscriber.name == planned.subscriber.name && it.payload == planned.payload
        });
        match same {
            Some(same) => same.priority = same.priority.min(planned.priority),
            None => self.planned.push(planned),
        }
    }
}

fn lost(reason: Reason, code: &str, message: impl Into<String>) -> Lost {
    Lost {
        subscriber: String::new(),
        rule: None,
        reason,
        code: code.to_owned(),
        message: message.into(),
    }
}

/// Checks what a host registers: by the same code that reads manifests, so that it may say the same in the same ways.
pub(super) fn check(subscriber: &Subscriber) -> Result<(), Error> {
    subscriber.check()?;
    let mut table = Table::default();
    table.add_registered(subscriber.clone());
    table.problems.first().map_or(Ok(()), |problem| {
        let message = format!("subscriber {problem}");
        Err(Error::new(Category::Argument, code::BAD_ARGUMENT, message))
    })
}
