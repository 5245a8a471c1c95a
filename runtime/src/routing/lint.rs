//! What is probably not meant: channels that are none, wildcards that fall short, targets that nobody knows.

use std::collections::BTreeSet;

use crate::manifest::model::{Body, Manifest};
use crate::manifest::{Diagnostic, Severity};

use super::channel::{ChannelError, ChannelName, ChannelPattern, SegmentPattern, agent_name};
use super::code;
use super::filter::Filter;
use super::route::Target;
use super::rules::{Finding, Host, Rules};

/// Adds what is to be said about rules among their manifests.
pub(super) fn check(
    rules: &Rules,
    manifests: &[&Manifest],
    host: &Host<'_>,
    findings: &mut Vec<Finding>,
) {
    targets(rules, manifests, host, findings);
    wildcards(rules, manifests, findings);
}

/// Targets that are no agents, when some agents are known.
fn targets(rules: &Rules, manifests: &[&Manifest], host: &Host<'_>, findings: &mut Vec<Finding>) {
    let mut known: BTreeSet<&str> = host.targets.iter().map(String::as_str).collect();
    let others = manifests
        .iter()
        .filter(|manifest| !matches!(manifest.body, Body::MessageRouting(_)));
    known.extend(others.map(|manifest| manifest.metadata.name.as_str()));
    if known.is_empty() {
        return;
    }
    for rule in rules.all() {
        for (at, target) in rules.targets_of(rule).enumerate() {
            let Target::Name(name) = target else { continue };
            if known.contains(agent_name(name)) {
                continue;
            }
            let diagnostic = Diagnostic::new(
                code::UNKNOWN_TARGET,
                Severity::Warning,
                format!("`{name}` is no known agent, workflow or handler"),
            )
            .at_path(format!("{}.targets[{at}]", rule.path));
            let nearest = known
                .iter()
                .map(|it| (strsim::osa_distance(it, name), it))
                .min()
                .filter(|(distance, _)| *distance <= 2);
            findings.push(Finding {
                manifest: rule.manifest,
                diagnostic: match nearest {
                    Some((_, nearest)) => {
                        diagnostic.with_help(format!("did you mean `{nearest}`?"))
                    }
                    None => diagnostic.with_help("deliveries to it fail until the host knows it"),
                },
            });
        }
    }
}

/// Patterns whose `*` at an end would reach a published channel if it could stand for more segments.
fn wildcards(rules: &Rules, manifests: &[&Manifest], findings: &mut Vec<Finding>) {
    let published: BTreeSet<ChannelName> = manifests
        .iter()
        .filter_map(|manifest| manifest.body.messaging())
        .flat_map(|messaging| &messaging.publishes)
        .map(|publication| publication.channel.as_str())
        .chain(rules.all().iter().map(|rule| rule.channel.as_str()))
        .filter_map(|channel| ChannelName::parse(channel).ok())
        .collect();
    for rule in rules.all() {
        let Some(longer) = longer(&rule.channel) else {
            continue;
        };
        let missed = published
            .iter()
            .find(|channel| longer.matches(channel) && !rule.channel.matches(channel));
        if let Some(missed) = missed {
            let diagnostic = Diagnostic::new(
                code::SHORT_WILDCARD,
                Severity::Warning,
                format!(
                    "`{}` does not match `{missed}`: a `*` is one segment",
                    rule.channel
                ),
            )
            .with_help(format!(
                "write `{longer}` if it is meant, or `wildcards: multi` for the whole document"
            ))
            .at_path(format!("{}.channel", rule.path));
            findings.push(Finding {
                manifest: rule.manifest,
                diagnostic,
            });
        }
    }
}

/// The pattern with `#` for a `*` at its end or start.
fn longer(pattern: &ChannelPattern) -> Option<ChannelPattern> {
    let text = pattern.as_str();
    let longer = match pattern.segments() {
        [.., SegmentPattern::Any] => format!("{}#", text.strip_suffix('*')?),
        [SegmentPattern::Any, ..] => format!("#{}", text.strip_prefix('*')?),
        _ => return None,
    };
    ChannelPattern::parse(&longer).ok()
}

/// What is to be said about the channels that a manifest publishes on and subscribes to.
pub(super) fn channels(manifest: &Manifest) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    let Some(messaging) = manifest.body.messaging() else {
        return found;
    };
    for publication in &messaging.publishes {
        let path = format!("{}.channel", publication.path);
        match ChannelName::parse(&publication.channel) {
            Ok(channel) if channel.is_reserved() => found.push(
                Diagnostic::new(
                    code::RESERVED_CHANNEL,
                    Severity::Warning,
                    format!("`{channel}` begins with a word that the runtime keeps for itself"),
                )
                .with_help(
                    "choose a name that does not begin with `ossa.`, `system.` or `internal.`",
                )
                .at_path(path),
            ),
            Ok(_) => {}
            Err(error) => found.push(warning(&error, path)),
        }
    }
    for channel in &messaging.channels {
        if let Err(error) = ChannelPattern::parse(&channel.name) {
            found.push(warning(&error, format!("{}.name", channel.path)));
        }
    }
    for subscription in &messaging.subscribes {
        if let Err(error) = ChannelPattern::parse(&subscription.channel) {
            found.push(warning(&error, format!("{}.channel", subscription.path)));
        }
        if let Some(Err(errors)) = subscription.filter.as_ref().map(Filter::compile) {
            found.extend(errors);
        }
    }
    found
}

fn warning(error: &ChannelError, path: String) -> Diagnostic {
    Diagnostic::new(error.code(), Severity::Warning, error.to_string())
        .with_help(error.help())
        .at_path(path)
}
