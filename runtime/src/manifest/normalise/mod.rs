//! From a document to the model: every alias and dialect in one place each, a warning where the author should change
//! something.

mod action;
mod channel;
mod control;
mod errors;
mod expression;
mod filter;
mod messaging;
mod metadata;
mod reference;
mod retry;
mod routing;
mod runtime;
mod schema;
mod secret;
mod step;
mod task;
mod time;
mod trigger;
mod version;
mod waiting;
mod workflow;

pub(super) use version::{Version, version};

use super::code;
use super::model::{Agent, Body, Manifest, Origin};
use super::reader::{Fields, Part, Report};

/// The kinds of OSSA that are read here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// One unit of work.
    Task,
    /// Steps in an order.
    Workflow,
    /// Rules that route messages.
    MessageRouting,
    /// An agent.
    Agent,
}

impl Kind {
    /// As written in manifests.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Task => "Task",
            Self::Workflow => "Workflow",
            Self::MessageRouting => "MessageRouting",
            Self::Agent => "Agent",
        }
    }

    /// The kind of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "Task" => Some(Self::Task),
            "Workflow" => Some(Self::Workflow),
            "MessageRouting" => Some(Self::MessageRouting),
            "Agent" => Some(Self::Agent),
            _ => None,
        }
    }
}

impl std::fmt::Display for Kind {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// The model of the document at `part`. What is wrong with it is in `report`; without errors there is a manifest.
pub(super) fn manifest(part: &Part<'_>, report: &Report) -> Option<Manifest> {
    let fields = Fields::of(part, report);
    let api_version = fields.required("apiVersion").and_then(|part| {
        let text = part.text(report)?;
        version::check(&part, text, report);
        Some(text.to_owned())
    });
    let kind = fields.required("kind").and_then(|part| kind(&part, report));
    let metadata = fields
        .required("metadata")
        .and_then(|part| metadata::metadata(&part, report));
    let runtime_part = fields.get("runtime");
    let runtime = runtime_part
        .as_ref()
        .map(|part| runtime::runtime(part, report))
        .unwrap_or_default();
    let spec = fields.required("spec");
    let body = spec.zip(kind).and_then(|(spec, kind)| {
        secret::warn_below(&spec, report);
        body(kind, &spec, runtime_part.as_ref(), part, report)
    });
    Some(Manifest {
        api_version: api_version?,
        metadata: metadata?,
        body: body?,
        runtime,
        origin: Origin::default(),
    })
}

fn kind(part: &Part<'_>, report: &Report) -> Option<Kind> {
    let name = part.text(report)?;
    let kind = Kind::from_name(name);
    if kind.is_none() {
        report.push(
            part.error(
                code::UNKNOWN_KIND,
                format!("`{name}` is no kind this runtime knows"),
            )
            .with_help("it knows `Task`, `Workflow`, `MessageRouting` and `Agent`"),
        );
    }
    kind
}

fn body(
    kind: Kind,
    spec: &Part<'_>,
    runtime: Option<&Part<'_>>,
    document: &Part<'_>,
    report: &Report,
) -> Option<Body> {
    let messaging = || messaging::messaging(spec, document, report);
    match kind {
        Kind::Task => {
            let mut task = task::task(spec, report)?;
            task.messaging = messaging();
            Some(Body::Task(Box::new(task)))
        }
        Kind::Workflow if routing::stands_in_workflow(spec) => {
            report.push(
                spec.key_warning(
                    code::ROUTING_AS_WORKFLOW,
                    "a workflow with rules and without steps is read as MessageRouting",
                )
                .with_help("write `kind: MessageRouting`"),
            );
            let routing = routing::routing(spec, report)?;
            Some(Body::MessageRouting(Box::new(routing)))
        }
        Kind::Workflow => {
            let mut workflow = workflow::workflow(spec, runtime, report)?;
            workflow.messaging = messaging();
            Some(Body::Workflow(Box::new(workflow)))
        }
        Kind::MessageRouting => {
            let routing = routing::routing(spec, report)?;
            Some(Body::MessageRouting(Box::new(routing)))
        }
        Kind::Agent => {
            spec.object(report)?;
            Some(Body::Agent(Box::new(Agent {
                document: document.value.clone(),
                messaging: messaging(),
            })))
        }
    }
}
