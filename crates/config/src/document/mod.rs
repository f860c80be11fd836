//! An experiment as it was typed: its files, the environment and the command line laid over each other.

mod conflict;
pub(crate) mod extends;
pub(crate) mod merge;
pub(crate) mod overrides;

use std::ffi::OsString;
use std::path::Path;

use self::extends::Loaded;
use self::overrides::{Override, PREFIX};
use crate::error::Error;
use crate::experiment::{DATA, EXTENDS, Experiment, LANGUAGE};
use crate::language::diagnostics::Diagnostics;
use crate::model::expand::expand;
use crate::sections::data::{PLACES, Reading};
use crate::sections::name::NAME;
use crate::text::diagnostic::{Concern, Diagnostic, Problems, Severity};
use crate::text::path::KeyPath;
use crate::text::source::{Origin, Source, SourceKind, place};
use crate::text::tree::{Node, Value};

/// An experiment as it was typed: files, environment and command line laid over each other, each value
/// with its place. [`Document::check`] makes an [`Experiment`] of it.
#[derive(Debug, Clone)]
pub struct Document {
    /// The file, then those that it extends, then single values in the order in which they were set.
    sources: Vec<Source>,
    pub(crate) root: Node,
    /// Values for single layers, which are counted as they are written out.
    of_layers: Vec<Override>,
    /// The problems that are found before any value is read.
    diagnostics: Vec<Diagnostic>,
    /// Part of the document could not be read, so a missing key is no error.
    is_partial: bool,
    /// The experiment's name unless the document gives one.
    default_name: String,
}

/// An experiment as one text that depends on no other file.
#[derive(Debug, Clone, PartialEq)]
pub struct Snapshot {
    /// The experiment file and all that it extends, with the values from the environment and the command line.
    pub text: String,
    /// Values of single layers, which count the layers as they are written out: `key=value`.
    pub of_layers: Vec<String>,
}

impl Document {
    /// Reads and parses a file and all that it extends; no value in it is checked yet.
    ///
    /// # Errors
    /// The file cannot be read. What is wrong with its text is reported by [`Document::check`].
    pub fn read(path: &Path) -> Result<Self, Error> {
        let text = extends::read(path).map_err(|(source, remedy)| Error::Unreadable {
            path: path.to_owned(),
            source,
            remedy,
        })?;
        let default_name = path.file_stem().unwrap_or_default().to_string_lossy();
        let name = path.display().to_string();
        Ok(Self::parse(&name, text, &default_name))
    }

    /// Parses a text; `name` is what diagnostics call it, and the path that `extends` starts from. What
    /// is wrong with its syntax, or with a file that it extends, is reported by [`Document::check`].
    pub fn parse(name: &str, text: String, default_name: &str) -> Self {
        let Loaded {
            sources,
            root,
            diagnostics,
            is_partial,
        } = extends::load(Path::new(name), text);
        Self {
            sources,
            root,
            of_layers: Vec::new(),
            diagnostics,
            is_partial,
            default_name: default_name.to_owned(),
        }
    }

    /// The file as it was typed.
    pub fn text(&self) -> &str {
        &self.sources[0].text
    }

    /// Everything that values come from; see [`Source`].
    pub fn sources(&self) -> &[Source] {
        &self.sources
    }

    /// Applies the variables among these whose names begin with `RUNNER__`, in the order of their names.
    /// What is wrong with one is reported by [`Document::check`], with all else.
    pub fn set_environment(&mut self, variables: impl IntoIterator<Item = (OsString, OsString)>) {
        let mut variables: Vec<(String, OsString)> = variables
            .into_iter()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value)))
            .collect();
        variables.sort();
        for (name, value) in variables {
            let text = format!("{name}={}", value.display());
            if name.starts_with(PREFIX) && value.to_str().is_some() {
                self.apply_all(
                    [Source::environment(text)].into_iter(),
                    Override::parse_variable,
                );
            } else if name.starts_with(PREFIX) {
                let help = "set it to UTF-8 text";
                self.report_variable(
                    text,
                    |it| it.help(help),
                    "the value of this variable is not UTF-8 text",
                );
            } else if let Some(path) = meant_by(&name) {
                let path = path.to_uppercase().replace('.', "__");
                let help = format!("write {PREFIX}{path}");
                let message = "this variable has no effect";
                self.report_variable(text, |it| it.warning().help(help), message);
            }
        }
    }

    fn report_variable(
        &mut self,
        text: String,
        finish: impl FnOnce(Diagnostic) -> Diagnostic,
        message: &str,
    ) {
        let origin = Origin {
            source: self.sources.len(),
            span: 0..text.find('=').unwrap_or(text.len()),
        };
        self.sources.push(Source::environment(text));
        self.diagnostics
            .push(finish(Diagnostic::new(message, origin, "")));
    }

    /// Applies overrides of the form `training.epochs=22` or `model.layers[7].dropout.p=0.3`, in order.
    /// What is wrong with one is told by [`Document::check`], with all else.
    pub fn set_all<'a>(&mut self, overrides: impl IntoIterator<Item = &'a String>) {
        let sources = overrides.into_iter().cloned().map(Source::command_line);
        self.apply_all(sources, Override::parse);
    }

    fn apply_all(
        &mut self,
        sources: impl Iterator<Item = Source>,
        parse: fn(&str, usize) -> Result<Override, Diagnostic>,
    ) {
        for source in sources {
            let parsed = parse(&source.text, self.sources.len());
            self.sources.push(source);
            match parsed {
                Ok(single) => self.set(single),
                Err(error) => self.diagnostics.push(error),
            }
        }
    }

    /// Applies a single value; what is wrong with it is reported by [`Document::check`].
    pub(crate) fn set(&mut self, single: Override) {
        match single.is_of_layer() {
            true => self.of_layers.push(single),
            false => self.diagnostics.extend(single.apply(&mut self.root).err()),
        }
    }

    /// The paths that are set on the command line or in the environment, each with its place.
    pub(crate) fn typed_paths(&self) -> Vec<(KeyPath, Origin)> {
        let sources = self.sources.iter().enumerate();
        let typed = sources.filter_map(|(index, source)| match source.kind {
            SourceKind::CommandLine => Override::parse(&source.text, index).ok(),
            SourceKind::Environment => Override::parse_variable(&source.text, index).ok(),
            SourceKind::File | SourceKind::Preset => None,
        });
        typed.map(Override::place).collect()
    }

    /// Adds a text that values may come from; its place among the sources.
    pub(crate) fn add_source(&mut self, source: Source) -> usize {
        self.sources.push(source);
        self.sources.len() - 1
    }

    /// The tree as it stands, before presets are written out.
    pub(crate) fn root(&self) -> &Node {
        &self.root
    }

    /// The sources of the document as it is checked: with those of presets.
    pub(crate) fn expanded_sources(&self) -> Vec<Source> {
        self.expanded().sources
    }

    /// The document as one text that depends on no other file, and the values for single layers.
    pub(crate) fn snapshot(&self) -> Snapshot {
        let mut root = self.root.clone();
        if let Value::Table(table) = &mut root.value {
            table.take(EXTENDS.name);
        }
        let mut plain = root.plain();
        if let Some(table) = plain.as_table_mut()
            && !table.contains_key(NAME.name)
        {
            table.insert(NAME.name.to_owned(), self.default_name.clone().into());
        }
        Snapshot {
            text: toml::to_string(&plain).expect("what was read as TOML can be written as TOML"),
            of_layers: self.of_layers.iter().map(Override::typed).collect(),
        }
    }

    /// The experiment.
    ///
    /// # Errors
    /// Every problem of the document, if one of them is an error.
    pub fn experiment(&self) -> Result<Experiment, Error> {
        self.check().map(|(experiment, _)| experiment)
    }

    /// How files are read, of a document that says nothing else.
    ///
    /// # Errors
    /// Every problem of the document.
    pub fn reading(&self) -> Result<Reading, Error> {
        let diagnostics = Diagnostics::new(LANGUAGE);
        let reading = Experiment::read_reading(&self.root, &diagnostics);
        let mut found = diagnostics.into_inner();
        found.extend(self.diagnostics.clone());
        match found.is_empty() {
            true => Ok(reading),
            false => Err(Problems::new(self.sources.clone(), found).into()),
        }
    }

    /// The experiment, and warnings about what is probably not as it was meant.
    ///
    /// # Errors
    /// Every problem of the document, if one of them is an error.
    pub fn check(&self) -> Result<(Experiment, Problems), Error> {
        let diagnostics = Diagnostics::new(LANGUAGE);
        let expanded = self.expanded();
        let experiment = Experiment::read(&expanded.root, &self.default_name, &diagnostics);
        let mut found = diagnostics.into_inner();
        if self.is_partial {
            found.retain(|it| !matches!(it.concern.as_deref(), Some(Concern::Missing(_))));
        }
        conflict::mend(&mut found, &expanded.sources);
        found.extend(expanded.diagnostics);
        let is_error = |it: &Diagnostic| it.severity == Severity::Error;
        let problems = Problems::new(expanded.sources, found);
        if problems.any(is_error) {
            Err(problems.into())
        } else {
            Ok((experiment, problems))
        }
    }

    /// The document with presets, `sequential` and `repeat` written out, and then the values for single
    /// layers applied, so that a path in the resolved experiment is a path in this tree.
    pub(crate) fn expanded(&self) -> Self {
        let mut expanded = self.clone();
        expand(&mut expanded.root, &mut expanded.sources);
        for single in std::mem::take(&mut expanded.of_layers) {
            let applied = single.apply(&mut expanded.root);
            expanded.diagnostics.extend(applied.err());
        }
        // A value may be layers to write out itself.
        expand(&mut expanded.root, &mut expanded.sources);
        expanded
    }

    /// An error that shows up only later (with the data at hand) at the value of a key.
    pub fn error_at(&self, path: &str, message: String, help: &str) -> Error {
        let origin = self.origin(path).unwrap_or_else(Origin::start);
        let diagnostic = Diagnostic::new(message, origin, "").help(help);
        Problems::new(self.sources.clone(), vec![diagnostic]).into()
    }

    /// An error of the document, with one more that shows up only later at the value of a key.
    pub fn with_error(&self, error: Error, path: &str, message: String, help: &str) -> Error {
        match (error, self.error_at(path, message, help)) {
            (Error::Invalid(problems), Error::Invalid(more)) => problems.and(more).into(),
            (error, _) => error,
        }
    }

    /// The places of data that are typed, each with the name of its key in `[data]`; they need not be valid.
    pub fn data_places(&self) -> Vec<(&'static str, String)> {
        let names = PLACES.iter().map(|key| key.name);
        names
            .filter_map(
                |name| match &self.root.at(&format!("{}.{name}", DATA.name))?.value {
                    Value::String(place) if !place.is_empty() => Some((name, place.clone())),
                    _ => None,
                },
            )
            .collect()
    }

    /// Whether a value stands at a path, before presets are written out.
    pub fn has(&self, path: &str) -> bool {
        self.root.at(path).is_some()
    }

    /// Where the value of a key stands: `configs/baseline.toml:9:8`.
    pub fn place(&self, path: &str) -> Option<String> {
        Some(place(&self.sources, &self.origin(path)?))
    }

    fn origin(&self, path: &str) -> Option<Origin> {
        Some(self.root.at(path)?.origin.clone())
    }
}

/// The path that a variable names whose underscores are not as they should be.
fn meant_by(name: &str) -> Option<String> {
    let typed = name.strip_prefix("RUNNER_")?.to_lowercase();
    LANGUAGE.path_of_words(&typed.replace("__", "_"))
}
