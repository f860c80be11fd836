//! Typed reading of one table, which collects every problem instead of stopping at the first.

use std::cell::RefCell;

use super::diagnostic::Diagnostic;
use super::key::{Key, Kind};
use super::source::Origin;
use super::tree::{Node, Table, Value, parse_value};

/// Problems found so far; shared by all sections of one document.
#[derive(Debug, Default)]
pub struct Diagnostics(RefCell<Vec<Diagnostic>>);

impl Diagnostics {
    pub fn push(&self, diagnostic: Diagnostic) {
        self.0.borrow_mut().push(diagnostic);
    }

    pub fn len(&self) -> usize {
        self.0.borrow().len()
    }

    pub fn into_inner(self) -> Vec<Diagnostic> {
        self.0.into_inner()
    }
}

/// A table of the configuration and the keys it may have.
///
/// A read of a key that is absent gives its default; a read that fails leaves a diagnostic and
/// gives a placeholder, which no one sees because the document is then refused.
pub struct Section<'a> {
    /// Dotted path of the table, empty for the document itself.
    path: String,
    table: Option<&'a Table>,
    /// Where to point when a required key is missing.
    origin: Origin,
    diagnostics: &'a Diagnostics,
}

impl<'a> Section<'a> {
    /// Opens the table at `node`; unknown keys in it are reported at once.
    pub fn new(
        path: &str,
        node: &'a Node,
        origin: Origin,
        keys: &[Key],
        diagnostics: &'a Diagnostics,
    ) -> Self {
        let table = match &node.value {
            Value::Table(table) => Some(table),
            other => {
                diagnostics.push(Diagnostic::new(
                    format!("`{path}` must be a table"),
                    node.origin.clone(),
                    format!("this is {}", other.type_name()),
                ));
                None
            }
        };
        let section = Self {
            path: path.to_owned(),
            table,
            origin,
            diagnostics,
        };
        section.report_unknown_keys(keys);
        section
    }

    /// A table that the document does not have: every key takes its default.
    fn absent(path: String, origin: Origin, diagnostics: &'a Diagnostics) -> Self {
        Self {
            path,
            table: None,
            origin,
            diagnostics,
        }
    }

    /// The table under `key` of this one.
    pub fn section(&self, key: &Key, keys: &[Key]) -> Section<'a> {
        let path = self.path_of(key.name);
        match self.table.and_then(|table| table.get(key.name)) {
            Some(entry) => Section::new(
                &path,
                &entry.node,
                entry.key_origin.clone(),
                keys,
                self.diagnostics,
            ),
            None => {
                if key.default.is_none() && self.table.is_some() {
                    self.report_missing(key);
                }
                let section = Section::absent(path, self.origin.clone(), self.diagnostics);
                if key.default.is_some() {
                    for required in keys.iter().filter(|key| key.default.is_none()) {
                        section.report_missing(required);
                    }
                }
                section
            }
        }
    }

    pub fn diagnostics(&self) -> &'a Diagnostics {
        self.diagnostics
    }

    pub fn path_of(&self, key: &str) -> String {
        if self.path.is_empty() {
            key.to_owned()
        } else {
            format!("{}.{key}", self.path)
        }
    }

    /// The value under `key` as typed, if it is there; reports a required key that is not.
    pub fn node(&self, key: &Key) -> Option<&'a Node> {
        let entry = self.table?.get(key.name);
        if entry.is_none() && key.default.is_none() {
            self.report_missing(key);
        }
        entry.map(|entry| &entry.node)
    }

    pub fn text(&self, key: &Key) -> String {
        self.read(key, |value| match (value, key.kind) {
            (Value::String(text), Kind::Word(words)) => {
                words.contains(&text.as_str()).then(|| text.clone())
            }
            (Value::String(text), _) => Some(text.clone()),
            _ => None,
        })
        .unwrap_or_default()
    }

    pub fn optional_text(&self, key: &Key) -> Option<String> {
        self.table?.get(key.name)?;
        Some(self.text(key))
    }

    pub fn boolean(&self, key: &Key) -> bool {
        self.read(key, |value| match value {
            Value::Boolean(value) => Some(*value),
            _ => None,
        })
        .unwrap_or_default()
    }

    pub fn integer(&self, key: &Key) -> u64 {
        self.read(key, |value| integer_in(value, key.kind))
            .unwrap_or(1)
    }

    pub fn size(&self, key: &Key) -> usize {
        self.integer(key) as usize
    }

    pub fn float(&self, key: &Key) -> f64 {
        self.read(key, |value| float_in(value, key.kind))
            .unwrap_or(1.0)
    }

    /// Height and width.
    pub fn pair(&self, key: &Key) -> [usize; 2] {
        self.read(key, |value| match value {
            Value::Array(items) => match items.as_slice() {
                [height, width] => Some([
                    integer_in(&height.value, key.kind)? as usize,
                    integer_in(&width.value, key.kind)? as usize,
                ]),
                _ => None,
            },
            single => integer_in(single, key.kind).map(|size| [size as usize; 2]),
        })
        .unwrap_or([1, 1])
    }

    /// An array of numbers, each in the range of `each`.
    pub fn floats(&self, key: &Key, each: Kind) -> Vec<f64> {
        self.read(key, |value| match value {
            Value::Array(items) => items
                .iter()
                .map(|item| float_in(&item.value, each))
                .collect(),
            _ => None,
        })
        .unwrap_or_default()
    }

    /// Points at the value of `key`, or at the section where it would stand.
    pub fn report(&self, key: &Key, message: String, label: &str, help: &str) {
        let origin = match self.table.and_then(|table| table.get(key.name)) {
            Some(entry) => entry.node.origin.clone(),
            None => self.origin.clone(),
        };
        self.diagnostics
            .push(Diagnostic::new(message, origin, label).help(help));
    }

    fn read<T>(&self, key: &Key, convert: impl Fn(&Value) -> Option<T>) -> Option<T> {
        if let Some(node) = self.node(key) {
            let value = convert(&node.value);
            if value.is_none() {
                self.diagnostics.push(
                    Diagnostic::new(
                        format!("`{}` must be {}", self.path_of(key.name), key.kind),
                        node.origin.clone(),
                        describe(&node.value),
                    )
                    .help(format!("`{}` is {}", key.name, key.meaning)),
                );
            }
            return value;
        }
        let default = parse_value(key.default?, 0, 0).expect("defaults are valid TOML");
        convert(&default.value)
    }

    fn report_missing(&self, key: &Key) {
        self.diagnostics.push(
            Diagnostic::new(
                format!("missing key `{}`", self.path_of(key.name)),
                self.origin.clone(),
                if self.path.is_empty() {
                    String::new()
                } else {
                    format!("`{}` is needed here", key.name)
                },
            )
            .help(format!("`{}` is {}: {}", key.name, key.meaning, key.kind)),
        );
    }

    fn report_unknown_keys(&self, keys: &[Key]) {
        let names: Vec<&str> = keys.iter().map(|key| key.name).collect();
        for entry in self.table.iter().flat_map(|table| &table.entries) {
            if !names.contains(&entry.key.as_str()) {
                self.diagnostics.push(
                    Diagnostic::new(
                        format!("unknown key `{}`", self.path_of(&entry.key)),
                        entry.key_origin.clone(),
                        "",
                    )
                    .help(suggest(&entry.key, &names)),
                );
            }
        }
    }
}

/// "did you mean" if a name is close, else the names there are.
pub fn suggest(typed: &str, names: &[&str]) -> String {
    let folded = typed.to_lowercase().replace(['-', ' '], "_");
    let close = names
        .iter()
        .map(|name| (strsim::damerau_levenshtein(&folded, name), *name))
        .min()
        .filter(|(distance, name)| *distance <= 1 + name.len() / 4);
    match close {
        Some((_, name)) => format!("did you mean `{name}`?"),
        None if names.is_empty() => "no keys are taken here".to_owned(),
        None => format!("the names known here are {}", quoted(names)),
    }
}

fn quoted(names: &[&str]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    quoted.join(", ")
}

fn integer_in(value: &Value, kind: Kind) -> Option<u64> {
    let (Kind::Integer { min, max } | Kind::Pair { min, max }) = kind else {
        return None;
    };
    match value {
        Value::Integer(value) => u64::try_from(*value)
            .ok()
            .filter(|value| (min..=max).contains(value)),
        _ => None,
    }
}

fn float_in(value: &Value, kind: Kind) -> Option<f64> {
    let Kind::Float { min, max, open } = kind else {
        return None;
    };
    let value = match value {
        Value::Float(value) => *value,
        Value::Integer(value) => *value as f64,
        _ => return None,
    };
    let above = if open { value > min } else { value >= min };
    (above && value < max).then_some(value)
}

/// What stands there now, in a few words.
fn describe(value: &Value) -> String {
    match value {
        Value::Integer(value) => format!("this is {value}"),
        Value::Float(value) => format!("this is {value}"),
        Value::String(text) => format!("this is the string {text:?}"),
        other => format!("this is {}", other.type_name()),
    }
}
