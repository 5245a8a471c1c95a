//! `ossa route`: where does this message go, and why?

use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use clap::Args;
use ossa_runtime::manifest::{self, Kind, Loaded, MAX_BYTES, Options, Severity, render};
use ossa_runtime::port::{Priority, Timestamp};
use ossa_runtime::routing::{
    ChannelName, Context, Dialect, Elsewhere, Envelope, Explanation, Host, Rules,
};
use serde_json::{Map, Value};

use crate::output::{FAILURE, FINDINGS, Output};

/// Say where a message goes: which rules match, which do not, and why
///
/// Exit code 0: routed, also when it is dropped or refused; 1: the rules have errors; 2: wrong usage, or something cannot
/// be read.
#[derive(Debug, Args)]
pub(crate) struct Route {
    /// A file or folder with message routing; agents in it count as known
    rules: PathBuf,
    /// The payload as JSON, or a whole envelope; `@FILE` reads a file, `@-` standard input
    #[arg(default_value = "{}")]
    message: String,
    /// Who publishes the message
    #[arg(long, value_name = "NAME")]
    source: Option<String>,
    /// Where it is published
    #[arg(long, value_name = "NAME")]
    channel: Option<String>,
    /// How urgent the message says it is: low, normal, high or critical
    #[arg(long, value_parser = priority)]
    priority: Option<Priority>,
    /// A callback that the host has, for transforms that need one: jsonata, or what a custom transform names; may be given
    /// several times. It is not called
    #[arg(long, value_name = "NAME")]
    callback: Vec<String>,
    /// Write one JSON object
    #[arg(long)]
    json: bool,
}

/// What keeps a message from being routed.
enum Problem {
    /// The exit code after it was told.
    Told(u8),
    /// Something cannot be read.
    Unreadable(String),
}

impl Route {
    pub(crate) fn run(self, output: &mut Output) -> io::Result<u8> {
        let explained = self.rules(output).and_then(|(rules, agents)| {
            let now = now();
            let message = self.message(now).map_err(Problem::Unreadable)?;
            let context = Context {
                agents: &agents,
                callbacks: &self.callbacks(),
                ..Context::at(now)
            };
            Ok((rules.explain(&message, &context), message))
        });
        match explained {
            Ok((explanation, _)) if self.json => {
                output.line(explanation.to_json().to_string())?;
                Ok(0)
            }
            Ok((explanation, message)) => {
                write(&explanation, &message, output)?;
                Ok(0)
            }
            Err(Problem::Told(code)) => Ok(code),
            Err(Problem::Unreadable(reason)) => {
                output.note(format!("ossa: {reason}"));
                Ok(FAILURE)
            }
        }
    }

    fn callbacks(&self) -> Elsewhere {
        Elsewhere::named(self.callback.clone())
    }

    /// The rules, and the names of the agents beside them.
    fn rules(&self, output: &mut Output) -> Result<(Rules, Vec<String>), Problem> {
        let path = &self.rules;
        let unreadable =
            |reason: String| Problem::Unreadable(format!("{}: {reason}", path.display()));
        let found =
            manifest::manifest_files(path).map_err(|error| unreadable(error.to_string()))?;
        if found.is_empty() {
            return Err(unreadable("there are no manifests in it".to_owned()));
        }
        let mut files: Vec<Loaded> = Vec::new();
        for file in found {
            files.push(load(&file).map_err(unreadable)?);
        }
        let host = Host {
            callbacks: &self.callbacks(),
            ..Host::default()
        };
        let rules = Rules::of_files(&mut files, &host);
        for diagnostic in files.iter().flat_map(Loaded::diagnostics) {
            if diagnostic.severity != Severity::Note {
                output.note(render::text(diagnostic, render::Colour::Never).trim_end());
            }
        }
        let agents = files.iter().flat_map(Loaded::manifests);
        let agents = agents.filter(|manifest| manifest.kind() == Kind::Agent);
        let names = agents.map(|agent| agent.metadata.name.clone()).collect();
        rules
            .map(|rules| (rules, names))
            .ok_or(Problem::Told(FINDINGS))
    }

    /// The message: an envelope, of which source and channel may be given apart, or a payload with both.
    fn message(&self, now: Timestamp) -> Result<Envelope, String> {
        let text = match self.message.strip_prefix('@') {
            Some("-") => read(io::stdin())?,
            Some(path) => {
                let file = std::fs::File::open(path);
                read(file.map_err(|error| format!("{path}: {error}"))?)?
            }
            None => self.message.clone(),
        };
        let value: Value = serde_json::from_str(&text)
            .map_err(|error| format!("the message is no JSON: {error}"))?;
        let is_envelope = Dialect::of(&value).is_some() && value.get("payload").is_some();
        let mut message = if is_envelope {
            self.envelope(value, now)?
        } else {
            let (Some(source), Some(channel)) = (&self.source, &self.channel) else {
                return Err("a payload needs --source and --channel".to_owned());
            };
            let channel = ChannelName::parse(channel).map_err(|error| error.to_string())?;
            Envelope::new("message", channel, source.as_str(), now, value)
        };
        if self.priority.is_some() {
            message.metadata.priority = self.priority;
        }
        Ok(message)
    }

    /// An envelope as it would be published now, unless it says otherwise.
    fn envelope(&self, value: Value, now: Timestamp) -> Result<Envelope, String> {
        let mut members = Map::new();
        members.insert("id".to_owned(), "message".into());
        members.insert("timestamp".to_owned(), now.to_string().into());
        if let Value::Object(own) = value {
            members.extend(own);
        }
        if let Some(channel) = &self.channel {
            members.insert("channel".to_owned(), channel.as_str().into());
        }
        let read = Envelope::read(Value::Object(members), now);
        let mut message = read.map_err(|error| format!("{error} ({})", error.code()))?;
        if let Some(source) = &self.source {
            message.source.clone_from(source);
        }
        Ok(message)
    }
}

fn priority(text: &str) -> Result<Priority, String> {
    Priority::parse(text).ok_or_else(|| "use low, normal, high or critical".to_owned())
}

fn now() -> Timestamp {
    let since = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    Timestamp::EPOCH.after(since)
}

fn load(path: &Path) -> Result<Loaded, String> {
    if path == Path::new("-") {
        let text = read(io::stdin())?;
        return Ok(manifest::load_str(
            &text,
            &Options::default().with_file("-"),
        ));
    }
    manifest::load_file(path, &Options::default()).map_err(|diagnostic| diagnostic.message)
}

fn read(source: impl Read) -> Result<String, String> {
    let bound = u64::try_from(MAX_BYTES).unwrap_or(u64::MAX);
    let mut text = String::new();
    let read = source.take(bound).read_to_string(&mut text);
    read.map_err(|error| error.to_string())?;
    Ok(text)
}

fn write(explanation: &Explanation, message: &Envelope, output: &mut Output) -> io::Result<()> {
    let routed = &explanation.routed;
    output.line(format!(
        "{} on {}: {}",
        message.source,
        message.channel,
        routed.outcome.as_str().replace('_', " ")
    ))?;
    if !routed.deliveries.is_empty() {
        output.line("\nDeliveries, in their order")?;
    }
    let names = routed.deliveries.iter().map(|it| it.target.to_string());
    let width = names.map(|name| name.chars().count()).max().unwrap_or(0);
    for delivery in &routed.deliveries {
        let target = delivery.target.to_string();
        let by = match &*delivery.rules {
            [] => "by the default route".to_owned(),
            rules => format!("by {}", rules.join(" and ")),
        };
        let made = match (&delivery.transform, &delivery.pending) {
            (Some(name), None) => format!(", as {name} makes it: {}", delivery.payload),
            (Some(name), Some(_)) => format!(", as {name} of the host makes it"),
            (None, _) => String::new(),
        };
        let others: Vec<_> = delivery.failover.iter().map(ToString::to_string).collect();
        let others = match others.as_slice() {
            [] => String::new(),
            others => format!(", or if it fails {}", others.join(", then ")),
        };
        let priority = delivery.priority.as_str();
        output.line(format!(
            "  {priority:<8}  {target:<width$}  {by}{made}{others}"
        ))?;
    }
    if !routed.refusals.is_empty() {
        output.line("\nDead letters")?;
    }
    for refusal in &routed.refusals {
        let rule = refusal.rule.as_ref().map(|rule| format!(" of rule {rule}"));
        output.line(format!(
            "  {}{}: {}",
            refusal.reason,
            rule.unwrap_or_default(),
            refusal.detail
        ))?;
    }
    output.line("\nRules")?;
    for judgement in &explanation.rules {
        let word = if judgement.matches { "yes" } else { "no" };
        let why = judgement.why.as_ref().map(|why| format!(": {why}"));
        let rule = &judgement.rule;
        output.line(format!("  {word:<3}  {rule}{}", why.unwrap_or_default()))?;
    }
    Ok(())
}
