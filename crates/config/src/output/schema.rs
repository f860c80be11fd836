//! The language as a JSON schema (draft-07), for editors.

use serde_json::{Map, Value, json};

use crate::experiment::LANGUAGE;
use crate::language::info::{Fallback, KeyInfo, Kind};
use crate::model::keys::{CLASSES, LAYERS, PRESET};
use crate::model::layer::LAYER_KEYS;

/// The schema of an experiment file.
///
/// A file that extends another one need not have the keys that are required, since the other may
/// have them; each key may be `{ unset = true }` there.
pub fn schema() -> Value {
    let mut schema = json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "runner experiment",
        "description": "One experiment: data, training and network. Written by `runner config schema`.",
        "definitions": {
            "unset": {
                "description": "Removes what an extended file sets.",
                "type": "object",
                "properties": { "unset": { "const": true } },
                "required": ["unset"],
                "additionalProperties": false,
            },
            "layers": layers_schema(&LAYER_KEYS),
        },
        "if": { "required": ["extends"] },
        "else": required(LANGUAGE.0),
    });
    let members = schema.as_object_mut().expect("it is an object");
    members.extend(table(LANGUAGE.0, true));
    schema
}

/// An object with these properties and no others.
fn table(keys: &[KeyInfo], can_be_unset: bool) -> Map<String, Value> {
    let properties: Map<String, Value> = keys
        .iter()
        .map(|key| (key.name.to_owned(), property(key, can_be_unset)))
        .collect();
    let table = json!({
        "type": "object",
        "properties": properties,
        "additionalProperties": false,
    });
    match table {
        Value::Object(table) => table,
        _ => Map::new(),
    }
}

fn property(key: &KeyInfo, can_be_unset: bool) -> Value {
    let mut description = key.meaning.to_owned();
    if !key.unit.is_empty() {
        description += &format!(" [{}]", key.unit);
    }
    let mut kind = kind(&key.kind, can_be_unset);
    // A branch may be without layers; no other list may.
    if matches!(key.kind, Kind::Layers(_)) && key.default != Fallback::Value("[]") {
        kind = json!({ "allOf": [kind, { "minItems": 1 }] });
    }
    let mut schema = match (kind, can_be_unset) {
        (Value::Object(schema), false) => schema,
        (schema, _) => {
            let unset = json!({ "$ref": "#/definitions/unset" });
            Map::from_iter([("anyOf".to_owned(), json!([schema, unset]))])
        }
    };
    match key.default {
        Fallback::Value(default) => {
            let default: toml::Value = toml::from_str(&format!("it = {default}"))
                .map(|table: toml::Table| table["it"].clone())
                .expect("defaults are valid TOML");
            schema.insert("default".to_owned(), json!(default));
        }
        Fallback::Derived { words, .. } => description += &format!("; default: {words}"),
        Fallback::Required | Fallback::Nothing => {}
    }
    schema.insert("description".to_owned(), description.into());
    Value::Object(schema)
}

fn kind(kind: &Kind, can_be_unset: bool) -> Value {
    match kind {
        Kind::Text => json!({ "type": "string", "minLength": 1 }),
        Kind::Texts => {
            let text = json!({ "type": "string", "minLength": 1 });
            json!({ "anyOf": [text, { "type": "array", "items": text, "minItems": 1 }] })
        }
        Kind::Word(words) => json!({ "enum": words }),
        Kind::Pattern { regex, .. } => json!({ "type": "string", "pattern": regex }),
        Kind::Boolean => json!({ "type": "boolean" }),
        Kind::Integer { min, max } => integer(*min, *max),
        Kind::Float { min, max, open } => float(*min, *max, *open),
        Kind::Probability => json!({ "type": "number", "minimum": 0, "maximum": 1 }),
        Kind::Pair { min, max } => {
            let size = integer(*min, *max);
            json!({ "anyOf": [size, array(&size, Some(2))] })
        }
        Kind::Array { each, length, .. } => array(&self::kind(each, false), *length),
        Kind::Table(keys) => Value::Object(table(keys, can_be_unset)),
        Kind::Choice(keys) => {
            let mut table = table(keys, can_be_unset);
            table.insert("maxProperties".to_owned(), 1.into());
            json!({ "anyOf": [{ "enum": bare_names(keys) }, table] })
        }
        Kind::Choices(keys) => {
            json!({ "type": "array", "items": one_of(keys) })
        }
        Kind::Either(kinds) => {
            let kinds = kinds.iter().map(|kind| self::kind(kind, can_be_unset));
            json!({ "anyOf": kinds.collect::<Vec<Value>>() })
        }
        Kind::Layers(_) => json!({ "$ref": "#/definitions/layers" }),
    }
}

/// What JSON Schema calls an integer has no fraction, `5.0` included; that one only the reader refuses.
fn integer(min: u64, max: u64) -> Value {
    let mut schema = json!({ "type": "integer", "minimum": min });
    if max < u64::MAX {
        schema["maximum"] = max.into();
    }
    schema
}

fn float(min: f64, max: f64, open: bool) -> Value {
    let mut schema = json!({ "type": "number" });
    if min > f64::MIN {
        let bound = if open { "exclusiveMinimum" } else { "minimum" };
        schema[bound] = min.into();
    }
    if max.is_finite() {
        schema["exclusiveMaximum"] = max.into();
    }
    schema
}

fn array(each: &Value, length: Option<usize>) -> Value {
    let mut schema = json!({ "type": "array", "items": each });
    if let Some(length) = length {
        schema["minItems"] = length.into();
        schema["maxItems"] = length.into();
    }
    schema
}

fn layers_schema(layers: &[KeyInfo]) -> Value {
    json!({ "type": "array", "items": one_of(layers) })
}

/// An element of an array: the name of one of these keys, or a table with it alone.
fn one_of(layers: &[KeyInfo]) -> Value {
    let properties: Map<String, Value> = layers
        .iter()
        .map(|layer| {
            let mut options = table(layer.keys(), false);
            // Arrays replace, so that a layer is always whole.
            options.extend(required_names(layer.keys()));
            options.insert("description".to_owned(), layer.meaning.into());
            (layer.name.to_owned(), Value::Object(options))
        })
        .collect();
    let layer = json!({
        "type": "object",
        "properties": properties,
        "additionalProperties": false,
        "minProperties": 1,
        "maxProperties": 1,
    });
    json!({ "anyOf": [{ "enum": bare_names(layers) }, layer] })
}

/// The keys that their names stand for, since they need no options.
fn bare_names(keys: &[KeyInfo]) -> Vec<&'static str> {
    let is_bare = |key: &&KeyInfo| !key.keys().iter().any(KeyInfo::is_required);
    keys.iter().filter(is_bare).map(|key| key.name).collect()
}

/// What has to be there where nothing is extended.
fn required(keys: &[KeyInfo]) -> Value {
    let mut schema = required_names(keys);
    if keys.contains(&PRESET) {
        // One way to declare the network.
        let ways = [vec![LAYERS.name], vec![PRESET.name, CLASSES.name]];
        let ways = ways.map(|names| json!({ "required": names }));
        schema.insert("anyOf".to_owned(), json!(ways));
    }
    let inner: Map<String, Value> = keys
        .iter()
        .filter_map(|key| {
            let required = match key.kind {
                Kind::Table(keys) | Kind::Choice(keys) | Kind::Either(&[Kind::Table(keys), ..]) => {
                    required(keys)
                }
                _ => return None,
            };
            let has_some = required.as_object().is_some_and(|it| !it.is_empty());
            has_some.then(|| (key.name.to_owned(), required))
        })
        .collect();
    if !inner.is_empty() {
        schema.insert("properties".to_owned(), Value::Object(inner));
    }
    Value::Object(schema)
}

fn required_names(keys: &[KeyInfo]) -> Map<String, Value> {
    let required = keys.iter().filter(|key| key.is_required());
    let names: Vec<&str> = required.map(|key| key.name).collect();
    if names.is_empty() {
        return Map::new();
    }
    Map::from_iter([("required".to_owned(), json!(names))])
}
