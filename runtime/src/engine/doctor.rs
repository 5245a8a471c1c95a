//! Whether an installation can keep what it promises: the store, what is in it, the manifests, the clock.

use serde::Serialize;
use serde_json::json;

use super::Engine;
use crate::error::Error;
use crate::manifest::{Document, Kind};
use crate::plan::TaskCall;
use crate::port::{Page, RunFilter};
use crate::run::HandlerKey;

const NAMESPACE: &str = "ossa.doctor";
/// Clocks of machines that keep them in step differ by less.
const CLOCK_TOLERANCE_MS: i64 = 2_000;

/// How much an examined thing weighs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Condition {
    /// As it should be.
    Fine,
    /// It works, but may lose or delay something.
    Warning,
    /// It does not work.
    Broken,
}

/// One thing that was examined.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Examined {
    /// What it is about: `store`, `manifests`, `clock`, `queue`.
    pub subject: &'static str,
    /// How it is.
    pub condition: Condition,
    /// What was found, and what it may cost. Never contains credentials.
    pub found: String,
    /// What to change.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
}

/// A handler that some step calls.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NeededHandler {
    /// The manifest's `metadata.name`.
    pub manifest: String,
    /// The step's id.
    pub step: String,
    /// The names under which it may be bound; the first that is wins.
    pub keys: Vec<HandlerKey>,
    /// What the manifest proposes.
    pub bindings: Vec<ProposedHandler>,
}

/// A service that a manifest proposes for a capability.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ProposedHandler {
    /// The capability.
    pub capability: String,
    /// Service or class.
    pub service: Option<String>,
    /// Its method.
    pub method: Option<String>,
}

impl Examined {
    fn fine(subject: &'static str, found: impl Into<String>) -> Self {
        Self {
            subject,
            condition: Condition::Fine,
            found: found.into(),
            remedy: None,
        }
    }

    fn warning(subject: &'static str, found: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self {
            condition: Condition::Warning,
            remedy: Some(remedy.into()),
            ..Self::fine(subject, found)
        }
    }

    fn broken(subject: &'static str, error: &Error) -> Self {
        Self {
            condition: Condition::Broken,
            remedy: error.help().map(ToString::to_string),
            ..Self::fine(subject, format!("{error} ({})", error.code()))
        }
    }
}

impl Engine {
    /// Looks at everything an engine depends on. Opens the store, and makes it when it is not there; leaves nothing
    /// behind in it.
    #[must_use]
    pub fn examine(&self) -> Vec<Examined> {
        let mut examined = self.examine_manifests();
        match self.examine_store() {
            Ok(store) => examined.extend(store),
            Err(error) => examined.push(Examined::broken("store", &error)),
        }
        examined
    }

    /// What the steps of all valid manifests call, for hosts that know what is bound.
    #[must_use]
    pub fn needed_handlers(&self) -> Vec<NeededHandler> {
        let mut needed = Vec::new();
        let documents = self.manifests();
        let manifests = documents.iter().filter_map(|it| it.manifest.as_ref());
        for manifest in manifests.filter(|it| matches!(it.kind(), Kind::Task | Kind::Workflow)) {
            let name = &manifest.metadata.name;
            // What cannot be compiled was told with the manifests.
            let Ok(plan) = self.core().library.plan(name, Some(manifest.kind())) else {
                continue;
            };
            for node in plan.nodes() {
                let mut task = node.task();
                while let Some(call) = task {
                    needed.extend(handlers(name, &node.id, call));
                    task = call.fallback.as_deref();
                }
            }
        }
        needed
    }

    fn examine_store(&self) -> Result<Vec<Examined>, Error> {
        let probe = &self.core().worker.0;
        let written = self.kv_write(NAMESPACE, probe, Some(json!(true)), None, None)?;
        let read = self.kv_get(NAMESPACE, probe)?;
        self.kv_write(NAMESPACE, probe, None, None, None)?;
        let mut examined = vec![if written == read.map(|entry| entry.version) {
            Examined::fine("store", "it can be read and written")
        } else {
            Examined::warning(
                "store",
                "what was read is not what was written just before",
                "name the primary server in the DSN, not a replica or a balancer",
            )
        }];
        for finding in self.core().backend()?.findings()? {
            let found = format!("{}: {}", finding.found, finding.risk);
            examined.push(Examined::warning("store", found, finding.remedy));
        }
        examined.push(self.examine_clock()?);
        let queue = self.core().options.queue.as_str();
        let dead = self.count(&format!("{queue}.dead"))?;
        let dead = dead.ready.saturating_add(dead.leased);
        if dead > 0 {
            examined.push(Examined::warning(
                "queue",
                format!("`{queue}.dead` holds {dead} messages that failed for good or that several workers did not survive"),
                "find out why they failed, then move them back or remove them",
            ));
        }
        Ok(examined)
    }

    /// Workers whose clocks differ fire timers and take over leases too early or too late.
    fn examine_clock(&self) -> Result<Examined, Error> {
        let newest = Page {
            after: None,
            limit: 1,
        };
        let runs = self.runs(&RunFilter::default(), &newest)?.runs;
        let now = self.core().now().as_millis();
        let ahead = runs
            .first()
            .map_or(0, |run| run.created_at.as_millis().saturating_sub(now));
        Ok(if ahead > CLOCK_TOLERANCE_MS {
            Examined::warning(
                "clock",
                format!(
                    "the newest run was started {ahead} ms in the future: the clocks of the machines differ, and leases and timers with them"
                ),
                "have all machines keep their clocks by NTP",
            )
        } else {
            Examined::fine("clock", "it is not behind that of the store's last writer")
        })
    }

    fn examine_manifests(&self) -> Vec<Examined> {
        let documents = self.manifests();
        let mut examined: Vec<Examined> = documents.iter().filter_map(of_document).collect();
        if examined.is_empty() {
            let count = documents.len();
            examined.push(Examined::fine("manifests", format!("{count}, all valid")));
        }
        examined
    }
}

fn of_document(document: &Document) -> Option<Examined> {
    let first = document.diagnostics.iter().find(|it| it.is_error())?;
    let file = first.file.as_ref().map(|file| file.display().to_string());
    Some(Examined {
        subject: "manifests",
        condition: Condition::Broken,
        found: format!(
            "{}:{}: {} ({})",
            file.unwrap_or_default(),
            first.line,
            first.message,
            first.code
        ),
        remedy: first.help.clone(),
    })
}

fn handlers<'a>(
    manifest: &'a str,
    step: &'a str,
    call: &'a TaskCall,
) -> impl Iterator<Item = NeededHandler> + 'a {
    let bindings = call.bindings.iter().map(|binding| ProposedHandler {
        capability: binding.capability.clone(),
        service: binding.service.clone(),
        method: binding.method.clone(),
    });
    let bindings: Vec<ProposedHandler> = bindings.collect();
    call.calls.iter().map(move |handler| NeededHandler {
        manifest: manifest.to_owned(),
        step: step.to_owned(),
        keys: handler.keys.clone(),
        bindings: bindings.clone(),
    })
}
