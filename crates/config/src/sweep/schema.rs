//! The language of sweep files as a JSON schema, for editors; built as that of experiments is.

use serde_json::{Value, json};

use super::file::{LANGUAGE, parameters};
use super::parameter::DOMAINS;
use crate::output::schema::{closed, object, reference, table, unknown, whole};

/// The schema of a sweep file. Which keys of the experiment may vary, and their values, are left to the program.
pub fn sweep_schema() -> Value {
    let mut keys = table(LANGUAGE.0, false);
    let parameters = parameters();
    let mut varying = table(parameters.keys(), false);
    varying.insert("type".to_owned(), "object".into());
    varying.insert("description".to_owned(), parameters.meaning.into());
    varying.insert("additionalProperties".to_owned(), reference("parameter"));
    if let Some(properties) = keys.get_mut("properties") {
        properties[parameters.name] = varying.into();
    }
    let domains = DOMAINS.iter().map(|domain| {
        let values = match domain.name {
            "values" => json!({ "type": "array", "minItems": 1 }),
            name => {
                let each = if name.contains("int") {
                    "integer"
                } else {
                    "number"
                };
                json!({ "type": "array", "items": { "type": each }, "minItems": 2, "maxItems": 2 })
            }
        };
        let mut values = values;
        values["description"] = domain.meaning.into();
        (domain.name.to_owned(), values)
    });
    let parameter = json!({
        "type": "object",
        "minProperties": 1,
        "properties": domains.collect::<serde_json::Map<_, _>>(),
        "additionalProperties": reference("parameter"),
    });
    let mut schema = whole("keys", LANGUAGE.0);
    schema["$schema"] = "https://json-schema.org/draft/2019-09/schema".into();
    schema["title"] = "runner sweep".into();
    schema["description"] = "Many runs of one experiment. Written by `runner sweep schema`.".into();
    schema["definitions"] = object([
        ("unknown", unknown()),
        ("keys", closed(keys)),
        ("parameter", parameter),
    ])
    .into();
    schema
}
