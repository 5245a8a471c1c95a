//! The strict level: what the official schema of a version accepts.
//!
//! Written anew from what the schemas accept and refuse, in as few words as that takes, and held against the verdicts
//! for public manifests by a test. Versions from 0.4.6 on define nothing for tasks and workflows, so any `spec` is valid
//! there; what the last schema that does define them would say is added as a warning.

mod agent;
mod document;
mod message;
mod routing;
mod shape;
mod task;
mod workflow;

use std::collections::HashMap;
use std::sync::LazyLock;

use jsonschema::Validator;
use serde_json::{Map, Value, json};

use super::code;
use super::diagnostic::Severity;
use super::normalise::{Kind, Version};
use super::reader::{Part, Report};

/// Versions whose schemas say the same about what is checked here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Family {
    /// 0.2: agents only.
    V02,
    /// 0.3.0 and 0.3.1.
    V030,
    /// 0.3.2: `runtime.kubernetes`.
    V032,
    /// 0.3.3 to 0.3.5: `metadata.namespace`, open messaging.
    V033,
    /// 0.3.6, 0.3 and 1: more metadata.
    V036,
    /// 0.4 up to 0.4.5: more metadata.
    V045,
    /// From 0.4.6 on: only metadata is defined.
    V046,
}

impl Family {
    const ALL: [Self; 7] = [
        Self::V02,
        Self::V030,
        Self::V032,
        Self::V033,
        Self::V036,
        Self::V045,
        Self::V046,
    ];

    fn of(version: Version) -> Option<Self> {
        match (version.major, version.minor, version.patch) {
            (0, Some(2), _) => Some(Self::V02),
            (0, Some(3), Some(0 | 1)) => Some(Self::V030),
            (0, Some(3), Some(2)) => Some(Self::V032),
            (0, Some(3), Some(3..=5)) => Some(Self::V033),
            (0, Some(3), _) | (1, None | Some(0), _) => Some(Self::V036),
            (0, Some(4), None | Some(0..=5)) => Some(Self::V045),
            (0, Some(4 | 5), _) => Some(Self::V046),
            _ => None,
        }
    }

    /// Whether the schema says anything about tasks, workflows and `runtime`.
    fn defines_tasks(self) -> bool {
        self != Self::V046
    }

    /// Whether the kind is one of the version's.
    fn knows(self, kind: Kind) -> bool {
        // Message routing was specified for a day, in no release; it is held against that draft.
        self != Self::V02 || kind == Kind::Agent
    }
}

static VALIDATORS: LazyLock<HashMap<(Family, Kind), Validator>> = LazyLock::new(|| {
    let kinds = [
        Kind::Task,
        Kind::Workflow,
        Kind::MessageRouting,
        Kind::Agent,
    ];
    let all = Family::ALL
        .into_iter()
        .flat_map(|family| kinds.into_iter().map(move |kind| (family, kind)));
    all.filter_map(|(family, kind)| {
        Some((
            (family, kind),
            jsonschema::draft7::new(&schema(family, kind)).ok()?,
        ))
    })
    .collect()
});

fn schema(family: Family, kind: Kind) -> Value {
    let any = || Value::Object(Map::new());
    let spec = match kind {
        Kind::MessageRouting => routing::spec(),
        _ if !family.defines_tasks() => any(),
        Kind::Task => task::spec(),
        Kind::Workflow => workflow::spec(),
        Kind::Agent => agent::spec(family),
    };
    shape::with(
        document::document(family, spec),
        "definitions",
        json!({workflow::STEP: workflow::step()}),
    )
}

/// Holds the document against the schema of its version. A document whose kind or version cannot be told is left to the
/// model, which says so.
pub(super) fn check(part: &Part<'_>, report: &Report) {
    let said = |name: &str| part.value.get(name).and_then(Value::as_str);
    let Some(kind) = said("kind").and_then(Kind::from_name) else {
        return;
    };
    let Some(api_version) = said("apiVersion") else {
        return;
    };
    let Some(family) = super::normalise::version(api_version).and_then(Family::of) else {
        let place = part.member("apiVersion").unwrap_or_else(|| part.clone());
        report.push(
            place
                .error(
                    code::NO_SCHEMA,
                    format!("there is no schema for `{api_version}`"),
                )
                .with_help("use `ossa/v0.3.0` to `ossa/v0.5.0`, or load without the strict level"),
        );
        return;
    };
    if !family.knows(kind) {
        let place = part.member("kind").unwrap_or_else(|| part.clone());
        report.push(
            place
                .error(
                    code::SCHEMA_VIOLATION,
                    format!("`{api_version}` has no kind `{kind}`"),
                )
                .with_help("use `ossa/v0.3.0` or later"),
        );
        return;
    }
    violations(
        part,
        family,
        kind,
        Severity::Error,
        code::SCHEMA_VIOLATION,
        report,
    );
    if !family.defines_tasks() && matches!(kind, Kind::Task | Kind::Workflow) {
        violations(
            part,
            Family::V045,
            kind,
            Severity::Warning,
            code::UNDEFINED_BY_SCHEMA,
            report,
        );
    }
}

fn violations(
    part: &Part<'_>,
    family: Family,
    kind: Kind,
    severity: Severity,
    code: &'static str,
    report: &Report,
) {
    let Some(validator) = VALIDATORS.get(&(family, kind)) else {
        return;
    };
    for error in validator.iter_errors(part.value) {
        if report.is_full(severity) {
            break;
        }
        message::push(part, &error, severity, code, report);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_schema_compiles() {
        assert_eq!(VALIDATORS.len(), Family::ALL.len() * 4);
    }
}
