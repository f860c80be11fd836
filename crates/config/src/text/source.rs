//! The texts that a configuration comes from, and places in them.

use std::ops::Range;

use serde::{Deserialize, Serialize};

/// A text that configuration values come from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// What kind of text it is.
    pub kind: SourceKind,
    /// What a diagnostic calls it: a file's path, `environment` or `command line`.
    pub name: String,
    /// The text itself.
    pub text: String,
    /// Where the file that extends this one says so, or where the preset is named.
    #[serde(skip)]
    pub extended_at: Option<Origin>,
}

/// Where a text comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SourceKind {
    /// An experiment file.
    File,
    /// `RUNNER__TRAINING__EPOCHS=22`
    Environment,
    /// `training.epochs=22`
    CommandLine,
    /// The layers that a preset stands for.
    Preset,
}

/// A place in one of the sources.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// Index into the document's list of sources.
    pub source: usize,
    /// Bytes of that source's text.
    pub span: Range<usize>,
}

impl Origin {
    /// The start of the file itself, for what is missing from the document as a whole.
    pub fn start() -> Self {
        Self {
            source: 0,
            span: 0..0,
        }
    }
}

impl Source {
    /// The text of a file.
    pub fn file(name: impl Into<String>, text: String) -> Self {
        Self {
            kind: SourceKind::File,
            name: escape_controls(&name.into()),
            text,
            extended_at: None,
        }
    }

    /// One variable, as `NAME=value`.
    pub fn environment(text: String) -> Self {
        Self {
            kind: SourceKind::Environment,
            name: "environment".to_owned(),
            text,
            extended_at: None,
        }
    }

    /// One argument, as `key=value`.
    pub fn command_line(text: String) -> Self {
        Self {
            kind: SourceKind::CommandLine,
            name: "command line".to_owned(),
            text,
            extended_at: None,
        }
    }

    /// The text of a preset, and where it is named.
    pub fn preset(name: &str, text: String, named_at: Origin) -> Self {
        Self {
            kind: SourceKind::Preset,
            name: format!("preset {name}"),
            text,
            extended_at: Some(named_at),
        }
    }

    /// Line and column, from 1, of a byte of the text; a column is a character.
    fn line_column(&self, byte: usize) -> (usize, usize) {
        let before = &self.text[..byte];
        let line = before.matches('\n').count() + 1;
        let column = before.chars().rev().take_while(|c| *c != '\n').count() + 1;
        (line, column)
    }
}

/// A place in words: `configs/baseline.toml:9:8`, `command line:1:17`.
pub(crate) fn place(sources: &[Source], origin: &Origin) -> String {
    let source = &sources[origin.source];
    let (line, column) = source.line_column(origin.span.start);
    format!("{}:{line}:{column}", source.name)
}

/// The places that bring in a text that is not the experiment's own, the nearest first:
/// `extended by base.toml:1:11`.
pub(crate) fn inclusion_chain(sources: &[Source], origin: &Origin) -> Vec<String> {
    let mut chain = Vec::new();
    let mut source = &sources[origin.source];
    while let Some(extended_at) = &source.extended_at {
        let verb = match source.kind {
            SourceKind::Preset => "named",
            _ => "extended",
        };
        chain.push(format!("{verb} by {}", place(sources, extended_at)));
        source = &sources[extended_at.source];
    }
    chain
}

/// Escapes line breaks and all other control characters, so that the text stays on one line and cannot
/// drive the terminal.
pub(crate) fn escape_controls(text: &str) -> String {
    if !text.contains(char::is_control) {
        return text.to_owned();
    }
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() {
            escaped.extend(c.escape_default());
        } else {
            escaped.push(c);
        }
    }
    escaped
}
