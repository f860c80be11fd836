//! From what is typed to an experiment: the file, then the environment, then the command line.

use std::path::Path;

use crate::cli::{self, Overrides};
use crate::config::{Document, Error, Experiment, Problems, SweepFile};
use crate::lifecycle::with_missing_places;

use super::output::{note, print_problems};

/// Reads what declares an experiment: file, environment and command line. Nothing is checked yet.
pub fn document(typed: &cli::Experiment) -> Result<Document, Error> {
    read(&typed.config, &typed.overrides)
}

/// As [`document`], from a path and overrides.
pub fn read(config: &Path, overrides: &Overrides) -> Result<Document, Error> {
    let mut document = Document::read(config)?;
    SweepFile::refuse(&document)?;
    document.set_environment(std::env::vars_os());
    document.set_all(overrides.all());
    Ok(document)
}

/// The experiment; warnings about it go to stderr.
pub fn checked(document: &Document) -> Result<Experiment, Error> {
    warned(document).map(|(experiment, _)| experiment)
}

/// As [`checked`], for an experiment that is about to run, and whether there were warnings. If there are errors, data
/// that are not there are among them.
pub fn runnable(document: &Document) -> Result<(Experiment, bool), Error> {
    warned(document).map_err(|error| with_missing_places(document, error))
}

fn warned(document: &Document) -> Result<(Experiment, bool), Error> {
    let (experiment, warnings) = document.check()?;
    warn(&warnings);
    Ok((experiment, !warnings.is_empty()))
}

/// Prints the warnings about an experiment, if there are any.
pub fn warn(warnings: &Problems) {
    if !warnings.is_empty() {
        print_problems(warnings);
        note("");
    }
}
