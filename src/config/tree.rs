//! Configuration as it was typed: a TOML tree in which every key and value remembers where it stands.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::diagnostic::Diagnostic;
use super::path::Step;
use super::source::Origin;

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
    pub entries: Vec<Entry>,
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

    /// The node some steps further down.
    pub fn get(&self, steps: &[Step]) -> Option<&Node> {
        let Some((first, rest)) = steps.split_first() else {
            return Some(self);
        };
        self.child(first)?.get(rest)
    }

    /// All that the sources have in a place, the value that counts first.
    pub fn history(&self, steps: &[Step]) -> Vec<&Node> {
        let mut found = match steps.split_first() {
            None => vec![self],
            Some((first, rest)) => match self.child(first) {
                Some(child) => child.history(rest),
                None => Vec::new(),
            },
        };
        if let Some(replaced) = &self.replaced {
            found.extend(replaced.history(steps));
        }
        found
    }

    pub fn child_mut(&mut self, step: &Step) -> Option<&mut Node> {
        match (&mut self.value, step) {
            (Value::Table(table), Step::Key(key)) => Some(&mut table.get_mut(key)?.node),
            (Value::Array(items), Step::Index(index)) => items.get_mut(*index),
            _ => None,
        }
    }

    fn child(&self, step: &Step) -> Option<&Node> {
        match (&self.value, step) {
            (Value::Table(table), Step::Key(key)) => Some(&table.get(key)?.node),
            (Value::Array(items), Step::Index(index)) => items.get(*index),
            _ => None,
        }
    }
}

impl Table {
    pub fn get(&self, key: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.key == key)
    }

    pub fn get_mut(&mut self, key: &str) -> Option<&mut Entry> {
        self.entries.iter_mut().find(|entry| entry.key == key)
    }

    pub fn take(&mut self, key: &str) -> Option<Entry> {
        let index = self.entries.iter().position(|entry| entry.key == key)?;
        Some(self.entries.remove(index))
    }
}

/// Parses a whole TOML document, with the first syntax error of every line.
pub fn parse_document(text: &str, source: usize) -> Result<Node, Vec<Diagnostic>> {
    let (table, errors) = DeTable::parse_recoverable(text);
    let mut diagnostics: Vec<Diagnostic> = errors
        .iter()
        .map(|error| syntax_error(error, text, source, 0))
        .collect();
    // After an error the parser often stumbles at once again.
    diagnostics.sort_by_key(|diagnostic| diagnostic.origin.span.start);
    diagnostics.dedup_by(|next, told| {
        let between = told.origin.span.start..next.origin.span.start;
        !text.as_bytes()[between].contains(&b'\n')
    });
    let span = table.span();
    let value = convert_table(table.into_inner(), source, 0, &mut diagnostics);
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

fn syntax_error(error: &toml::de::Error, text: &str, source: usize, offset: usize) -> Diagnostic {
    let length = text.len();
    let span = error.span().unwrap_or(0..length);
    let (message, help) = match (error.message(), &text[span.clone()]) {
        ("duplicate key", key) => (
            format!("`{key}` is here for the second time"),
            "take one of the two out",
        ),
        (_, "") if text[..span.start].trim_end().ends_with('=') => (
            "there is no value after `=`".to_owned(),
            "write key = value",
        ),
        (message, _) => (
            message.to_owned(),
            "a line is key = value, a [section], or a # comment; strings are in quotes",
        ),
    };
    let origin = Origin {
        source,
        span: offset + span.start..offset + span.end,
    };
    Diagnostic::new(format!("not valid TOML: {message}"), origin, "").help(help)
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
            Entry {
                key_origin: Origin {
                    source,
                    span: span.start + offset..span.end + offset,
                },
                key: key.into_inner().into_owned(),
                node: convert(value, source, offset, diagnostics),
            }
        })
        .collect();
    Value::Table(Table { entries })
}
