//! Transforms, ready to be applied.

use std::sync::Arc;

use serde_json::Value;

use crate::manifest::model::{self, TransformLanguage};
use crate::manifest::{Diagnostic, Severity};
use crate::plan::Schema;
use crate::port::Timestamp;

use super::callback::{Call, Callbacks, needed};
use super::code;
use super::jmespath::JmesPath;
use super::reason::Reason;
use super::template::Template;

/// What makes of a message what targets get.
#[derive(Debug)]
pub(super) struct Transform {
    pub(super) name: Arc<str>,
    work: Work,
    output: Option<Schema>,
}

#[derive(Debug)]
enum Work {
    JmesPath(JmesPath),
    Template(Template),
    Callback { name: String, expression: String },
}

impl Transform {
    /// The transform, or a finding why there is none; and what else is to be said about it.
    pub(super) fn compile(
        transform: &model::Transform,
    ) -> (Result<Self, Box<Diagnostic>>, Vec<Diagnostic>) {
        let mut remarks = Vec::new();
        let compiled = Work::compile(transform, &mut remarks)
            .map_err(|reason| {
                let message = format!("transform `{}` cannot be read: {reason}", transform.name);
                error(message, format!("{}.expression", transform.path))
            })
            .and_then(|work| {
                let schema = transform.output_schema.clone().map(Schema::new).transpose();
                let output = schema
                    .map_err(|reason| error(reason, format!("{}.outputSchema", transform.path)))?;
                Ok(Self {
                    name: transform.name.as_str().into(),
                    work,
                    output,
                })
            });
        (compiled, remarks)
    }

    /// Whether code of the host makes it.
    pub(super) const fn is_of_host(&self) -> bool {
        matches!(self.work, Work::Callback { .. })
    }

    /// Whether what it makes depends on nothing but the payload.
    pub(super) fn is_of_payload(&self) -> bool {
        matches!(self.work, Work::JmesPath(_))
    }

    /// What it makes of the payload, or of the message with its rule; checked against the output schema.
    pub(super) fn apply(
        &self,
        payload: &Value,
        message: impl FnOnce() -> Value,
        now: Timestamp,
        callbacks: &dyn Callbacks,
    ) -> Result<Arc<Value>, (Reason, String)> {
        let made = match &self.work {
            Work::JmesPath(expression) => expression.apply(payload),
            Work::Template(template) => template.render(&message(), now),
            Work::Callback { name, expression } => callbacks.call(&Call {
                name,
                transform: &self.name,
                expression,
                message: &message(),
            }),
        };
        let made = made.map_err(|reason| (Reason::TransformFailed, reason))?;
        let violations = match &self.output {
            Some(schema) => schema.violations(&made),
            None => Vec::new(),
        };
        if violations.is_empty() {
            Ok(made.into())
        } else {
            Err((Reason::SchemaInvalid, violations.join("; ")))
        }
    }
}

impl Work {
    fn compile(
        transform: &model::Transform,
        remarks: &mut Vec<Diagnostic>,
    ) -> Result<Self, String> {
        let source = &transform.expression;
        match transform.language {
            TransformLanguage::JmesPath => {
                let parsed = JmesPath::parse(source)?;
                let words = parsed.bare_words().iter();
                remarks.extend(words.map(|word| bare_word(word, &transform.path)));
                Ok(Self::JmesPath(parsed))
            }
            TransformLanguage::Template => Template::parse(source).map(Self::Template),
            language @ (TransformLanguage::Jsonata | TransformLanguage::Custom) => {
                Ok(Self::Callback {
                    name: needed(language, source).unwrap_or_default().to_owned(),
                    expression: source.clone(),
                })
            }
        }
    }
}

fn error(message: String, path: String) -> Box<Diagnostic> {
    Box::new(Diagnostic::new(code::BAD_TRANSFORM, Severity::Error, message).at_path(path))
}

fn bare_word(word: &str, path: &str) -> Diagnostic {
    Diagnostic::new(
        code::BARE_WORD,
        Severity::Warning,
        format!(
            "a bare `{word}` is the name of a field in JMESPath, which is missing and gives null"
        ),
    )
    .with_help(format!("put it between backticks: `{word}`"))
    .at_path(format!("{path}.expression"))
}
