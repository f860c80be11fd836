//! The experiments of a sweep: the one that its file names, with the values of each trial laid over it.

use super::file::{Sweep, SweepFile};
use super::parameter::Assignment;
use crate::document::overrides::Override;
use crate::document::{Document, Snapshot};
use crate::error::Error;
use crate::experiment::{Experiment, SEED};
use crate::text::diagnostic::{Diagnostic, Problems, Severity};
use crate::text::path::KeyPath;
use crate::text::source::Origin;
use crate::text::tree::{Node, Value};

/// The experiment that all trials share, before their values are laid over it.
#[derive(Debug, Clone)]
pub struct Base {
    document: Document,
    /// The place of the sweep file among the document's sources.
    source: usize,
}

/// What was found wrong with trials.
#[derive(Debug, Default)]
struct Faults {
    found: Vec<Diagnostic>,
    /// The place of the sweep file among the sources.
    sweep: usize,
    /// The sources of the first trial that is wrong.
    document: Option<Document>,
}

impl SweepFile {
    /// Reads the experiment that the sweep names.
    ///
    /// # Errors
    /// Where the file cannot be read; the error is at the key of the sweep file.
    pub fn document(&self, sweep: &Sweep) -> Result<Document, Error> {
        let folder = self.path.parent().unwrap_or(self.path.as_path());
        let path = folder.join(&sweep.config);
        Document::read(&path).map_err(|error| match error {
            Error::Unreadable { source, remedy, .. } => {
                let message = format!("cannot read the config {}: {source}", path.display());
                self.error_at("config", message, &remedy)
            }
            invalid => invalid,
        })
    }
}

impl Base {
    /// The experiment in `document`, for trials of a sweep file.
    pub fn new(mut document: Document, file: &SweepFile) -> Self {
        let source = document.add_source(file.source.clone());
        Self { document, source }
    }

    /// The experiment without the values of any trial.
    pub fn document(&self) -> &Document {
        &self.document
    }

    /// The document of a trial: `point` has a value for each parameter of the sweep; without a seed it is that of
    /// the experiment.
    pub fn trial(&self, sweep: &Sweep, point: &[Assignment], seed: Option<u64>) -> Document {
        let mut document = self.document.clone();
        for (parameter, value) in sweep.parameters.iter().zip(point) {
            for single in parameter.overrides(value, self.source, document.root()) {
                document.set(single);
            }
        }
        if let Some(seed) = seed {
            let origin = Origin {
                source: self.source,
                span: 0..0,
            };
            let path = KeyPath::parse(SEED.name).expect("the name of a key is a path");
            let value = Node::new(Value::Integer(seed as i64), origin.clone());
            document.set(Override::at(path, origin, value));
        }
        document
    }

    /// The experiments of trials, each a point and its seed.
    ///
    /// # Errors
    /// What is wrong with any of them, each problem once.
    pub fn experiments<'a>(
        &self,
        sweep: &Sweep,
        trials: impl IntoIterator<Item = (&'a [Assignment], Option<u64>)>,
    ) -> Result<Vec<Experiment>, Error> {
        let mut faults = Faults {
            sweep: self.source,
            ..Faults::default()
        };
        let mut experiments = Vec::new();
        for (number, (point, seed)) in trials.into_iter().enumerate() {
            let document = self.trial(sweep, point, seed);
            match document.check() {
                Ok((experiment, _)) => experiments.push(experiment),
                Err(Error::Invalid(problems)) => faults.add(number, document, &problems),
                Err(other) => return Err(other),
            }
        }
        match faults.document {
            None => Ok(experiments),
            Some(document) => Err(Problems::new(document.expanded_sources(), faults.found).into()),
        }
    }

    /// The experiment as one text, for a directory that must not depend on files that may change.
    pub fn snapshot(&self) -> Snapshot {
        self.document.snapshot()
    }
}

impl Faults {
    /// Adds what is new. Problems in what presets write out are those of the first wrong trial alone: another one
    /// may have another preset.
    fn add(&mut self, number: usize, document: Document, problems: &Problems) {
        let is_first = self.document.is_none();
        let sources = document.sources().len();
        let errors = problems.iter().filter(|it| it.severity == Severity::Error);
        for error in errors {
            let is_known =
                |it: &Diagnostic| it.origin == error.origin && it.message == error.message;
            let is_typed = error.origin.source < sources;
            if !self.found.iter().any(is_known) && (is_first || is_typed) {
                self.found
                    .push(match number > 0 && error.origin.source == self.sweep {
                        true => in_trial(error.clone(), number + 1),
                        false => error.clone(),
                    });
            }
        }
        self.document.get_or_insert(document);
    }
}

/// A problem that begins with a trial.
fn in_trial(mut error: Diagnostic, trial: usize) -> Diagnostic {
    let help = error.help.take();
    let help = help.map_or_else(String::new, |help| help + "; ");
    error.help(format!("{help}first in trial {trial}"))
}
