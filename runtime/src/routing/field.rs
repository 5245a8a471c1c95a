//! Fields of a message by their dotted path.

use std::borrow::Cow;

use serde_json::Value;

use super::envelope::Envelope;

/// The dotted path of a field.
///
/// `payload.…`, `metadata.…` and the names of the envelope's members begin at the envelope, everything else at the
/// payload. What the envelope does not have is looked for in the payload.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Field(Box<[Box<str>]>);

impl Field {
    pub(super) fn new(path: &str) -> Self {
        Self(path.split('.').map(Box::from).collect())
    }

    /// The value of the field; `None` = the message has no such field.
    pub(super) fn of<'e>(&self, message: &'e Envelope) -> Option<Cow<'e, Value>> {
        let (first, rest) = self.0.split_first()?;
        let in_envelope = match &**first {
            "payload" => walk(&message.payload, rest).map(Cow::Borrowed),
            "metadata" => metadata(message, rest),
            name if rest.is_empty() => message.member(name).map(Cow::Owned),
            _ => None,
        };
        in_envelope.or_else(|| walk(&message.payload, &self.0).map(Cow::Borrowed))
    }
}

fn metadata<'e>(message: &'e Envelope, path: &[Box<str>]) -> Option<Cow<'e, Value>> {
    let Some((first, rest)) = path.split_first() else {
        return message.member("metadata").map(Cow::Owned);
    };
    if &**first == "headers"
        && let Some((name, rest)) = rest.split_first()
    {
        // The name of a header may have dots in it.
        let headers = &message.metadata.headers;
        let whole = || headers.get(&path.get(1..).unwrap_or_default().join("."));
        let found = headers.get(&**name).and_then(|value| walk(value, rest));
        return found.or_else(whole).map(Cow::Borrowed);
    }
    let member = message.metadata.member(first)?;
    walk(&member, rest).cloned().map(Cow::Owned)
}

fn walk<'v>(value: &'v Value, path: &[Box<str>]) -> Option<&'v Value> {
    path.iter().try_fold(value, |value, name| match value {
        Value::Object(members) => members.get(&**name),
        Value::Array(items) => items.get(name.parse::<usize>().ok()?),
        _ => None,
    })
}
