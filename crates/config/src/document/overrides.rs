//! Single values in place of the file's: `training.epochs=22` on the command line,
//! `RUNNER__TRAINING__EPOCHS=22` in the environment.

use std::ops::Range;

use crate::document::merge::{is_unset, nothing_to_unset};
use crate::experiment::EXTENDS;
use crate::model::keys::{LAYERS, MODEL};
use crate::text::diagnostic::Diagnostic;
use crate::text::path::{KeyPath, PathStep};
use crate::text::source::Origin;
use crate::text::tree::{self, Entry, Node, Value};

/// What the names of environment variables that set values begin with.
pub(crate) const PREFIX: &str = "RUNNER__";

/// A value and the place it goes to.
#[derive(Debug, Clone)]
pub(crate) struct Override {
    path: KeyPath,
    /// Where the path is typed.
    origin: Origin,
    value: Node,
}

impl Override {
    /// Reads `training.epochs=22` or `model.layers[7].dropout.p=0.3`. The value is TOML; a bare word
    /// is taken as a string.
    pub(crate) fn parse(text: &str, source: usize) -> Result<Self, Diagnostic> {
        let whole = Origin {
            source,
            span: 0..text.len(),
        };
        let usage = "write key=value, for example training.epochs=22";
        let Some((path, value)) = text.split_once('=') else {
            let message = format!("`{text}` is not an override");
            let help = match text.strip_prefix('~') {
                Some(key) => format!("to remove a key, write '{key}={{unset=true}}'"),
                None => usage.to_owned(),
            };
            return Err(Diagnostic::new(message, whole, "").help(help));
        };
        let (value, value_span) = trim(value, path.len() + 1);
        let (path, span) = trim(path, 0);
        let origin = Origin { source, span };
        let parsed = KeyPath::parse(path).ok_or_else(|| {
            let message = match path {
                "" => format!("`{text}` has no key"),
                _ => format!("`{path}` is not a key"),
            };
            let help = match path.trim_start_matches('+') {
                bare if bare.len() < path.len() => format!("write {bare}=..., without the +"),
                _ => usage.to_owned(),
            };
            Diagnostic::new(message, origin.clone(), "").help(help)
        })?;
        Self::new(parsed, origin, parse_value(value, source, value_span)?)
    }

    /// Reads `RUNNER__MODEL__LAYERS__7__DROPOUT__P=0.3`: two underscores stand between the steps of
    /// the path, in capitals or not.
    pub(crate) fn parse_variable(text: &str, source: usize) -> Result<Self, Diagnostic> {
        let (name, value) = text.split_once('=').unwrap_or((text, ""));
        let (value, value_span) = trim(value, name.len() + 1);
        let origin = Origin {
            source,
            span: 0..name.len(),
        };
        let is_bare = |part: &str| {
            !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
        };
        let mut steps = Vec::new();
        for part in name.strip_prefix(PREFIX).unwrap_or(name).split("__") {
            if !is_bare(part) {
                let help = "separate the parts of a path with two underscores: \
                            RUNNER__TRAINING__EPOCHS=22 sets training.epochs";
                let message = format!("`{name}` does not name a key");
                return Err(Diagnostic::new(message, origin, "").help(help));
            }
            steps.push(match part.parse() {
                Ok(index) => PathStep::Index(index),
                Err(_) => PathStep::Key(part.to_ascii_lowercase()),
            });
        }
        Self::new(
            KeyPath(steps),
            origin,
            parse_value(value, source, value_span)?,
        )
    }

    fn new(path: KeyPath, origin: Origin, value: Node) -> Result<Self, Diagnostic> {
        if path.0 == [PathStep::Key(EXTENDS.name.to_owned())] {
            let help = "write it in the file, or set the values themselves";
            let message = "`extends` can only be set in a file";
            return Err(Diagnostic::new(message, origin, "").help(help));
        }
        Ok(Self {
            path,
            origin,
            value,
        })
    }

    /// A value that is already read, for the place at `path`, which is typed at `origin`.
    pub(crate) fn at(path: KeyPath, origin: Origin, value: Node) -> Self {
        Self {
            path,
            origin,
            value,
        }
    }

    /// As it would be typed: `training.epochs=22`.
    pub(super) fn typed(&self) -> String {
        format!("{}={}", self.path, self.value.toml())
    }

    /// Where the value goes, and where that is typed.
    pub(super) fn place(self) -> (KeyPath, Origin) {
        (self.path, self.origin)
    }

    /// Where the value goes.
    pub(super) fn path(&self) -> &KeyPath {
        &self.path
    }

    /// Whether the place is a single layer of the network, or in one.
    pub(crate) fn is_of_layer(&self) -> bool {
        match self.path.0.as_slice() {
            [PathStep::Key(model), PathStep::Key(layers), _, ..] => {
                model == MODEL.name && layers == LAYERS.name
            }
            _ => false,
        }
    }

    /// Puts the value in its place, or unsets that place if the value is `{ unset = true }`.
    pub(crate) fn apply(self, root: &mut Node) -> Result<(), Diagnostic> {
        let Some((last, parents)) = self.path.0.split_last() else {
            return Ok(());
        };
        let mut node = root;
        let mut walked = KeyPath::default();
        for (step, next) in parents.iter().zip(&self.path.0[1..]) {
            node = descend(node, step, Some(next), &self.origin, &walked)?;
            walked.push(step.clone());
        }
        if is_unset(&self.value) {
            return take(node, last, &self.origin, self.value.origin, &walked);
        }
        match (&mut node.value, last) {
            (Value::Table(table), PathStep::Key(key)) => match table.get_mut(key) {
                Some(entry) => {
                    entry.key_origin = self.origin;
                    entry.node.replace(self.value);
                }
                None => table.insert(Entry {
                    key: key.clone(),
                    key_origin: self.origin,
                    node: self.value,
                }),
            },
            _ => descend(node, last, None, &self.origin, &walked)?.replace(self.value),
        }
        Ok(())
    }
}

/// A part of a text without the space around it, and where that stands in the text.
fn trim(part: &str, offset: usize) -> (&str, Range<usize>) {
    let start = offset + part.len() - part.trim_start().len();
    let part = part.trim();
    (part, start..start + part.len())
}

/// The node one step below, made if a table lacks it and it is to be a table; `next` is the step
/// after it.
fn descend<'a>(
    node: &'a mut Node,
    step: &PathStep,
    next: Option<&PathStep>,
    origin: &Origin,
    walked: &KeyPath,
) -> Result<&'a mut Node, Diagnostic> {
    let is_there = match (&mut node.value, step) {
        (Value::Table(table), PathStep::Key(key)) => {
            if table.get(key).is_none() {
                if let Some(PathStep::Index(_)) = next {
                    let path = walked.join(key);
                    let message = format!("`{path}` is not set, so it has no elements");
                    let help = format!("set it as a whole: {path}=[...]");
                    return Err(Diagnostic::new(message, origin.clone(), "").help(help));
                }
                table.insert(Entry {
                    key: key.clone(),
                    key_origin: origin.clone(),
                    node: Node::empty_table(origin.clone()),
                });
            }
            true
        }
        (Value::Array(items), PathStep::Index(index)) => *index < items.len(),
        _ => false,
    };
    if !is_there {
        return Err(no_such_place(&node.value, step, origin, walked));
    }
    Ok(node.child_mut(step).expect("it is there"))
}

/// Unsets what is one step below; `by` is where the config says so.
fn take(
    node: &mut Node,
    step: &PathStep,
    origin: &Origin,
    by: Origin,
    walked: &KeyPath,
) -> Result<(), Diagnostic> {
    match (&mut node.value, step) {
        (Value::Table(table), PathStep::Key(key)) => {
            if table.unset(key, by) {
                Ok(())
            } else {
                Err(nothing_to_unset(&walked.join(key), origin.clone()))
            }
        }
        (Value::Array(items), PathStep::Index(index)) if *index < items.len() => {
            items.remove(*index);
            Ok(())
        }
        (value, step) => Err(no_such_place(value, step, origin, walked)),
    }
}

fn no_such_place(value: &Value, step: &PathStep, origin: &Origin, walked: &KeyPath) -> Diagnostic {
    let (message, help) = match (value, step) {
        (Value::Array(items), PathStep::Index(index)) => (
            format!("`{walked}` has no element {index}"),
            format!("its {} elements are numbered from 0", items.len()),
        ),
        (Value::Array(_), PathStep::Key(key)) => (
            format!("`{walked}` is an array, so it has no key `{key}`"),
            format!("its elements are {walked}[0] and so on"),
        ),
        (other, PathStep::Key(key)) => (
            format!(
                "`{walked}` is {}, so it has no key `{key}`",
                other.type_name()
            ),
            format!("it can only be set as a whole: {walked}=..."),
        ),
        (_, PathStep::Index(index)) if walked.0.is_empty() => (
            format!("the experiment has no element {index}"),
            "a path starts with a key".to_owned(),
        ),
        (other, PathStep::Index(index)) => (
            format!(
                "`{walked}` is {}, so it has no element {index}",
                other.type_name()
            ),
            format!("set it as a whole: {walked}=[...]"),
        ),
    };
    Diagnostic::new(message, origin.clone(), "").help(help)
}

/// TOML, or else a bare word: a string, unless it sets out to be more than one.
fn parse_value(text: &str, source: usize, span: Range<usize>) -> Result<Node, Diagnostic> {
    if text.is_empty() {
        let help = "write a value, or \"\" for an empty string";
        let origin = Origin { source, span };
        return Err(Diagnostic::new("there is no value after `=`", origin, "").help(help));
    }
    tree::parse_value(text, source, span.start).or_else(|mut errors| {
        let number = text.trim_start_matches(['+', '-']);
        let is_number = !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit());
        if is_number || text.starts_with(['"', '\'', '[', '{']) {
            return Err(errors.swap_remove(0));
        }
        let value = Value::String(text.to_owned());
        Ok(Node::new(value, Origin { source, span }))
    })
}
