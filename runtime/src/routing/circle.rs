//! Circles that messages could go round in.
//!
//! A rule hands a message to an agent, and what the agent publishes is a message of its own: the rules cannot tell whether
//! it will, so a circle through agents is a warning, and the limit of hops ends it. A circle of rules that hand messages
//! from channel to channel by themselves never ends: it is an error. Filters are not looked into.

use std::collections::{BTreeMap, BTreeSet};

use crate::manifest::model::Manifest;
use crate::manifest::{Diagnostic, Severity};

use super::channel::{ChannelName, agent_name};
use super::code;
use super::route::Target;
use super::rules::{CompiledRule, Finding, Rules};

/// At most so many circles are told.
const MOST: usize = 20;

/// Adds a finding for each circle.
pub(super) fn check(rules: &Rules, manifests: &[&Manifest], findings: &mut Vec<Finding>) {
    let forwards = forwards(rules);
    for circle in circles(&forwards) {
        let channels: Vec<String> = circle
            .iter()
            .map(|(channel, _)| channel.to_string())
            .collect();
        let message = format!("routes go round in a circle: {}", spelled(&channels));
        findings.extend(finding(
            &circle,
            code::CIRCLE,
            Severity::Error,
            message,
            "take one of the channels out of the targets",
        ));
    }
    let agents = through_agents(rules, manifests);
    for circle in circles(&agents) {
        let steps: Vec<String> = circle
            .iter()
            .map(|((agent, channel), _)| format!("{agent} on {channel}"))
            .collect();
        let message = format!("messages may go round in a circle: {}", spelled(&steps));
        findings.extend(finding(
            &circle,
            code::CIRCLE_OF_AGENTS,
            Severity::Warning,
            message,
            "make sure that an agent ends it; after 16 messages the runtime does",
        ));
    }
}

type Step<'r, N> = (N, &'r CompiledRule);
type Graph<'r, N> = BTreeMap<N, Vec<Step<'r, N>>>;

/// From each channel that a rule forwards to, those it is forwarded to from there.
fn forwards(rules: &Rules) -> Graph<'_, ChannelName> {
    let mut targets: BTreeSet<&ChannelName> = BTreeSet::new();
    let mut forwarding = Vec::new();
    for rule in rules.all().iter().filter(|rule| rule.enabled) {
        for target in rules.targets_of(rule) {
            if let Target::Channel(channel) = target {
                targets.insert(channel);
                forwarding.push((rule, channel));
            }
        }
    }
    let mut graph = Graph::new();
    for from in targets {
        let next = forwarding
            .iter()
            .filter(|(rule, _)| rule.channel.matches(from))
            .map(|(rule, to)| ((*to).clone(), *rule));
        graph.insert(from.clone(), next.collect());
    }
    graph
}

/// From each agent and channel it publishes on, the agents that get the message and the channels they publish on.
fn through_agents<'r>(
    rules: &'r Rules,
    manifests: &[&Manifest],
) -> Graph<'r, (String, ChannelName)> {
    let mut published: BTreeMap<&str, Vec<ChannelName>> = BTreeMap::new();
    for manifest in manifests {
        let Some(messaging) = manifest.body.messaging() else {
            continue;
        };
        let channels = messaging.publishes.iter();
        let channels = channels.filter_map(|it| ChannelName::parse(&it.channel).ok());
        published
            .entry(&manifest.metadata.name)
            .or_default()
            .extend(channels);
    }
    let mut graph = Graph::new();
    for (agent, channels) in &published {
        for channel in channels {
            let mut next = Vec::new();
            for rule in rules.all().iter().filter(|rule| rule.enabled) {
                if !rule.source.matches(agent) || !rule.channel.matches(channel) {
                    continue;
                }
                for target in rules.targets_of(rule) {
                    let Target::Name(name) = target else { continue };
                    let name = agent_name(name);
                    let answers = published.get(name).into_iter().flatten();
                    next.extend(answers.map(|it| ((name.to_owned(), it.clone()), rule)));
                }
            }
            graph.insert(((*agent).to_owned(), channel.clone()), next);
        }
    }
    graph
}

/// Circles of a graph, one for each step that closes some: the first that a walk from every node meets.
fn circles<'r, N: Ord + Clone>(graph: &Graph<'r, N>) -> Vec<Vec<Step<'r, N>>> {
    let mut found: Vec<Vec<Step<'r, N>>> = Vec::new();
    let mut done: BTreeSet<&N> = BTreeSet::new();
    for start in graph.keys() {
        // The way here: each node with what is still to be followed from it, and the rule that leads on.
        let mut way: Vec<(&N, usize)> = vec![(start, 0)];
        if done.contains(start) {
            continue;
        }
        while let Some((node, at)) = way.last_mut() {
            let Some((next, _)) = graph.get(*node).and_then(|steps| steps.get(*at)) else {
                done.insert(*node);
                way.pop();
                continue;
            };
            *at += 1;
            if let Some(first) = way.iter().position(|(node, _)| *node == next) {
                let circle = way.get(first..).unwrap_or_default();
                let steps = circle.iter().filter_map(|(node, at)| {
                    let (_, rule) = graph.get(*node)?.get(at.checked_sub(1)?)?;
                    Some(((*node).clone(), *rule))
                });
                found.push(steps.collect());
                if found.len() == MOST {
                    return found;
                }
            } else if let Some((next, _)) = graph.get_key_value(next)
                && !done.contains(next)
            {
                way.push((next, 0));
            }
        }
    }
    found
}

/// `a → b → a`.
fn spelled(steps: &[String]) -> String {
    let first = steps.first().cloned();
    let all: Vec<String> = steps.iter().cloned().chain(first).collect();
    all.join(" → ")
}

fn finding<N>(
    circle: &[Step<'_, N>],
    code: &'static str,
    severity: Severity,
    message: String,
    help: &str,
) -> Option<Finding> {
    let (_, rule) = circle.first()?;
    Some(Finding {
        manifest: rule.manifest,
        diagnostic: Diagnostic::new(code, severity, message)
            .with_help(help)
            .at_path(&*rule.path),
    })
}
