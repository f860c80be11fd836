//! Configuration as it was typed: a TOML tree in which every key and value remembers where it stands.

use std::collections::BTreeMap;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::text::diagnostic::{Concern, Diagnostic};
use crate::text::path::{KeyPath, PathStep};
use crate::text::source::Origin;
use crate::text::syntax::syntax_error;

#[derive(Debug, Clone)]
pub enum Value {
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
    pub fn type_name(&self) -> &'static str {
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
pub struct Node {
    pub value: Value,
    pub origin: Origin,
    /// What a source of lower precedence has in this place.
    pub replaced: Option<Box<Node>>,
}

#[derive(Debug, Clone)]
pub struct Entry {
    pub key: String,
    pub key_origin: Origin,
    pub node: Node,
}

#[derive(Debug, Clone, Default)]
pub struct Table {
    /// By their keys.
    entries: BTreeMap<String, Entry>,
    /// What `{ unset = true }` has taken away, by its key.
    removed: BTreeMap<String, Removed>,
}

/// A value that a source took away.
#[derive(Debug, Clone)]
pub struct Removed {
    /// Where it says so.
    pub origin: Origin,
    pub node: Node,
}

impl Node {
    pub fn new(value: Value, origin: Origin) -> Self {
        Self {
            value,
            origin,
            replaced: None,
        }
    }

    pub fn empty_table(origin: Origin) -> Self {
        Self::new(Value::Table(Table::default()), origin)
    }

    /// Puts another node in the place of this one, which it remembers.
    pub fn replace(&mut self, mut with: Node) {
        std::mem::swap(self, &mut with);
        self.replaced = Some(Box::new(with));
    }

    /// The node at a path, `model.layers[7]`.
    pub fn at(&self, path: &str) -> Option<&Node> {
        self.get(&KeyPath::parse(path)?.0)
    }

    /// The node some steps further down.
    pub fn get(&self, steps: &[PathStep]) -> Option<&Node> {
        let Some((first, rest)) = steps.split_first() else {
            return Some(self);
        };
        self.child(first)?.get(rest)
    }

    /// What sources of lower precedence have in a place, the nearest first.
    pub fn history(&self, steps: &[PathStep]) -> Vec<&Node> {
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

    /// Who took a place away, or a table around it, and what stood there.
    pub fn removed(&self, steps: &[PathStep]) -> Option<(&Origin, &Node)> {
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

    /// Places inside that come from other sources than this node itself.
    pub fn foreign_origins(&self) -> Vec<&Origin> {
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

    pub fn child_mut(&mut self, step: &PathStep) -> Option<&mut Node> {
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
    pub fn get(&self, key: &str) -> Option<&Entry> {
        self.entries.get(key)
    }

    pub fn get_mut(&mut self, key: &str) -> Option<&mut Entry> {
        self.entries.get_mut(key)
    }

    pub fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.entries.values()
    }

    pub fn entries_mut(&mut self) -> impl Iterator<Item = &mut Entry> {
        self.entries.values_mut()
    }

    pub fn into_entries(self) -> impl Iterator<Item = Entry> {
        self.entries.into_values()
    }

    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Puts in an entry whose key is not there; it remembers one that was taken away.
    pub fn insert(&mut self, mut entry: Entry) {
        if let Some(removed) = self.removed.remove(&entry.key) {
            entry.node.replaced = Some(Box::new(removed.node));
        }
        self.entries.insert(entry.key.clone(), entry);
    }

    /// Takes an entry out for good.
    pub fn take(&mut self, key: &str) -> Option<Entry> {
        self.entries.remove(key)
    }

    /// Takes an entry away, as the place says; whether it was there.
    pub fn unset(&mut self, key: &str, origin: Origin) -> bool {
        match self.entries.remove(key) {
            Some(entry) => {
                let node = entry.node;
                self.removed.insert(entry.key, Removed { origin, node });
                true
            }
            None => false,
        }
    }

    /// Takes over what another table, which is laid over this one, has taken away.
    pub fn keep_removed(&mut self, above: &Table) {
        for (key, removed) in &above.removed {
            if !self.entries.contains_key(key) {
                self.removed.insert(key.clone(), removed.clone());
            }
        }
    }

    pub fn removed(&self, key: &str) -> Option<&Removed> {
        self.removed.get(key)
    }
}

/// Parses a whole TOML document, with the first syntax error of every line.
pub fn parse_document(text: &str, source: usize) -> Result<Node, Vec<Diagnostic>> {
    let (table, errors) = DeTable::parse_recoverable(text);
    let mut diagnostics: Vec<Diagnostic> = errors
        .iter()
        .map(|error| syntax_error(error, text, source, 0))
        .collect();
    let span = table.span();
    let value = convert_table(table.into_inner(), source, 0, &mut diagnostics);
    // After an error the parser often stumbles at once again.
    diagnostics.sort_by_key(|diagnostic| diagnostic.origin.span.start);
    diagnostics.dedup_by(|next, told| {
        let between = told.origin.span.start..next.origin.span.start;
        !text.as_bytes()[between].contains(&b'\n')
    });
    // What follows is read as part of what is not closed.
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
pub fn parse_value(text: &str, source: usize, offset: usize) -> Result<Node, Vec<Diagnostic>> {
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
        // The parser has checked the digits; what Rust cannot read is only their underscores.
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
