//! What was most likely meant by a name or a value that is wrong.

use crate::language::familiar::{self, Equivalent};
use crate::language::info::{KeyInfo, Kind, SINGLE};
use crate::language::lookup::Language;
use crate::language::values::each_of;
use crate::text::path::KeyPath;
use crate::text::tree::{self, Node, Value};

/// The help for a wrong name.
pub(crate) struct Remedy {
    /// What to type instead.
    pub help: String,
    /// The path of the key that was meant, if there is one.
    pub key: Option<String>,
}

impl Remedy {
    fn note(help: impl Into<String>) -> Self {
        Self {
            help: help.into(),
            key: None,
        }
    }

    /// The key at a whole path, which nearly was typed.
    fn meant(path: String) -> Self {
        Self {
            help: format!("did you mean `{path}`?"),
            key: Some(path),
        }
    }
}

/// What a name that is unknown in the table at `path` should have been. `foreign` are the names that
/// other tools have for what stands in such a table.
pub(crate) fn for_key(
    typed: &str,
    path: &str,
    keys: &[KeyInfo],
    foreign: familiar::Equivalents,
    language: Language,
) -> Remedy {
    let names: Vec<&str> = keys.iter().map(|key| key.name).collect();
    let inside = |name: &str| match path {
        "" => name.to_owned(),
        path => format!("{path}.{name}"),
    };
    let renamed = |name: &str| Remedy {
        help: format!("here it is called `{name}`"),
        key: Some(inside(name)),
    };
    let is_table = foreign == familiar::KEYS;
    if typed == "unset" {
        return Remedy::note("to remove a key, write `key = { unset = true }`");
    }
    if path == "optimizer" && matches!(typed, "name" | "type" | "class" | "_target_") {
        return Remedy::note("name the optimizer in the table's header: [optimizer.adam]");
    }
    // `train` where `train_images` is.
    let beginning = format!("{typed}_");
    let mut longer = names.iter().filter(|name| name.starts_with(&beginning));
    if let (Some(name), None, false) = (longer.next(), longer.next(), path.is_empty()) {
        return renamed(name);
    }
    if is_table
        && !is_common(typed)
        && let Some(remedy) = elsewhere(typed, language)
    {
        return remedy;
    }
    match familiar::find(foreign, typed) {
        Some(Equivalent::Key(key)) => {
            let (table, name) = key.rsplit_once('.').unwrap_or(("", key));
            if is_table && table != path && key != path && !is_common(typed) {
                return at_its_path(key, language);
            }
            if names.contains(&name) {
                return renamed(name);
            }
        }
        Some(Equivalent::Note(note)) => return Remedy::note(note),
        _ => {}
    }
    // As an environment variable with an underscore too few has it.
    if is_table && let Some(path) = language.path_of_words(typed) {
        return Remedy::meant(path);
    }
    let near = closest(typed, &names);
    // At the top, keys of tables too.
    if near.is_none()
        && path.is_empty()
        && let Some(path) = nearly(typed, language)
    {
        return Remedy::meant(path);
    }
    Remedy {
        help: suggest(typed, &names),
        key: near.map(inside),
    }
}

/// The path of a key of any table whose name is nearly what is typed; short names are near too many.
fn nearly(typed: &str, language: Language) -> Option<String> {
    const SHORTEST: usize = 4;
    let keys = language.walk();
    let names = keys.iter().map(|(_, key)| key.name);
    let names: Vec<&str> = names.filter(|name| name.len() >= SHORTEST).collect();
    let paths = language.paths_of(closest(typed, &names)?);
    paths.first().cloned()
}

/// A key that another table has, under its whole path.
fn at_its_path(key: &str, language: Language) -> Remedy {
    let is_table = find(key, language).is_some_and(|key| !key.keys().is_empty());
    Remedy {
        help: match is_table {
            true => format!("here it is a separate table: [{key}]"),
            false => format!("here it is called `{key}`"),
        },
        key: Some(key.to_owned()),
    }
}

/// Whether a name means other things in other tables.
fn is_common(typed: &str) -> bool {
    matches!(
        typed,
        "name" | "path" | "dir" | "folder" | "root" | "directory" | "eps" | "mode" | "step" | "by"
    )
}

/// The tables that have a key of exactly this name.
fn elsewhere(typed: &str, language: Language) -> Option<Remedy> {
    let paths = language.paths_of(typed);
    let [first, others @ ..] = paths.as_slice() else {
        return None;
    };
    let help = match first.rsplit_once('.') {
        None => "it belongs at the top of the file, before the first [table]".to_owned(),
        Some((table, _)) if others.is_empty() => format!("it belongs in [{table}]: `{first}`"),
        Some(_) => {
            let paths: Vec<String> = paths.iter().map(|path| format!("`{path}`")).collect();
            format!("it belongs in another table: {}", paths.join(" or "))
        }
    };
    Some(Remedy {
        help,
        key: others.is_empty().then(|| first.clone()),
    })
}

/// What an unknown layer should have been; the layer itself where there is no doubt.
pub(crate) fn for_layer(
    typed: &str,
    layers: &'static [KeyInfo],
) -> (String, Option<&'static KeyInfo>) {
    // `torch.nn.Conv2d()`, `keras.layers.Dense`
    let bare = typed.trim_end_matches("()");
    let bare = bare.rsplit('.').next().unwrap_or(bare);
    let named = |name: &str| layers.iter().find(|layer| layer.name == name);
    match familiar::find(familiar::LAYERS, bare) {
        Some(Equivalent::Layer(name)) => {
            return (format!("here it is called `{name}`"), named(name));
        }
        Some(Equivalent::Note(note)) => return (note.to_owned(), None),
        _ => {}
    }
    let same = layers
        .iter()
        .find(|layer| familiar::fold(layer.name) == familiar::fold(bare));
    if let Some(layer) = same {
        return (format!("here it is called `{}`", layer.name), Some(layer));
    }
    let names: Vec<&str> = layers.iter().map(|key| key.name).collect();
    (suggest(bare, &names), None)
}

/// What a choice should have been that is none of a key's.
pub(crate) fn for_choice(key: &KeyInfo, typed: &str, language: Language) -> String {
    let names: Vec<&str> = key.keys().iter().map(|key| key.name).collect();
    let same = names
        .iter()
        .find(|name| familiar::fold(name) == familiar::fold(typed))
        .copied();
    let foreign = match familiar::find(familiar::WORDS, typed) {
        Some(Equivalent::Word(word)) if names.contains(&word) => Some(word),
        _ => None,
    };
    match (same.or(foreign), familiar::find(familiar::KEYS, typed)) {
        (Some(name), _) => format!("here it is called \"{name}\""),
        (None, Some(Equivalent::Note(note))) => note.to_owned(),
        (None, Some(Equivalent::Key(path))) if find(path, language).is_some() => {
            format!("here it is called `{path}`")
        }
        _ => suggest(typed, &names),
    }
}

/// What to write where an array of choices is wanted, or an element of it, and something else stands.
pub(crate) fn for_choices(key: &KeyInfo, typed: &Value) -> String {
    let choices = key.keys();
    let names: Vec<&str> = choices.iter().map(|key| key.name).collect();
    match typed {
        Value::String(name) if names.contains(&name.as_str()) => {
            format!("write {} = [\"{name}\"]", key.name)
        }
        Value::Table(table) if table.len() == 1 => {
            let name = table.entries().next().map_or("", |entry| &entry.key);
            format!(
                "it must be an array: write {} = [{{ {name} = ... }}]",
                key.name
            )
        }
        Value::Table(_) => "write each as a separate element: [{ ... }, { ... }]".to_owned(),
        _ => format!(
            "an element is \"name\" or {{ name = {{ ... }} }}, where name is one of {}",
            names.join(", ")
        ),
    }
}

/// What to write where a table is wanted and something else stands.
pub(crate) fn for_table(path: &str, typed: &Value, keys: &[KeyInfo]) -> String {
    let names: Vec<&str> = keys.iter().map(|key| key.name).collect();
    if let Some((layers, name)) = path.rsplit_once('.').filter(|_| path.contains('[')) {
        // The options of a layer: the one option that is typed without its name is its first.
        let main = keys.iter().find(|key| key.is_required()).or(keys.last());
        return match (main, typed) {
            _ if layers.is_empty() => known(&names),
            (None, _) => format!("write \"{name}\""),
            (Some(key), Value::Integer(value)) => {
                format!("write {{ {name} = {{ {} = {value} }} }}", key.name)
            }
            (Some(key), Value::Float(value)) => {
                format!("write {{ {name} = {{ {} = {value:?} }} }}", key.name)
            }
            _ => known(&names),
        };
    }
    match typed {
        Value::String(typed) if names.contains(&typed.as_str()) => {
            format!("write [{path}.{typed}]")
        }
        _ => format!("write [{path}] with its keys below; {}", known(&names)),
    }
}

/// What a value that is not of a key's kind should have been, if that can be told. `is_element`: only
/// this element of an array is wrong.
pub(crate) fn for_value(key: &KeyInfo, wrong: &Node, is_element: bool) -> Option<String> {
    match &wrong.value {
        Value::String(typed) => for_string(key, typed),
        Value::Integer(value) => for_integer(key, *value, is_element),
        Value::Float(value) => for_float(key, *value, is_element),
        _ => None,
    }
}

fn for_string(key: &KeyInfo, typed: &str) -> Option<String> {
    match each_of(key.kind) {
        Kind::Word(words) if matches!(key.kind, Kind::Array { .. }) && words.contains(&typed) => {
            Some(format!("it must be an array: write [\"{typed}\"]"))
        }
        Kind::Word(words) => word(typed, words),
        Kind::Boolean => match typed.to_lowercase().as_str() {
            "true" | "yes" | "on" | "1" => Some("write true, without quotes".to_owned()),
            "false" | "no" | "off" | "0" => Some("write false, without quotes".to_owned()),
            _ => None,
        },
        Kind::Pair { .. } if typed == "valid" => Some("for no padding, write 0".to_owned()),
        Kind::Pair { .. } if typed == "same" => {
            Some("to keep the size, pad by half of an odd kernel_size: 1 for 3, 2 for 5".to_owned())
        }
        Kind::Integer { .. } | Kind::Float { .. } | Kind::Pair { .. } => {
            quoted_number(typed, key.unit)
        }
        _ => None,
    }
}

fn for_integer(key: &KeyInfo, value: i64, is_element: bool) -> Option<String> {
    match each_of(key.kind) {
        Kind::Boolean if matches!(value, 0 | 1) => Some(format!("write {}", value == 1)),
        Kind::Text | Kind::Pattern { .. } => Some(format!("write \"{value}\", in quotes")),
        Kind::Integer { .. } if key.name == INPUT && !is_element => {
            Some(format!("for grey images write [1, {value}, {value}]"))
        }
        _ if is_element => None,
        _ => for_number(key, value as f64, format!("{:.0}", value as f64)),
    }
}

fn for_float(key: &KeyInfo, value: f64, is_element: bool) -> Option<String> {
    match each_of(key.kind) {
        Kind::Integer { max, .. } | Kind::Pair { max, .. }
            if value.fract() == 0.0 && value >= 0.0 && value <= max.min(1 << 53) as f64 =>
        {
            Some(format!("write {value:.0}"))
        }
        Kind::Float { .. } if value.is_finite() && value > 0.0 && !SINGLE.contains(&value) => {
            Some("training uses 32-bit floats: choose a value from 1e-37 to 3e38".to_owned())
        }
        _ if is_element => None,
        _ => for_number(key, value, format!("{value:?}")),
    }
}

/// What a number should have been that is the whole value of a key; `typed` is how it is written.
fn for_number(key: &KeyInfo, number: f64, typed: String) -> Option<String> {
    if matches!(key.kind, Kind::Array { .. }) {
        let is_finite = number.is_finite();
        return is_finite.then(|| format!("for an array of one number, write [{typed}]"));
    }
    let is_percent = (2.0..100.0).contains(&number) && number.fract() == 0.0;
    (key.kind == Kind::SHARE && is_percent)
        .then(|| format!("this is a fraction: {number} % is {}", number / 100.0))
}

/// The key whose size most would type as one number, the side of a grey image.
const INPUT: &str = "input";

/// What stands there now, in a few words.
pub(crate) fn describe(value: &Value) -> String {
    match value {
        Value::Integer(value) => format!("this is {value}"),
        // Debug, because it tells 5.0 from 5.
        Value::Float(value) => format!("this is {value:?}"),
        Value::String(text) => format!("this is the string {text:?}"),
        Value::Array(items) => format!("this is an array of length {}", items.len()),
        other => format!("this is {}", other.type_name()),
    }
}

/// "did you mean" if a name is close, else the names there are.
pub(crate) fn suggest(typed: &str, names: &[&str]) -> String {
    match closest(typed, names) {
        Some(name) => format!("did you mean `{name}`?"),
        None => known(names),
    }
}

/// The name that was most likely meant, if one is close.
pub(crate) fn closest<'a>(typed: &str, names: &[&'a str]) -> Option<&'a str> {
    let folded = typed.to_lowercase().replace(['-', ' '], "_");
    names
        .iter()
        .map(|name| (strsim::damerau_levenshtein(&folded, name), *name))
        .min()
        .filter(|(distance, name)| *distance <= 1 + name.len() / 4)
        .map(|(_, name)| name)
}

pub(crate) fn known(names: &[&str]) -> String {
    if names.is_empty() {
        return "this table has no keys".to_owned();
    }
    if let [name] = names {
        return format!("the only valid name is `{name}`");
    }
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    format!("valid names: {}", quoted.join(", "))
}

fn find(path: &str, language: Language) -> Option<&'static KeyInfo> {
    KeyPath::parse(path).and_then(|path| language.find(&path))
}

fn word(typed: &str, words: &[&str]) -> Option<String> {
    match familiar::find(familiar::WORDS, typed) {
        Some(Equivalent::Word(word)) if words.contains(&word) => {
            return Some(format!("here it is called \"{word}\""));
        }
        Some(Equivalent::Note(note)) if typed == "auto" => return Some(note.to_owned()),
        _ => {}
    }
    if let Some(word) = closest(typed, words) {
        return Some(format!("did you mean \"{word}\"?"));
    }
    Some(format!("valid values: {}", words.join(", ")))
}

/// `"5"`, `"1e-3"`; where minutes are wanted, `"2h"` too.
fn quoted_number(typed: &str, unit: &str) -> Option<String> {
    let typed = typed.trim();
    if let Ok(node) = tree::parse_value(typed, 0, 0)
        && matches!(node.value, Value::Integer(_) | Value::Float(_))
    {
        return Some(format!("write {typed}, without quotes"));
    }
    if let Some((one, other)) = typed.split_once('/')
        && let (Ok(one), Ok(other)) = (one.trim().parse::<f64>(), other.trim().parse::<f64>())
        && (one / other).is_finite()
    {
        return Some(format!("TOML has no division: write {:?}", one / other));
    }
    if let Some(Ok(percent)) = typed.strip_suffix('%').map(|it| it.trim().parse::<f64>()) {
        return Some(format!("write {} for {percent} %", percent / 100.0));
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
    (unit == "minutes").then(|| format!("this is in minutes: write {minutes}"))
}
