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

/// A trial that is planned.
#[derive(Debug, Clone, Copy)]
pub struct Candidate<'a> {
    /// Its number; of one that only stands for others there is none.
    pub number: Option<usize>,
    /// A value for each parameter of the sweep.
    pub point: &'a [Assignment],
    /// Its seed; without one it is that of the experiment.
    pub seed: Option<u64>,
}

/// What is found wrong with trials: each problem once, with the first trial that has it.
#[derive(Debug)]
pub struct Faults<'a> {
    base: &'a Base,
    sweep: &'a Sweep,
    found: Vec<Fault>,
    /// The sources of the first trial that is wrong.
    document: Option<Document>,
}

#[derive(Debug)]
struct Fault {
    diagnostic: Diagnostic,
    /// The first trial that has it, in words.
    first: String,
    /// The number of trials that have it.
    trials: usize,
}

impl SweepFile {
    /// Reads the experiment that the sweep names.
    ///
    /// # Errors
    /// Where the file cannot be read; the error is at the key of the sweep file.
    pub fn document(&self, sweep: &Sweep) -> Result<Document, Error> {
        let folder = self.path.parent().unwrap_or(self.path.as_path());
        let path = folder.join(&sweep.config);
        let document = Document::read(&path).map_err(|error| match error {
            Error::Unreadable { source, remedy, .. } => {
                let message = format!("cannot read the config {}: {source}", path.display());
                self.error_at("config", message, &remedy)
            }
            invalid => invalid,
        })?;
        if Self::is_one(&document) {
            let message = format!("{} is a sweep, not an experiment", path.display());
            let help = "name the experiment whose keys vary";
            return Err(self.error_at("config", message, help));
        }
        Ok(document)
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

    /// The document of a trial.
    pub fn trial(&self, sweep: &Sweep, trial: Candidate<'_>) -> Document {
        let mut document = self.document.clone();
        for (parameter, value) in sweep.parameters.iter().zip(trial.point) {
            for single in parameter.overrides(value, self.source, document.root()) {
                document.set(single);
            }
        }
        if let Some(seed) = trial.seed {
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

    /// The experiments of trials.
    ///
    /// # Errors
    /// What is wrong with any of them, each problem once.
    pub fn experiments<'a>(
        &self,
        sweep: &Sweep,
        trials: impl IntoIterator<Item = Candidate<'a>>,
    ) -> Result<Vec<Experiment>, Error> {
        let mut faults = Faults::new(self, sweep);
        let (mut experiments, mut count) = (Vec::new(), 0);
        for trial in trials {
            count += 1;
            let document = self.trial(sweep, trial);
            match document.check() {
                Ok((experiment, _)) => experiments.push(experiment),
                Err(Error::Invalid(problems)) => faults.add(trial, document, &problems),
                Err(other) => return Err(other),
            }
        }
        faults.finish(count)?;
        Ok(experiments)
    }

    /// Refuses values from the command line or the environment that would reach no trial, since the sweep varies their
    /// keys.
    ///
    /// # Errors
    /// Each of them in its place.
    pub fn refuse_typed(&self, sweep: &Sweep) -> Result<(), Error> {
        let seed = KeyPath::parse(SEED.name).filter(|_| !sweep.seeds.is_empty());
        let mut found = Vec::new();
        for (path, origin) in self.document.typed_paths() {
            let parameter = sweep.parameters.iter().find(|it| it.covers(&path));
            let help = match parameter {
                Some(_) => "change its values in the sweep file, or leave this one out",
                None if Some(&path) == seed.as_ref() => {
                    "change `seeds` in the sweep file, or leave this one out"
                }
                None => continue,
            };
            let message = format!("the sweep varies `{path}`, so this value reaches no trial");
            let diagnostic = Diagnostic::new(message, origin, "").help(help);
            found.push(match parameter {
                Some(parameter) => diagnostic.related(
                    Origin {
                        source: self.source,
                        ..parameter.origin()
                    },
                    "it varies here",
                ),
                None => diagnostic,
            });
        }
        match found.is_empty() {
            true => Ok(()),
            false => Err(Problems::new(self.document.sources().to_vec(), found).into()),
        }
    }

    /// The experiment as one text, for a directory that must not depend on files that may change.
    pub fn snapshot(&self) -> Snapshot {
        self.document.snapshot()
    }
}

impl<'a> Faults<'a> {
    /// Nothing yet, of trials of a sweep.
    pub fn new(base: &'a Base, sweep: &'a Sweep) -> Self {
        Self {
            base,
            sweep,
            found: Vec::new(),
            document: None,
        }
    }

    /// Adds a problem that shows up with the data at hand, at the value of a key.
    pub fn add_at(&mut self, trial: Candidate<'_>, path: &str, message: String, help: &str) {
        let document = self.base.trial(self.sweep, trial);
        if let Error::Invalid(problems) = document.error_at(path, message, help) {
            self.add(trial, document, &problems);
        }
    }

    /// Adds what is new. Problems in what presets write out are those of the first wrong trial alone: another one
    /// may have another preset.
    fn add(&mut self, trial: Candidate<'_>, document: Document, problems: &Problems) {
        let is_first = self.document.is_none();
        let sources = document.sources().len();
        let errors = problems.iter().filter(|it| it.severity == Severity::Error);
        for error in errors {
            let is_typed = error.origin.source < sources;
            match self.found.iter_mut().find(|it| it.is(error)) {
                Some(known) => known.trials += 1,
                None if is_first || is_typed => self.found.push(Fault {
                    diagnostic: error.clone(),
                    first: self.sweep.in_words(trial),
                    trials: 1,
                }),
                None => {}
            }
        }
        self.document.get_or_insert(document);
    }

    /// The problems of `trials` trials, with the first that has each, where it is not one of the experiment without
    /// them, or of the sweep file for all of them.
    ///
    /// # Errors
    /// If there are any.
    pub fn finish(self, trials: usize) -> Result<(), Error> {
        let Some(document) = self.document else {
            return Ok(());
        };
        let of_all = match self.base.document.check() {
            Err(Error::Invalid(problems)) => problems.iter().cloned().collect(),
            _ => Vec::new(),
        };
        let told = self.found.into_iter().map(|fault| {
            let is_in_file = fault.diagnostic.origin.source == self.base.source;
            let is_of_all = is_in_file && fault.trials == trials;
            match is_of_all || of_all.iter().any(|it| fault.is(it)) {
                true => fault.diagnostic,
                false => fault.in_trial(),
            }
        });
        Err(Problems::new(document.expanded_sources(), told.collect()).into())
    }
}

impl Fault {
    fn is(&self, other: &Diagnostic) -> bool {
        self.diagnostic.origin == other.origin && self.diagnostic.message == other.message
    }

    /// With the first trial that has it.
    fn in_trial(self) -> Diagnostic {
        let mut error = self.diagnostic;
        let help = error.help.take();
        let help = help.map_or_else(String::new, |help| help + "; ");
        error.help(help + &self.first)
    }
}

impl Sweep {
    /// A trial that is the first of some: `first in trial 3: training.batch_size=64`.
    pub fn in_words(&self, trial: Candidate<'_>) -> String {
        let keys = self.parameters.iter().flat_map(|it| &it.keys);
        let texts = trial.point.iter().flat_map(|it| &it.texts);
        let values: Vec<String> = keys
            .zip(texts)
            .map(|(key, text)| format!("{key}={text}"))
            .collect();
        let of = match trial.number {
            Some(number) => format!("first in trial {number}"),
            None => "for example with".to_owned(),
        };
        match (values.as_slice(), trial.seed) {
            ([], None) => of,
            ([], Some(seed)) => format!("{of}: seed={seed}"),
            (values, _) => format!("{of}: {}", values.join(" ")),
        }
    }
}
