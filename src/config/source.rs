//! The texts that a configuration comes from, and places in them.

use std::ops::Range;

/// A text that configuration values come from: a file, or one override of the command line.
#[derive(Debug, Clone)]
pub struct Source {
    /// What a diagnostic calls it: the path, or `command line`.
    pub name: String,
    pub text: String,
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
    /// Where to point when something is missing from the document as a whole.
    pub fn start() -> Self {
        Self {
            source: 0,
            span: 0..0,
        }
    }
}
