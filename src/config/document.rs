//! One configuration with its overrides: the tree, and the texts its values came from.

use std::fs;
use std::io;
use std::ops::Range;
use std::path::Path;

use super::Error;
use super::diagnostic::{Diagnostic, Invalid};
use super::experiment::Experiment;
use super::section::{Diagnostics, closest};
use super::source::{Origin, Source};
use super::tree::{self, Entry, Node, Table, Value};

#[derive(Debug)]
pub struct Document {
    sources: Vec<Source>,
    root: Node,
    /// The experiment's name unless the document gives one.
    default_name: String,
}

impl Document {
    /// Reads and parses a file; nothing in it is checked yet.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let text = fs::read_to_string(path).map_err(|source| Error::Unreadable {
            path: path.to_owned(),
            remedy: match source.kind() {
                io::ErrorKind::NotFound => neighbours(path),
                _ => "an experiment file is UTF-8 text that you may read".to_owned(),
            },
            source,
        })?;
        let default_name = path.file_stem().unwrap_or_default().to_string_lossy();
        Self::parse(&path.display().to_string(), text, &default_name)
    }

    /// Parses a text; `name` is what diagnostics call it.
    pub fn parse(name: &str, text: String, default_name: &str) -> Result<Self, Error> {
        let source = Source {
            name: name.to_owned(),
            text,
        };
        let parsed = tree::parse_document(&source.text, 0);
        let sources = vec![source];
        match parsed {
            Ok(root) => Ok(Self {
                sources,
                root,
                default_name: default_name.to_owned(),
            }),
            Err(diagnostics) => Err(Invalid::new(sources, diagnostics).into()),
        }
    }

    /// The file as it was typed.
    pub fn text(&self) -> &str {
        &self.sources[0].text
    }

    /// Applies overrides of the form `training.epochs=22` or `model.layers[7].dropout.p=0.3`, in order.
    ///
    /// The value is TOML; a bare word is taken as a string.
    pub fn set_all(&mut self, overrides: &[String]) -> Result<(), Error> {
        let mut diagnostics = Vec::new();
        for text in overrides {
            let source = self.sources.len();
            self.sources.push(Source {
                name: "command line".to_owned(),
                text: text.clone(),
            });
            if let Err(diagnostic) = apply(&mut self.root, text, source) {
                diagnostics.push(diagnostic);
            }
        }
        if diagnostics.is_empty() {
            Ok(())
        } else {
            Err(Invalid::new(self.sources.clone(), diagnostics).into())
        }
    }

    /// The experiment, if every value in the document is good; else everything that is not.
    pub fn experiment(&self) -> Result<Experiment, Error> {
        let diagnostics = Diagnostics::default();
        let experiment = Experiment::read(&self.root, &self.default_name, &diagnostics);
        let diagnostics = diagnostics.into_inner();
        if diagnostics.is_empty() {
            Ok(experiment)
        } else {
            Err(Invalid::new(self.sources.clone(), diagnostics).into())
        }
    }

    /// An error that shows up only later (with the data at hand) at the value of a key.
    pub fn error_at(&self, path: &str, message: String, help: &str) -> Error {
        let origin = self.origin(path);
        let diagnostic = Diagnostic::new(message, origin, "").help(help);
        Invalid::new(self.sources.clone(), vec![diagnostic]).into()
    }

    /// Where the value of a key stands: `configs/baseline.toml:9:8`.
    pub fn place(&self, path: &str) -> Option<String> {
        let origin = self.origin(path);
        if origin == Origin::start() {
            return None;
        }
        let source = &self.sources[origin.source];
        let before = &source.text[..origin.span.start];
        let line = before.matches('\n').count() + 1;
        let column = before.chars().rev().take_while(|c| *c != '\n').count() + 1;
        Some(format!("{}:{line}:{column}", source.name))
    }

    /// The start of the document if it does not have the key.
    fn origin(&self, path: &str) -> Origin {
        let mut node = &self.root;
        for key in path.split('.') {
            let Value::Table(table) = &node.value else {
                return Origin::start();
            };
            match table.get(key) {
                Some(entry) => node = &entry.node,
                None => return Origin::start(),
            }
        }
        node.origin.clone()
    }
}

/// What could have been meant by a path where there is no file.
fn neighbours(path: &Path) -> String {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let names: Vec<String> = fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| entry.file_name().into_string().ok())
        .filter(|name| name.ends_with(".toml"))
        .collect();
    let typed = path.file_name().unwrap_or_default().to_string_lossy();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    match closest(&typed, &names) {
        Some(name) => format!("did you mean {}?", folder.join(name).display()),
        None => format!(
            "{} has {} experiment files (.toml), none with a name like this",
            folder.display(),
            names.len()
        ),
    }
}

/// One step on the way to a value.
enum Step<'a> {
    Key(&'a str),
    Index(usize),
}

fn apply(root: &mut Node, text: &str, source: usize) -> Result<(), Diagnostic> {
    let whole = Origin {
        source,
        span: 0..text.len(),
    };
    let usage = "write key=value, for example training.epochs=22";
    let Some((path, value)) = text.split_once('=') else {
        let message = format!("`{text}` is no override");
        return Err(Diagnostic::new(message, whole, "").help(usage));
    };
    let (value, value_span) = trim(value, path.len() + 1);
    let (path, span) = trim(path, 0);
    let path_origin = Origin { source, span };
    let steps = parse_path(path).ok_or_else(|| {
        let message = match path {
            "" => format!("`{text}` has no key"),
            _ => format!("`{path}` is no key"),
        };
        Diagnostic::new(message, path_origin.clone(), "").help(usage)
    })?;
    let value = parse_override_value(value, source, value_span)?;
    let mut node = root;
    let mut walked = String::new();
    for (index, step) in steps.iter().enumerate() {
        let is_last = index + 1 == steps.len();
        node = descend(node, step, &path_origin, &walked, is_last)?;
        match step {
            Step::Key(key) if walked.is_empty() => walked.push_str(key),
            Step::Key(key) => walked.push_str(&format!(".{key}")),
            Step::Index(index) => walked.push_str(&format!("[{index}]")),
        }
    }
    *node = value;
    Ok(())
}

/// A part of a text without the space around it, and where that stands in the text.
fn trim(part: &str, offset: usize) -> (&str, Range<usize>) {
    let start = offset + part.len() - part.trim_start().len();
    let part = part.trim();
    (part, start..start + part.len())
}

fn parse_path(path: &str) -> Option<Vec<Step<'_>>> {
    let mut steps = Vec::new();
    for part in path.split('.') {
        let (key, indices) = part.split_at(part.find('[').unwrap_or(part.len()));
        let bare = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        if key.is_empty() || !key.chars().all(bare) {
            return None;
        }
        steps.push(Step::Key(key));
        let mut rest = indices;
        while !rest.is_empty() {
            let (index, after) = rest.strip_prefix('[')?.split_once(']')?;
            if !index.bytes().all(|byte| byte.is_ascii_digit()) {
                return None;
            }
            steps.push(Step::Index(index.parse().ok()?));
            rest = after;
        }
    }
    Some(steps)
}

/// The node one step below, made if a table lacks it.
fn descend<'a>(
    node: &'a mut Node,
    step: &Step<'_>,
    origin: &Origin,
    walked: &str,
    is_last: bool,
) -> Result<&'a mut Node, Diagnostic> {
    let refuse =
        |message: String, help: &str| Err(Diagnostic::new(message, origin.clone(), "").help(help));
    match (&mut node.value, step) {
        (Value::Table(table), Step::Key(key)) => {
            if table.get(key).is_none() {
                table.entries.push(Entry {
                    key: (*key).to_owned(),
                    key_origin: origin.clone(),
                    node: Node {
                        value: Value::Table(Table::default()),
                        origin: origin.clone(),
                    },
                });
            }
            let entry = table.get_mut(key).expect("it was just made");
            // What stood there before is gone with its key.
            if is_last {
                entry.key_origin = origin.clone();
            }
            Ok(&mut entry.node)
        }
        (Value::Array(items), Step::Index(index)) => {
            let length = items.len();
            match items.get_mut(*index) {
                Some(item) => Ok(item),
                None => refuse(
                    format!("`{walked}` has no element {index}"),
                    &format!("its {length} elements are numbered from 0"),
                ),
            }
        }
        (Value::Array(_), Step::Key(key)) => refuse(
            format!("`{walked}` is an array, it has no key `{key}`"),
            &format!("its elements are {walked}[0] and so on"),
        ),
        (other, Step::Key(key)) => refuse(
            format!("`{walked}` is {}, it has no key `{key}`", other.type_name()),
            &format!("it can only be set as a whole: {walked}=..."),
        ),
        (other, Step::Index(index)) => refuse(
            format!(
                "`{walked}` is {}, it has no element {index}",
                other.type_name()
            ),
            "only arrays have elements",
        ),
    }
}

/// TOML, or else a bare word: a string, unless it sets out to be more than one.
fn parse_override_value(text: &str, source: usize, span: Range<usize>) -> Result<Node, Diagnostic> {
    tree::parse_value(text, source, span.start).or_else(|mut errors| {
        let number = text.trim_start_matches(['+', '-']);
        let is_number = !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit());
        if is_number || text.starts_with(['"', '\'', '[', '{']) {
            return Err(errors.swap_remove(0));
        }
        Ok(Node {
            value: Value::String(text.to_owned()),
            origin: Origin { source, span },
        })
    })
}
