//! The language as a JSON schema, for editors.
//!
//! It is shaped so that a mistake has one message, where it is. A value is one flat schema, whose keywords
//! speak of numbers, strings, arrays and tables side by side; alternatives (`anyOf`) would be refused one
//! by one, or as a whole.
//!
//! Validators of two kinds read it. Those of draft 2019-09 and later (tombi, Python's `jsonschema`) know
//! `unevaluatedProperties`, and what stands beside `$ref`. Those of draft 7 (taplo) know neither: for them
//! there is a rule that later drafts never come to, since [`is_draft_7`] does not hold there. taplo marks
//! a table that is refused in every value it has; so for it nothing but single values is refused, and
//! that a key is missing is left to the program.

use serde_json::{Map, Value, json};

use crate::experiment::{EXTENDS, LANGUAGE};
use crate::language::info::{Fallback, KeyInfo, Kind};
use crate::model::keys::{CLASSES, LAYERS, PRESET};
use crate::model::layer::LAYER_KEYS;

/// The schema of an experiment file.
///
/// A file that extends another one need not have the keys that are required, since the other may
/// have them; each key may be `{ unset = true }` there.
pub fn schema() -> Value {
    let mut definitions = Map::new();
    definitions.insert("unknown".to_owned(), unknown());
    definitions.insert("keys".to_owned(), closed(table(LANGUAGE.0, true)));
    let lists = LANGUAGE
        .walk()
        .into_iter()
        .filter_map(|(_, key)| match key.kind {
            Kind::Choices(keys) => Some((key.name, keys)),
            _ => None,
        });
    for (list, keys) in lists.chain([(LAYER, LAYER_KEYS.as_slice())]) {
        definitions.insert(list.to_owned(), element(list, keys));
        let tables = keys
            .iter()
            .map(|key| (within(list, key), property(key, false)));
        definitions.extend(tables);
    }
    for (_, list) in LANGUAGE.walk() {
        if let Kind::Tables(keys) = list.kind {
            definitions.insert(list.name.to_owned(), closed(table(keys, false)));
        }
    }
    let mut schema = whole("keys", LANGUAGE.0);
    schema["$schema"] = "https://json-schema.org/draft/2019-09/schema".into();
    schema["title"] = "runner experiment".into();
    schema["description"] =
        "One experiment: data, training and network. Written by `runner config schema`.".into();
    schema["definitions"] = definitions.into();
    schema
}

/// The definition of an element of a list of layers.
const LAYER: &str = "layer";

/// A table with these keys.
pub(crate) fn table(keys: &[KeyInfo], can_be_unset: bool) -> Map<String, Value> {
    let properties: Map<String, Value> = keys
        .iter()
        .map(|key| (key.name.to_owned(), property(key, can_be_unset)))
        .collect();
    object([
        ("type", json!(["object"])),
        ("properties", properties.into()),
    ])
}

fn property(key: &KeyInfo, can_be_unset: bool) -> Value {
    let mut schema = kind(key, &key.kind, can_be_unset);
    if can_be_unset {
        let unset = json!({ "const": true, "description": "Removes what an extended file sets." });
        let unset = object([
            ("type", json!(["object"])),
            ("properties", json!({ "unset": unset })),
        ]);
        schema = either(schema, unset);
    }
    let mut description = key.meaning.to_owned();
    if !key.unit.is_empty() {
        description += &format!(" [{}]", key.unit);
    }
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
    closed(schema)
}

/// What a key takes. The types are a list, and unknown keys of tables are still allowed.
fn kind(key: &KeyInfo, kind: &Kind, can_be_unset: bool) -> Map<String, Value> {
    let inside = |each: &Kind| closed(self::kind(key, each, false));
    match kind {
        Kind::Text => object([("type", json!(["string"])), ("minLength", 1.into())]),
        Kind::Texts => either(
            self::kind(key, &Kind::Text, false),
            array(&inside(&Kind::Text), 1, None),
        ),
        Kind::Word(names) => words(names),
        Kind::Pattern { regex, .. } => {
            object([("type", json!(["string"])), ("pattern", json!(regex))])
        }
        Kind::Boolean => object([("type", json!(["boolean"]))]),
        Kind::Integer { min, max } => integer(*min, *max),
        Kind::Float { min, max, open } => float(*min, *max, *open),
        Kind::Probability => object([
            ("type", json!(["number"])),
            ("minimum", 0.into()),
            ("maximum", 1.into()),
        ]),
        Kind::Pair { min, max } => {
            let size = integer(*min, *max);
            either(size.clone(), array(&closed(size), 2, Some(2)))
        }
        Kind::Array { each, length, .. } => array(&inside(each), length.unwrap_or(0), *length),
        Kind::Table(keys) => table(keys, can_be_unset),
        Kind::Choice(keys) => {
            let mut schema = either(words(&bare_names(keys)), table(keys, can_be_unset));
            schema.insert("maxProperties".to_owned(), 1.into());
            schema
        }
        Kind::Choices(_) => array(&reference(key.name), 0, None),
        Kind::Tables(keys) => array(&whole(key.name, keys), 0, None),
        // A branch may be without layers; no other list may.
        Kind::Layers(_) => {
            let may_be_empty = key.default == Fallback::Value("[]");
            array(&reference(LAYER), usize::from(!may_be_empty), None)
        }
        Kind::Either(kinds) => {
            let kinds = kinds.iter().map(|each| self::kind(key, each, can_be_unset));
            kinds.reduce(either).unwrap_or_default()
        }
    }
}

/// One of these words. The second part refuses nothing: it is what editors offer.
fn words(names: &[&str]) -> Map<String, Value> {
    object([
        ("type", json!(["string"])),
        ("pattern", any_of(names).into()),
        ("anyOf", json!([{ "enum": names }, {}])),
    ])
}

fn any_of(names: &[&str]) -> String {
    format!("^(?:{})$", names.join("|"))
}

/// What JSON Schema calls an integer has no fraction, `5.0` included; that one only the reader refuses.
fn integer(min: u64, max: u64) -> Map<String, Value> {
    let mut schema = object([("type", json!(["integer"])), ("minimum", min.into())]);
    if max < u64::MAX {
        schema.insert("maximum".to_owned(), max.into());
    }
    schema
}

fn float(min: f64, max: f64, open: bool) -> Map<String, Value> {
    let mut schema = object([("type", json!(["number"]))]);
    if min > f64::MIN {
        let bound = if open { "exclusiveMinimum" } else { "minimum" };
        schema.insert(bound.to_owned(), min.into());
    }
    if max.is_finite() {
        schema.insert("exclusiveMaximum".to_owned(), max.into());
    }
    schema
}

fn array(each: &Value, min: usize, max: Option<usize>) -> Map<String, Value> {
    let mut schema = object([("type", json!(["array"])), ("items", each.clone())]);
    if min > 0 {
        schema.insert("minItems".to_owned(), min.into());
    }
    if let Some(max) = max {
        schema.insert("maxItems".to_owned(), max.into());
    }
    schema
}

/// An element of an array: the name of one of these keys, or a table with it alone.
fn element(list: &str, keys: &[KeyInfo]) -> Value {
    // Arrays replace, so that what is in them is always whole, and nothing can be taken out of it.
    let tables = keys.iter().map(|key| {
        let table = whole(&within(list, key), key.keys());
        (key.name.to_owned(), table)
    });
    let table = object([
        ("type", json!(["object"])),
        ("properties", tables.collect::<Map<_, _>>().into()),
        ("minProperties", 1.into()),
        ("maxProperties", 1.into()),
    ]);
    closed(either(words(&bare_names(keys)), table))
}

/// The definition of what an element of a list can be.
fn within(list: &str, key: &KeyInfo) -> String {
    format!("{list}.{}", key.name)
}

/// The keys that their names stand for, since they need no options.
fn bare_names(keys: &[KeyInfo]) -> Vec<&'static str> {
    let is_bare = |key: &&KeyInfo| !key.keys().iter().any(KeyInfo::is_required);
    keys.iter().filter(is_bare).map(|key| key.name).collect()
}

/// What the one or the other takes, which are of different types, except that both may be tables.
fn either(mut one: Map<String, Value>, other: Map<String, Value>) -> Map<String, Value> {
    for (keyword, value) in other {
        match (one.get_mut(&keyword), value) {
            (Some(Value::Array(types)), Value::Array(more)) => {
                let new = more.into_iter().filter(|each| !types.contains(each));
                types.extend(new.collect::<Vec<_>>());
            }
            (Some(Value::Object(properties)), Value::Object(more)) => properties.extend(more),
            (_, value) => {
                one.insert(keyword, value);
            }
        }
    }
    one
}

/// The schema of a value that is complete: a table in it has the keys that were named and no others.
pub(crate) fn closed(mut schema: Map<String, Value>) -> Value {
    if let Some(Value::Object(properties)) = schema.get("properties") {
        let names: Vec<&str> = properties.keys().map(String::as_str).collect();
        let unknown_key = format!("^(?!{})", any_of(&names).trim_start_matches('^'));
        let refused = json!({ "patternProperties": { unknown_key: reference("unknown") } });
        schema.insert("unevaluatedProperties".to_owned(), false.into());
        schema.insert("if".to_owned(), is_draft_7());
        schema.insert("then".to_owned(), refused);
    }
    if let Some(Value::Array(types)) = schema.get("type")
        && let [only] = types.as_slice()
    {
        let only = only.clone();
        schema.insert("type".to_owned(), only);
    }
    schema.into()
}

/// Holds of every table in draft 7, which does not know the keyword; later of empty tables alone.
fn is_draft_7() -> Value {
    json!({ "unevaluatedProperties": false })
}

/// Refuses the value of an unknown key; of a table or an array, a value inside.
///
/// It is the one whose key is the first by its first letter, so that one mistake has one message.
pub(crate) fn unknown() -> Value {
    let inside = |first: &str| json!({ "patternProperties": { first: reference("unknown") } });
    let any = inside("");
    let one_of_them = ('a'..='z').rev().fold(any, |others, letter| {
        json!({
            "if": { "propertyNames": { "pattern": format!("^[^{letter}]") } },
            "then": others,
            "else": inside(&format!("^{letter}")),
        })
    });
    json!({
        "if": { "type": "object", "minProperties": 1 },
        "then": one_of_them,
        "else": {
            "if": { "type": "array", "minItems": 1 },
            "then": { "items": [reference("unknown")] },
            "else": { "not": { "description": "no such key" } },
        },
    })
}

/// The definition of this name, with everything in it that is required.
pub(crate) fn whole(definition: &str, keys: &[KeyInfo]) -> Value {
    let mut schema = object([("$ref", reference(definition)["$ref"].clone())]);
    schema.extend(required(keys).unwrap_or_default());
    schema.into()
}

/// What has to be there in a table that extends nothing.
///
/// Where a key is unknown, it is probably the one that is missing, and that is said already. A table
/// that has all its keys allows any: which there are, is said elsewhere, and tombi warns of tables
/// that do not say it.
fn required(keys: &[KeyInfo]) -> Option<Map<String, Value>> {
    let mut then = Map::new();
    let names = keys.iter().filter(|key| key.is_required());
    let names: Vec<&str> = names.map(|key| key.name).collect();
    if !names.is_empty() {
        then.insert("required".to_owned(), json!(names));
    }
    if keys.contains(&PRESET) {
        // One way to declare the network.
        let ways = [vec![LAYERS.name], vec![PRESET.name, CLASSES.name]];
        let ways = ways.map(|names| json!({ "required": names, "additionalProperties": true }));
        then.insert("anyOf".to_owned(), json!(ways));
    }
    let inner: Map<String, Value> = keys
        .iter()
        .filter_map(|key| match key.kind {
            Kind::Table(keys) | Kind::Choice(keys) | Kind::Either(&[Kind::Table(keys), ..]) => {
                Some((key.name.to_owned(), required(keys)?.into()))
            }
            _ => None,
        })
        .collect();
    if !inner.is_empty() {
        then.insert("properties".to_owned(), inner.into());
    }
    if then.is_empty() {
        return None;
    }
    then.insert("additionalProperties".to_owned(), true.into());
    let names = keys.iter().map(|key| key.name);
    let names: Vec<&str> = names.filter(|name| *name != EXTENDS.name).collect();
    let are_known = json!({ "propertyNames": { "enum": names }, "additionalProperties": true });
    Some(object([
        ("additionalProperties", true.into()),
        ("if", are_known),
        ("then", then.into()),
    ]))
}

pub(crate) fn reference(definition: &str) -> Value {
    json!({ "$ref": format!("#/definitions/{definition}") })
}

pub(crate) fn object<const N: usize>(members: [(&str, Value); N]) -> Map<String, Value> {
    let members = members.map(|(name, value)| (name.to_owned(), value));
    Map::from_iter(members)
}
