//! JSON Schemas that stand in a manifest: `input`, `output`, `inputs`, `outputs`.

use serde_json::{Map, Value, json};

use super::super::code;
use super::super::reader::{Fields, Part, Report, describe};

/// The JSON Schema at `part`. A list of `{name, type}` is read as the properties of an object.
pub(super) fn schema(part: &Part<'_>, report: &Report) -> Option<Value> {
    let schema = match part.value {
        Value::Object(_) => part.value.clone(),
        Value::Array(_) => from_list(part, report)?,
        _ => {
            report.push(part.error(
                code::WRONG_TYPE,
                format!("expected a JSON Schema, found {}", describe(part.value)),
            ));
            return None;
        }
    };
    match compile(&schema) {
        Ok(()) => Some(schema),
        Err(reason) => {
            report.push(
                part.error(
                    code::BAD_SCHEMA,
                    format!("this is not a JSON Schema: {reason}"),
                )
                .with_help(
                    "see the schema keywords `type`, `properties`, `required`, `items`, `enum`",
                ),
            );
            None
        }
    }
}

/// Whether a validator can be made of `schema`; the reason why not is one line.
fn compile(schema: &Value) -> Result<(), String> {
    match jsonschema::draft7::new(schema) {
        Ok(_) => Ok(()),
        Err(error) => Err(format!(
            "{error} at {}",
            pointer(&error.instance_path().to_string())
        )),
    }
}

fn pointer(path: &str) -> &str {
    if path.is_empty() { "its root" } else { path }
}

fn from_list(part: &Part<'_>, report: &Report) -> Option<Value> {
    let mut properties = Map::new();
    let mut required = Vec::new();
    for element in part.elements() {
        element.object(report)?;
        let fields = Fields::of(&element, report);
        let name = fields.required("name")?.text(report)?;
        let mut property = element.value.as_object().cloned().unwrap_or_default();
        for own in ["name", "required", "from"] {
            property.remove(own);
        }
        if fields
            .get("required")
            .is_some_and(|part| part.value == &Value::Bool(true))
        {
            required.push(Value::from(name));
        }
        properties.insert(name.to_owned(), Value::Object(property));
    }
    report.push(
        part.warning(
            code::ALIAS,
            "a list of fields is read as the properties of an object",
        )
        .with_help("write a JSON Schema: `type: object` and `properties`"),
    );
    let mut schema = json!({"type": "object", "properties": properties});
    if !required.is_empty()
        && let Some(schema) = schema.as_object_mut()
    {
        schema.insert("required".to_owned(), Value::Array(required));
    }
    Some(schema)
}
