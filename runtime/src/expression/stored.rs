//! Expressions as part of what is stored: their text, parsed again when it is read.

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::compiled::Expression;
use super::dialect::Dialects;

impl Serialize for Expression {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.source())
    }
}

impl<'de> Deserialize<'de> for Expression {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let source = String::deserialize(deserializer)?;
        // The text of a condition keeps its markers, that of an expression in a template has lost them: both are read.
        Self::parse_condition(&source, Dialects::FIELDS).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use serde_json::json;

    use crate::expression::{Dialects, Expression, Template};

    #[test]
    fn a_stored_template_is_the_template() {
        let templates = [
            json!("plain {{ text"),
            json!("${{ input.a || 'x' }}"),
            json!("to ${{ input.name }}: {{ input.text }} via ${MAIL_HOST:-localhost}"),
            json!({"a": [1, null, "${{ steps.b.output }}"], "b": {"c": "${{ {x: [1]} }}"}}),
        ];
        for source in templates {
            let dialects = match source.as_str() {
                Some(text) if text.starts_with("plain") => Dialects::TEXT,
                _ => Dialects::FIELDS,
            };
            let template = Template::parse_value(&source, dialects).unwrap();
            let stored = serde_json::to_string(&template).unwrap();
            assert_eq!(serde_json::from_str::<Template>(&stored).unwrap(), template);
        }
    }

    #[test]
    fn a_stored_condition_keeps_its_markers_and_meaning() {
        let sources = [
            "steps.a.output.ok && !input.draft",
            "${{ input.count > 3 }}",
            "${status} === 'done'",
            "{{ input.flag }}",
        ];
        for source in sources {
            let condition = Template::parse_condition(source, Dialects::FIELDS).unwrap();
            let stored = serde_json::to_string(&condition).unwrap();
            let read: Expression = serde_json::from_str(&stored).unwrap();
            assert_eq!(read, condition);
        }
    }
}
