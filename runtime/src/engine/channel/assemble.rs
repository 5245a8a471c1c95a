//! Making the table of who takes what: out of manifests, and of what hosts have registered.

use std::sync::Arc;

use serde_json::Value;

use super::command::commands_of;
use super::options::ChannelOptions;
use super::subscriber::{StartKind, Subscriber, Target};
use super::table::{Declared, DeclaredCommand, Entry, Table};
use crate::error::{Category, Error, code};
use crate::manifest::model;
use crate::manifest::model::{Body, ChannelSettings, Manifest, Messaging, Trigger, TriggerKind};
use crate::plan::Schema;
use crate::routing::{Callbacks, ChannelPattern, Elsewhere, Host, Rules, missing};

impl Table {
    /// The table of these manifests, and of the subscribers that hosts have registered; those take the place of ones of the
    /// same name in manifests, and settings of the host come before what manifests say of channels.
    pub(super) fn new(
        manifests: &[Arc<Manifest>],
        registered: Vec<Subscriber>,
        options: &ChannelOptions,
        callbacks: &dyn Callbacks,
    ) -> Self {
        let mut table = Self::default();
        table.add_settings(&options.settings);
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
        table.add_rules(manifests, callbacks);
        let by_subscribers = table.subscribers.values();
        let by_channels = table.settings.iter();
        table.dead_letter_channels = by_subscribers
            .filter_map(|it| it.dead_letter_channel.clone())
            .chain(by_channels.filter_map(|(_, it)| it.dead_letter_channel.clone()))
            .collect();
        table
    }

    /// Compiles the rules of all message routing. What cannot be used of it, a host is told when it checks its manifests.
    fn add_rules(&mut self, manifests: &[Arc<Manifest>], callbacks: &dyn Callbacks) {
        let routes = |it: &&Arc<Manifest>| matches!(it.body, Body::MessageRouting(_));
        if !manifests.iter().any(|it| routes(&it)) {
            return;
        }
        let targets: Vec<String> = self.subscribers.keys().cloned().collect();
        // Transforms of a host are carried out where a message is handed out, which may be another process.
        let host = Host {
            callbacks: &Elsewhere::any(),
            targets: &targets,
        };
        self.miss_callbacks(manifests, callbacks);
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

    /// Says which callbacks this host would need for what it hands out.
    fn miss_callbacks(&mut self, manifests: &[Arc<Manifest>], callbacks: &dyn Callbacks) {
        for manifest in manifests {
            let Body::MessageRouting(routing) = &manifest.body else {
                continue;
            };
            let used = routing
                .transforms
                .iter()
                .filter(|it| routing.uses(&it.name));
            for (transform, callback) in used.filter_map(|it| Some((it, missing(it, callbacks)?))) {
                self.problems.push(format!(
                    "`{}`: transform `{}` needs the callback `{callback}`, which this host does not have: a message \
                     that it hands out through it becomes a dead letter",
                    manifest.metadata.name, transform.name
                ));
            }
        }
    }

    /// Adds settings of channels behind those that are there.
    fn add_settings(&mut self, all: &[(String, ChannelSettings)]) {
        let parsed = all.iter().filter_map(|(channel, settings)| {
            let parsed = ChannelPattern::parse(channel).map_err(|error| error.to_string());
            parsed
                .map_err(|error| self.problems.push(format!("`{channel}`: {error}")))
                .map(|pattern| (pattern, settings.clone()))
                .ok()
        });
        let mut parsed: Vec<_> = parsed.collect();
        parsed.sort_by_key(|(pattern, _)| {
            let length = pattern.as_str().len();
            (pattern.as_name().is_none(), std::cmp::Reverse(length))
        });
        self.settings.extend(parsed);
    }

    fn declare(&mut self, name: &str, messaging: &Messaging) {
        for channel in &messaging.channels {
            self.add_settings(&[(channel.name.clone(), channel.settings.clone())]);
        }
        let channels = messaging.channels.iter();
        let channels = channels.map(|it| (None, &it.name, &it.schema));
        let published = messaging.publishes.iter();
        let published = published.map(|it| (Some(name.to_owned()), &it.channel, &it.schema));
        for (source, channel, schema) in channels.chain(published) {
            let Some(schema) = schema.clone() else {
                continue;
            };
            match Schema::new(schema) {
                Ok(schema) => {
                    let all = self.declared.entry(channel.clone()).or_default();
                    all.push(Declared { source, schema });
                }
                Err(error) => self
                    .problems
                    .push(format!("`{name}`: the schema of `{channel}`: {error}")),
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
