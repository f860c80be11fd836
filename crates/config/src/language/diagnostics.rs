//! The problems of one document, as its sections report them.

use std::cell::RefCell;

use super::lookup::Language;
use crate::text::diagnostic::{Concern, Diagnostic, Severity};
use crate::text::source::Origin;

/// Problems found so far; shared by all sections of one document.
#[derive(Debug)]
pub(crate) struct Diagnostics {
    /// Tells where a misplaced name belongs.
    pub(super) language: Language,
    found: RefCell<Vec<Diagnostic>>,
}

impl Diagnostics {
    pub(crate) fn new(language: Language) -> Self {
        Self {
            language,
            found: RefCell::default(),
        }
    }

    /// Adds an error, which refuses the experiment, or a warning, which does not.
    pub(crate) fn push(&self, diagnostic: Diagnostic) {
        self.found.borrow_mut().push(diagnostic);
    }

    /// The number of errors so far.
    pub(crate) fn errors(&self) -> usize {
        let found = self.found.borrow();
        let errors = found.iter().filter(|it| it.severity == Severity::Error);
        errors.count()
    }

    /// All of them, without missing keys whose misspelt names are reported, and without the copies that
    /// `repeat` makes of one problem.
    pub(crate) fn into_inner(self) -> Vec<Diagnostic> {
        let mut diagnostics = self.found.into_inner();
        let misnamed: Vec<String> = diagnostics
            .iter()
            .filter_map(|it| match it.concern.as_deref() {
                Some(Concern::Misnamed(path)) => Some(path.clone()),
                _ => None,
            })
            .collect();
        diagnostics.retain(|it| match it.concern.as_deref() {
            Some(Concern::Missing(path)) => !misnamed.contains(path),
            _ => true,
        });
        // Layers in a `repeat` are typed once but read many times; the messages differ in indices alone.
        let mut told: Vec<(Origin, String)> = Vec::new();
        diagnostics.retain(|it| {
            let this = (it.origin.clone(), without_indices(&it.message));
            let is_new = !told.contains(&this);
            if is_new {
                told.push(this);
            }
            is_new
        });
        diagnostics
    }
}

/// A message without the numbers in brackets.
fn without_indices(message: &str) -> String {
    let parts = message.split('[');
    let stripped = parts.map(|part| part.trim_start_matches(|c: char| c.is_ascii_digit()));
    stripped.collect::<Vec<&str>>().join("[")
}
