//! What was most likely meant by a name or a value that is wrong.

use super::familiar::{self, Here};
use super::key::{Key, Kind};
use super::language;
use super::tree::{self, Node, Value};

/// What a name that is unknown in the table at `path` should have been. `foreign` are the names that
/// other tools have for what stands in such a table.
pub fn for_key(typed: &str, path: &str, keys: &[Key], foreign: familiar::Table) -> String {
    let names: Vec<&str> = keys.iter().map(|key| key.name).collect();
    let is_table = foreign == familiar::KEYS;
    if is_table {
        let elsewhere = language::paths_of(typed);
        if !elsewhere.is_empty() {
            let paths: Vec<String> = elsewhere.iter().map(|path| format!("`{path}`")).collect();
            return format!("it belongs somewhere else: {}", paths.join(" or "));
        }
    }
    match familiar::find(foreign, typed) {
        Some(Here::Key(key)) => {
            let (table, name) = key.rsplit_once('.').unwrap_or(("", key));
            if is_table && table != path {
                return format!("here it is called `{key}`");
            }
            if names.contains(&name) {
                return format!("here it is called `{name}`");
            }
        }
        Some(Here::Note(note)) => return note.to_owned(),
        _ => {}
    }
    suggest(typed, &names)
}

/// What an unknown layer should have been.
pub fn for_layer(typed: &str, layers: &[Key]) -> String {
    let names: Vec<&str> = layers.iter().map(|key| key.name).collect();
    match familiar::find(familiar::LAYERS, typed) {
        Some(Here::Layer(layer)) => format!("here it is called `{layer}`"),
        Some(Here::Note(note)) => note.to_owned(),
        _ => suggest(typed, &names),
    }
}

/// What a value that is not of a key's kind should have been, if that can be told.
pub fn for_value(key: &Key, wrong: &Node) -> Option<String> {
    let each = match key.kind {
        Kind::Array { each, .. } => *each,
        kind => kind,
    };
    match (&wrong.value, each) {
        (Value::String(typed), Kind::Word(words)) => word(typed, words),
        (Value::String(typed), Kind::Boolean) => match typed.to_lowercase().as_str() {
            "true" | "yes" | "on" | "1" => Some("write true, without quotes".to_owned()),
            "false" | "no" | "off" | "0" => Some("write false, without quotes".to_owned()),
            _ => None,
        },
        (Value::Integer(value @ (0 | 1)), Kind::Boolean) => Some(format!("write {}", *value == 1)),
        (Value::String(typed), Kind::Integer { .. } | Kind::Float { .. } | Kind::Pair { .. }) => {
            quoted_number(typed, key.unit)
        }
        (Value::Float(value), Kind::Integer { max, .. } | Kind::Pair { max, .. })
            if value.fract() == 0.0 && *value >= 0.0 && *value <= max.min(1 << 53) as f64 =>
        {
            Some(format!("write {value:.0}, without a point"))
        }
        (Value::Integer(_) | Value::Float(_), kind @ Kind::Float { .. }) if kind == Kind::SHARE => {
            let value = match wrong.value {
                Value::Integer(value) => value as f64,
                Value::Float(value) => value,
                _ => return None,
            };
            (value > 1.0 && value < 100.0)
                .then(|| format!("it is a part of one: {value} % are {}", value / 100.0))
        }
        _ => None,
    }
}

/// "did you mean" if a name is close, else the names there are.
pub fn suggest(typed: &str, names: &[&str]) -> String {
    match closest(typed, names) {
        Some(name) => format!("did you mean `{name}`?"),
        None => known(names),
    }
}

/// The name that was most likely meant, if one is close.
pub fn closest<'a>(typed: &str, names: &[&'a str]) -> Option<&'a str> {
    let folded = typed.to_lowercase().replace(['-', ' '], "_");
    names
        .iter()
        .map(|name| (strsim::damerau_levenshtein(&folded, name), *name))
        .min()
        .filter(|(distance, name)| *distance <= 1 + name.len() / 4)
        .map(|(_, name)| name)
}

pub fn known(names: &[&str]) -> String {
    if names.is_empty() {
        return "no keys are taken here".to_owned();
    }
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    format!("the names known here are {}", quoted.join(", "))
}

fn word(typed: &str, words: &[&str]) -> Option<String> {
    match familiar::find(familiar::WORDS, typed) {
        Some(Here::Word(word)) if words.contains(&word) => {
            Some(format!("here it is called \"{word}\""))
        }
        _ => closest(typed, words).map(|word| format!("did you mean \"{word}\"?")),
    }
}

/// `"5"`, `"1e-3"`; where minutes are wanted, `"2h"` too.
fn quoted_number(typed: &str, unit: &str) -> Option<String> {
    let typed = typed.trim();
    if let Ok(node) = tree::parse_value(typed, 0, 0)
        && matches!(node.value, Value::Integer(_) | Value::Float(_))
    {
        return Some(format!("write {typed}, without quotes"));
    }
    let end = typed.find(|c: char| !(c.is_ascii_digit() || c == '.'))?;
    let number: f64 = typed[..end].parse().ok()?;
    let minutes = match typed[end..].trim() {
        "s" | "sec" | "second" | "seconds" => number / 60.0,
        "m" | "min" | "minute" | "minutes" => number,
        "h" | "hour" | "hours" => number * 60.0,
        "d" | "day" | "days" => number * 1440.0,
        _ => return None,
    };
    (unit == "minutes").then(|| format!("it is a number of minutes: write {minutes:?}"))
}
