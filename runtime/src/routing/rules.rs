//! Rules, compiled from manifests.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use crate::manifest::model::{
    Body, DefaultAction, DeliveryMode, Manifest, MessageRouting, Rule, Wildcards,
};
use crate::manifest::{Diagnostic, Kind, Severity};
use crate::port::{Priority, Timestamp};

use super::callback::{Callbacks, NoCallbacks, missing};
use super::channel::{ChannelError, ChannelName, ChannelPattern, Glob};
use super::envelope::Envelope;
use super::filter::Filter;
use super::index::{Index, RuleNumber};
use super::route::Target;
use super::transform::Transform;
use super::{circle, code, lint};

/// What a target that is a channel begins with.
const CHANNEL_TARGET: &str = "channel:";

/// The annotation that says how far a `*` reaches, beside `spec.wildcards`.
const WILDCARDS_ANNOTATION: &str = "wildcards";

/// The annotation that says whether all targets get a message or one of them, beside `delivery` of a rule.
const DELIVERY_ANNOTATION: &str = "delivery";

/// What the host of the rules has.
#[derive(Clone, Copy)]
pub struct Host<'h> {
    /// Transforms that are not the runtime's own.
    pub callbacks: &'h dyn Callbacks,
    /// Names of agents and handlers that rules may have as targets, besides those of the manifests.
    pub targets: &'h [String],
}

impl Default for Host<'_> {
    /// A host without callbacks, of whose targets nothing is known.
    fn default() -> Self {
        Self {
            callbacks: &NoCallbacks,
            targets: &[],
        }
    }
}

impl std::fmt::Debug for Host<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Host")
            .field("targets", &self.targets)
            .finish_non_exhaustive()
    }
}

/// Something to be said about one of the manifests that rules were compiled from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Position of the manifest among those given, from 0.
    pub manifest: usize,
    /// What, with its JSON path.
    pub diagnostic: Diagnostic,
}

/// The rules of all message routing together, ready to route.
///
/// ```
/// use ossa_runtime::manifest::{Options, load_str};
/// use ossa_runtime::port::Timestamp;
/// use ossa_runtime::routing::{ChannelName, Context, Envelope, Host, Rules};
/// use serde_json::json;
///
/// let loaded = load_str(
///     "apiVersion: ossa/v0.3.1
/// kind: MessageRouting
/// metadata: {name: security}
/// spec:
///   rules:
///     - source: '*'
///       channel: security.*
///       targets: [auditor]
///       filter: {fields: {severity: [high, critical]}}
/// ",
///     &Options::default(),
/// );
/// let manifests = loaded.manifests().map(|manifest| &**manifest);
/// let rules = Rules::compile(manifests, &Host::default()).expect("the rules are right");
///
/// let now = Timestamp::from_millis(0);
/// let channel = ChannelName::parse("security.alerts")?;
/// let message = Envelope::new("m-1", channel, "scanner", now, json!({"severity": "high"}));
/// let routed = rules.route(&message, &Context::at(now));
/// assert_eq!(routed.deliveries[0].target.to_string(), "auditor");
/// # Ok::<(), ossa_runtime::routing::ChannelError>(())
/// ```
#[derive(Debug)]
pub struct Rules {
    rules: Vec<CompiledRule>,
    targets: Vec<Target>,
    transforms: Vec<Transform>,
    default_routes: Vec<CompiledDefault>,
    index: Index,
    warnings: Vec<Finding>,
}

/// One rule, ready to be asked.
#[derive(Debug)]
pub(super) struct CompiledRule {
    /// The author's name for it, or `ROUTING[POSITION]`.
    pub(super) id: Arc<str>,
    /// The name of its document.
    pub(super) routing: Arc<str>,
    pub(super) channel: ChannelPattern,
    pub(super) source: Glob,
    pub(super) filter: Option<Filter>,
    /// Positions among the targets.
    pub(super) targets: Box<[u32]>,
    pub(super) delivery: DeliveryMode,
    /// Position among the transforms.
    pub(super) transform: Option<u32>,
    pub(super) priority: Priority,
    pub(super) enabled: bool,
    /// Position of its manifest among those given.
    pub(super) manifest: usize,
    /// Where it stands in its document.
    pub(super) path: Box<str>,
}

/// What one document wants done with messages that no rule matches.
#[derive(Debug)]
pub(super) struct CompiledDefault {
    pub(super) action: DefaultAction,
    pub(super) targets: Box<[u32]>,
}

impl Rules {
    /// Compiles all message routing among `manifests`, in their order. What the other manifests publish and are called
    /// is used to look for circles, and for targets and wildcards that lead nowhere.
    ///
    /// # Errors
    /// Everything that is to be said, when some of it is an error.
    pub fn compile<'m>(
        manifests: impl IntoIterator<Item = &'m Manifest>,
        host: &Host<'_>,
    ) -> Result<Self, Vec<Finding>> {
        let manifests: Vec<&Manifest> = manifests.into_iter().collect();
        let mut compiler = Compiler::new(host);
        for (position, manifest) in manifests.iter().enumerate() {
            if let Body::MessageRouting(routing) = &manifest.body {
                compiler.document(position, manifest, routing);
            }
        }
        let Compiler {
            mut rules,
            mut findings,
            ..
        } = compiler;
        lint::check(&rules, &manifests, host, &mut findings);
        circle::check(&rules, &manifests, &mut findings);
        if findings.iter().any(|finding| finding.diagnostic.is_error()) {
            return Err(findings);
        }
        rules.warnings = findings;
        Ok(rules)
    }

    /// What is to be said about the manifests although they are used.
    #[must_use]
    pub fn warnings(&self) -> &[Finding] {
        &self.warnings
    }

    /// How many rules there are, disabled ones included.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rules.len()
    }

    /// Whether there are no rules.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    pub(super) const fn index(&self) -> &Index {
        &self.index
    }

    pub(super) fn all(&self) -> &[CompiledRule] {
        &self.rules
    }

    pub(super) fn rule(&self, number: RuleNumber) -> Option<&CompiledRule> {
        self.rules.get(usize::try_from(number).ok()?)
    }

    pub(super) fn target(&self, number: u32) -> Option<&Target> {
        self.targets.get(usize::try_from(number).ok()?)
    }

    pub(super) fn targets_of(&self, rule: &CompiledRule) -> impl Iterator<Item = &Target> {
        rule.targets
            .iter()
            .filter_map(|number| self.target(*number))
    }

    pub(super) fn transform(&self, number: u32) -> Option<&Transform> {
        self.transforms.get(usize::try_from(number).ok()?)
    }

    pub(super) fn default_routes(&self) -> &[CompiledDefault] {
        &self.default_routes
    }
}

impl CompiledRule {
    /// Names it among the rules of all documents.
    pub(super) fn key(&self) -> String {
        format!("{}/{}", self.routing, self.id)
    }

    /// Whether this is its key.
    pub(super) fn is_called(&self, key: &str) -> bool {
        let rest = key.strip_prefix(&*self.routing);
        rest.and_then(|rest| rest.strip_prefix('/')) == Some(&*self.id)
    }

    /// Who gets a message, and who instead if that one cannot handle it.
    pub(super) fn order(&self) -> (&[u32], &[u32]) {
        match self.delivery {
            DeliveryMode::FanOut => (&self.targets, &[]),
            DeliveryMode::Failover => self.targets.split_at(1.min(self.targets.len())),
        }
    }

    pub(super) fn filter_passes(&self, message: &Envelope, now: Timestamp) -> Result<bool, String> {
        match &self.filter {
            None => Ok(true),
            Some(filter) => filter.passes(message, now),
        }
    }
}

struct Compiler<'h> {
    host: &'h Host<'h>,
    rules: Rules,
    /// Position of each target among the targets of the rules.
    targets: HashMap<String, u32>,
    findings: Vec<Finding>,
}

impl<'h> Compiler<'h> {
    fn new(host: &'h Host<'h>) -> Self {
        Self {
            host,
            rules: Rules {
                rules: Vec::new(),
                targets: Vec::new(),
                transforms: Vec::new(),
                default_routes: Vec::new(),
                index: Index::new(),
                warnings: Vec::new(),
            },
            targets: HashMap::new(),
            findings: Vec::new(),
        }
    }

    fn say(&mut self, manifest: usize, diagnostic: Diagnostic) {
        self.findings.push(Finding {
            manifest,
            diagnostic,
        });
    }

    fn document(&mut self, position: usize, manifest: &Manifest, routing: &MessageRouting) {
        let wildcards = routing.wildcards.unwrap_or_else(|| annotated(manifest));
        let delivery = match annotation(manifest, DELIVERY_ANNOTATION) {
            Some("failover") => DeliveryMode::Failover,
            _ => DeliveryMode::FanOut,
        };
        let name: Arc<str> = manifest.metadata.name.as_str().into();
        let transforms = self.transforms(position, routing);
        let mut ids: HashMap<&str, &str> = HashMap::new();
        for (index, rule) in routing.rules.iter().enumerate() {
            if let Some(id) = &rule.id {
                match ids.entry(id) {
                    Entry::Vacant(entry) => drop(entry.insert(&rule.path)),
                    Entry::Occupied(first) => {
                        let first = first.get();
                        let diagnostic = Diagnostic::new(
                            code::DUPLICATE_RULE,
                            Severity::Warning,
                            format!("there is another rule `{id}`, at {first}"),
                        );
                        let diagnostic = diagnostic
                            .with_help(
                                "give each rule an id of its own: dead letters and logs name it",
                            )
                            .at_path(format!("{}.id", rule.path));
                        self.say(position, diagnostic);
                    }
                }
            }
            let terms = Terms {
                wildcards,
                delivery: rule.delivery.unwrap_or(delivery),
                transforms: &transforms,
            };
            self.rule(position, index, &name, rule, &terms);
        }
        if let Some(route) = &routing.default_route {
            let targets = route.targets.iter().filter_map(|target| {
                self.target(target)
                    .map_err(|error| {
                        self.say(position, bad_target(&error, "$.spec.defaultRoute.targets"))
                    })
                    .ok()
            });
            let targets = targets.collect();
            self.rules.default_routes.push(CompiledDefault {
                action: route.action,
                targets,
            });
        }
    }

    /// Name and position of the transforms of a document that are good; those that a rule uses have their callback.
    fn transforms<'m>(
        &mut self,
        position: usize,
        routing: &'m MessageRouting,
    ) -> HashMap<&'m str, u32> {
        let mut numbers = HashMap::new();
        for transform in &routing.transforms {
            let is_used = routing.uses(&transform.name);
            if let Some(callback) = missing(transform, self.host.callbacks)
                && is_used
            {
                let language = transform.language.as_str();
                let diagnostic = Diagnostic::new(
                    code::NO_CALLBACK,
                    Severity::Error,
                    format!(
                        "transform `{}` is {language}, for which the host has no callback `{callback}`",
                        transform.name
                    ),
                )
                .with_help("write it in JMESPath or as a template, or register the callback with the host")
                .at_path(format!("{}.type", transform.path));
                self.say(position, diagnostic);
            }
            let (compiled, remarks) = Transform::compile(transform);
            for remark in remarks {
                self.say(position, remark);
            }
            match compiled {
                Ok(compiled) => {
                    numbers.insert(
                        transform.name.as_str(),
                        number_of(self.rules.transforms.len()),
                    );
                    self.rules.transforms.push(compiled);
                }
                // Nobody is harmed by one that no rule uses.
                Err(mut error) => {
                    if !is_used {
                        error.severity = Severity::Warning;
                    }
                    self.say(position, *error);
                }
            }
        }
        numbers
    }

    fn rule(
        &mut self,
        position: usize,
        index: usize,
        routing: &Arc<str>,
        rule: &Rule,
        terms: &Terms<'_>,
    ) {
        let channel = ChannelPattern::parse_with(&rule.channel, terms.wildcards)
            .map_err(|error| bad_channel(&error, format!("{}.channel", rule.path)));
        let channel = self.keep(position, channel);
        let filter = match rule.filter.as_ref().map(Filter::compile) {
            None => Some(None),
            Some(Ok(filter)) => Some(Some(filter)),
            Some(Err(errors)) => {
                for error in errors {
                    self.say(position, error);
                }
                None
            }
        };
        let mut targets: Vec<u32> = Vec::with_capacity(rule.targets.len());
        for (at, target) in rule.targets.iter().enumerate() {
            let path = format!("{}.targets[{at}]", rule.path);
            if terms.delivery == DeliveryMode::Failover && target.starts_with(CHANNEL_TARGET) {
                self.say(position, no_failover(target, path));
                continue;
            }
            let target = self
                .target(target)
                .map_err(|error| bad_target(&error, &path));
            if let Some(target) = self.keep(position, target)
                && !targets.contains(&target)
            {
                targets.push(target);
            }
        }
        let transform = match &rule.transform {
            None => Some(None),
            Some(name) => terms.transforms.get(name.as_str()).copied().map(Some),
        };
        let (Some(channel), Some(filter), Some(transform)) = (channel, filter, transform) else {
            return;
        };
        let compiled = CompiledRule {
            id: match &rule.id {
                Some(id) => id.as_str().into(),
                None => format!("{routing}[{index}]").into(),
            },
            routing: Arc::clone(routing),
            channel,
            source: Glob::of_source(&rule.source),
            filter,
            targets: targets.into(),
            delivery: terms.delivery,
            transform,
            priority: rule.priority,
            enabled: rule.enabled,
            manifest: position,
            path: rule.path.as_str().into(),
        };
        if compiled.enabled {
            self.rules.index.add(
                number_of(self.rules.rules.len()),
                &compiled.channel,
                &compiled.source,
                compiled.filter.as_ref(),
            );
        }
        self.rules.rules.push(compiled);
    }

    fn keep<T>(&mut self, position: usize, result: Result<T, Diagnostic>) -> Option<T> {
        result
            .map_err(|diagnostic| self.say(position, diagnostic))
            .ok()
    }

    /// The position of a target; the same name is the same target.
    fn target(&mut self, text: &str) -> Result<u32, ChannelError> {
        if let Some(number) = self.targets.get(text) {
            return Ok(*number);
        }
        let target = match text.strip_prefix(CHANNEL_TARGET) {
            Some(channel) => Target::Channel(ChannelName::parse(channel)?),
            None => Target::Name(text.into()),
        };
        let number = number_of(self.rules.targets.len());
        self.rules.targets.push(target);
        self.targets.insert(text.to_owned(), number);
        Ok(number)
    }
}

/// What a document says about all its rules.
struct Terms<'t> {
    wildcards: Wildcards,
    delivery: DeliveryMode,
    /// Positions of the transforms that can be used, by name.
    transforms: &'t HashMap<&'t str, u32>,
}

/// What an annotation says about wildcards.
fn annotated(manifest: &Manifest) -> Wildcards {
    match annotation(manifest, WILDCARDS_ANNOTATION) {
        Some("multi") => Wildcards::Multi,
        _ => Wildcards::Segment,
    }
}

fn annotation<'m>(manifest: &'m Manifest, name: &str) -> Option<&'m str> {
    let mut annotations = manifest.metadata.annotations.iter();
    let found = annotations.find(|(known, _)| known == name);
    found.map(|(_, value)| value.as_str())
}

/// A channel takes every message: nothing could come after it.
fn no_failover(target: &str, path: String) -> Diagnostic {
    Diagnostic::new(
        code::NO_FAILOVER,
        Severity::Error,
        format!("with `delivery: failover`, `{target}` cannot be a target: a channel never fails"),
    )
    .with_help(
        "name agents, workflows and listeners, or publish on the channel with a rule of its own",
    )
    .at_path(path)
}

fn bad_channel(error: &ChannelError, path: String) -> Diagnostic {
    Diagnostic::new(error.code(), Severity::Error, error.to_string())
        .with_help(error.help())
        .at_path(path)
}

fn bad_target(error: &ChannelError, path: &str) -> Diagnostic {
    bad_channel(error, path.to_owned())
}

/// A manifest holds no more rules than it has bytes, which are far fewer than a `u32` counts.
fn number_of(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

/// What is to be said about one manifest by itself, for
/// [`Loaded::review`](crate::manifest::Loaded::review): rules that cannot be compiled, and names of channels.
#[must_use]
pub fn review(manifest: &Manifest, host: &Host<'_>) -> Vec<Diagnostic> {
    let mut found: Vec<Diagnostic> = match manifest.kind() {
        Kind::MessageRouting => match Rules::compile([manifest], host) {
            Ok(rules) => rules.warnings,
            Err(findings) => findings,
        }
        .into_iter()
        .map(|finding| finding.diagnostic)
        .collect(),
        Kind::Task | Kind::Workflow | Kind::Agent => Vec::new(),
    };
    found.extend(lint::channels(manifest));
    found
}
