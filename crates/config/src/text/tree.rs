//! Configuration as it was typed: a TOML tree in which every key and value remembers where it stands.

use std::collections::BTreeMap;

use serde::Serialize;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::text::diagnostic::{Concern, Diagnostic};
use crate::text::path::{KeyPath, PathStep};
use crate::text::source::Origin;
use crate::text::syntax::syntax_error;

#[derive(Debug, Clone)]
pub(crate) enum Value {
    String(String),
    Integer(i64),
    Float(f64),
    Boolean(bool),
    Datetime,
    Array(Vec<Node>),
    Table(Table),
}

impl Value {
    /// The name of the type with its article, as an error message says it.
    pub(crate) fn type_name(&self) -> &'static str {
        match self {
            Value::String(_) => "a string",
            Value::Integer(_) => "an integer",
            Value::Float(_) => "a float",
            Value::Boolean(_) => "a boolean",
            Value::Datetime => "a date",
            Value::Array(_) => "an array",
            Value::Table(_) => "a table",
        }
    }
}

#[derive(Debug, Clone)]
pub(crate) struct Node {
    pub value: Value,
    pub origin: Origin,
    /// The value that a source of lower precedence has in this place.
    pub replaced: Option<Box<Node>>,
}

#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub key: String,
    pub key_origin: Origin,
    pub node: Node,
}

#[derive(Debug, Clone, Default)]
pub(crate) struct Table {
    /// By their keys.
    entries: BTreeMap<String, Entry>,
    /// What `{ unset = true }` has taken away, by its key.
    removed: BTreeMap<String, Removed>,
}

/// A value that a source took away.
#[derive(Debug, Clone)]
pub(crate) struct Removed {
    /// Where it says so.
    pub origin: Origin,
    pub node: Node,
}

impl Node {
    pub(crate) fn new(value: Value, origin: Origin) -> Self {
        Self {
            value,
            origin,
            replaced: None,
        }
    }

    pub(crate) fn empty_table(origin: Origin) -> Self {
        Self::new(Value::Table(Table::default()), origin)
    }

    /// Replaces this node by another, which keeps it as `replaced`.
    pub(crate) fn replace(&mut self, mut with: Node) {
        std::mem::swap(self, &mut with);
        self.replaced = Some(Box::new(with));
    }

    /// The same value with all its places in another source.
    pub(crate) fn moved_to(&self, source: usize) -> Self {
        let origin = Origin {
            source,
            span: self.origin.span.clone(),
        };
        let value = match &self.value {
            Value::Array(items) => {
                Value::Array(items.iter().map(|it| it.moved_to(source)).collect())
            }
            Value::Table(table) => {
                let mut moved = Table::default();
                for entry in table.entries() {
                    moved.insert(Entry {
                        key: entry.key.clone(),
                        key_origin: Origin {
                            source,
                            span: entry.key_origin.span.clone(),
                        },
                        node: entry.node.moved_to(source),
                    });
                }
                Value::Table(moved)
            }
            plain => plain.clone(),
        };
        Self::new(value, origin)
    }

    /// The value as TOML in one line. A date, which no key takes, becomes a string.
    pub(crate) fn toml(&self) -> String {
        let mut line = String::new();
        let serializer = toml::ser::ValueSerializer::new(&mut line);
        self.plain()
            .serialize(serializer)
            .expect("what was read as TOML can be written as TOML");
        line
    }

    /// The value without places.
    pub(crate) fn plain(&self) -> toml::Value {
        match &self.value {
            Value::String(text) => text.clone().into(),
            Value::Integer(value) => (*value).into(),
            Value::Float(value) => (*value).into(),
            Value::Boolean(value) => (*value).into(),
            Value::Datetime => "a date".into(),
            Value::Array(items) => toml::Value::Array(items.iter().map(Self::plain).collect()),
            Value::Table(table) => {
                let entries = table.entries();
                let plain = entries.map(|entry| (entry.key.clone(), entry.node.plain()));
                toml::Value::Table(plain.collect())
            }
        }
    }

    /// The node at a path, `model.layers[7]`.
    pub(crate) fn at(&self, path: &str) -> Option<&Node> {
        self.get(&KeyPath::parse(path)?.0)
    }

    /// The node some steps further down.
    pub(crate) fn get(&self, steps: &[PathStep]) -> Option<&Node> {
        let Some((first, rest)) = steps.split_first() else {
            return Some(self);
        };
        self.child(first)?.get(rest)
    }

    /// The values that sources of lower precedence have at a path, the nearest first.
    pub(crate) fn history(&self, steps: &[PathStep]) -> Vec<&Node> {
        let mut found = match steps.split_first() {
            None => Vec::new(),
            Some((first, rest)) => match self.child(first) {
                Some(child) => child.history(rest),
                None => Vec::new(),
            },
        };
        if let Some(replaced) = &self.replaced {
            found.extend(replaced.get(steps));
            found.extend(replaced.history(steps));
        }
        found
    }

    /// Where the value at a path, or a table around it, was unset, and the value.
    pub(crate) fn removed(&self, steps: &[PathStep]) -> Option<(&Origin, &Node)> {
        let (first, rest) = steps.split_first()?;
        if let Some(child) = self.child(first) {
            return child.removed(rest);
        }
        let (Value::Table(table), PathStep::Key(key)) = (&self.value, first) else {
            return None;
        };
        let removed = table.removed(key)?;
        Some((&removed.origin, removed.node.get(rest)?))
    }

    /// The places of values inside that come from other sources than this node itself.
    pub(crate) fn foreign_origins(&self) -> Vec<&Origin> {
        let children: Vec<&Node> = match &self.value {
            Value::Table(table) => table.entries().map(|entry| &entry.node).collect(),
            Value::Array(items) => items.iter().collect(),
            _ => Vec::new(),
        };
        let mut found = Vec::new();
        for child in children {
            if child.origin.source != self.origin.source {
                found.push(&child.origin);
            }
            found.extend(child.foreign_origins());
        }
        found.retain(|origin| origin.source != self.origin.source);
        found
    }

    pub(crate) fn child_mut(&mut self, step: &PathStep) -> Option<&mut Node> {
        match (&mut self.value, step) {
            (Value::Table(table), PathStep::Key(key)) => Some(&mut table.get_mut(key)?.node),
            (Value::Array(items), PathStep::Index(index)) => items.get_mut(*index),
            _ => None,
        }
    }

    fn child(&self, step: &PathStep) -> Option<&Node> {
        match (&self.value, step) {
            (Value::Table(table), PathStep::Key(key)) => Some(&table.get(key)?.node),
            (Value::Array(items), PathStep::Index(index)) => items.get(*index),
            _ => None,
        }
    }
}

impl Table {
    pub(crate) fn get(&self, key: &str) -> Option<&Entry> {
        self.entries.get(key)
    }

    pub(crate) fn get_mut(&mut self, key: &str) -> Option<&mut Entry> {
        self.entries.get_mut(key)
    }

    pub(crate) fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.entries.values()
    }

    pub(crate) fn entries_mut(&mut self) -> impl Iterator<Item = &mut Entry> {
        self.entries.values_mut()
    }

    pub(crate) fn into_entries(self) -> impl Iterator<Item = Entry> {
        self.entries.into_values()
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Inserts an entry whose key is absent; it remembers a value that was unset before.
    pub(crate) fn insert(&mut self, mut entry: Entry) {
        if let Some(removed) = self.removed.remove(&entry.key) {
            entry.node.replaced = Some(Box::new(removed.node));
        }
        self.entries.insert(entry.key.clone(), entry);
    }

    /// Removes an entry without a trace.
    pub(crate) fn take(&mut self, key: &str) -> Option<Entry> {
        self.entries.remove(key)
    }

    /// Unsets an entry, as `origin` says, and remembers it; returns whether it was there.
    pub(crate) fn unset(&mut self, key: &str, origin: Origin) -> bool {
        match self.entries.remove(key) {
            Some(entry) => {
                let node = entry.node;
                self.removed.insert(entry.key, Removed { origin, node });
                true
            }
            None => false,
        }
    }

    /// Remembers what another table, which is laid over this one, has unset.
    pub(crate) fn keep_removed(&mut self, above: &Table) {
        for (key, removed) in &above.removed {
            if !self.entries.contains_key(key) {
                self.removed.insert(key.clone(), removed.clone());
            }
        }
    }

    pub(crate) fn removed(&self, key: &str) -> Option<&Removed> {
        self.removed.get(key)
    }
}

/// Parses a whole TOML document, with the first syntax error of every line.
pub(crate) fn parse_document(text: &str, source: usize) -> Result<Node, Vec<Diagnostic>> {
    let (table, errors) = DeTable::parse_recoverable(text);
    let mut diagnostics: Vec<Diagnostic> = errors
        .iter()
        .map(|error| syntax_error(error, text, source, 0))
        .collect();
    let span = table.span();
    let value = convert_table(table.into_inner(), source, 0, &mut diagnostics);
    // After an error the parser often fails again on the same line.
    diagnostics.sort_by_key(|diagnostic| diagnostic.origin.span.start);
    diagnostics.dedup_by(|next, told| {
        let between = told.origin.span.start..next.origin.span.start;
        !text.as_bytes()[between].contains(&b'\n')
    });
    // Everything after an unclosed value is read as part of it.
    let is_unclosed = |it: &Diagnostic| matches!(it.concern.as_deref(), Some(Concern::Unclosed));
    if let Some(first) = diagnostics.iter().position(is_unclosed) {
        diagnostics.truncate(first + 1);
    }
    let node = Node::new(value, Origin { source, span });
    if diagnostics.is_empty() {
        Ok(node)
    } else {
        Err(diagnostics)
    }
}

/// Parses one TOML value that starts at byte `offset` of its source's text.
pub(crate) fn parse_value(
    text: &str,
    source: usize,
    offset: usize,
) -> Result<Node, Vec<Diagnostic>> {
    let (value, errors) = DeValue::parse_recoverable(text);
    let mut diagnostics: Vec<Diagnostic> = errors
        .iter()
        .map(|error| syntax_error(error, text, source, offset))
        .collect();
    let node = convert(value, source, offset, &mut diagnostics);
    if diagnostics.is_empty() {
        Ok(node)
    } else {
        Err(diagnostics)
    }
}

fn convert(
    spanned: Spanned<DeValue<'_>>,
    source: usize,
    offset: usize,
    diagnostics: &mut Vec<Diagnostic>,
) -> Node {
    let span = spanned.span();
    let origin = Origin {
        source,
        span: span.start + offset..span.end + offset,
    };
    let value = match spanned.into_inner() {
        DeValue::String(text) => Value::String(text.into_owned()),
        DeValue::Boolean(value) => Value::Boolean(value),
        DeValue::Datetime(_) => Value::Datetime,
        DeValue::Integer(digits) => match i64::from_str_radix(digits.as_str(), digits.radix()) {
            Ok(value) => Value::Integer(value),
            Err(_) => {
                diagnostics.push(Diagnostic::new(
                    "integer out of range",
                    origin.clone(),
                    "TOML integers have 64 bits",
                ));
                Value::Integer(0)
            }
        },
        // The parser has checked the digits; Rust differs only in refusing their underscores.
        DeValue::Float(digits) => {
            Value::Float(digits.as_str().replace('_', "").parse().unwrap_or(f64::NAN))
        }
        DeValue::Array(items) => Value::Array(
            items
                .into_iter()
                .map(|item| convert(item, source, offset, diagnostics))
                .collect(),
        ),
        DeValue::Table(table) => convert_table(table, source, offset, diagnostics),
    };
    Node::new(value, origin)
}

fn convert_table(
    table: DeTable<'_>,
    source: usize,
    offset: usize,
    diagnostics: &mut Vec<Diagnostic>,
) -> Value {
    let entries = table
        .into_iter()
        .map(|(key, value)| {
            let span = key.span();
            let key = key.into_inner().into_owned();
            let entry = Entry {
                key_origin: Origin {
                    source,
                    span: span.start + offset..span.end + offset,
                },
                key: key.clone(),
                node: convert(value, source, offset, diagnostics),
            };
            (key, entry)
        })
        .collect();
    Value::Table(Table {
        entries,
        removed: BTreeMap::new(),
    })
}
