//! A sweep file, from its text to a [`Sweep`].

use std::path::{Path, PathBuf};

use runner_metrics::{MONITORS, Mode};
use serde::Serialize;
use strum::{EnumString, VariantNames};

use super::launcher::{LAUNCHER, Local, RUN, Slurm};
use super::parameter::{Domain, Parameter};
use super::search::{SEARCH, Sampling, Search};
use crate::document::{Document, extends};
use crate::error::Error;
use crate::language::diagnostics::Diagnostics;
use crate::language::familiar;
use crate::language::info::{Fallback, KeyInfo, Kind};
use crate::language::key::{Key, TableKey};
use crate::language::lookup::Language;
use crate::language::section::Section;
use crate::language::values::{TEXT, integers, name, word};
use crate::language::word::Word;
use crate::model::keys::MODEL;
use crate::sections::monitor::{self, MODE};
use crate::sections::name::{self as experiment_name, NAME};
use crate::text::diagnostic::{Diagnostic, Problems};
use crate::text::source::{Origin, Source};
use crate::text::tree::{self, Node, Value};

/// What is tried, resolved and valid but for the experiment itself.
#[derive(Debug, Clone)]
pub struct Sweep {
    /// Part of the sweep directory's name and of its runs' names.
    pub name: String,
    /// The experiment file, as typed: relative to the sweep file.
    pub config: String,
    /// The keys that vary, in the order of the file.
    pub parameters: Vec<Parameter>,
    /// The seeds that each point is run with; that of the experiment if there are none.
    pub seeds: Vec<u64>,
    /// Which points are tried.
    pub search: Search,
    /// What says which is best.
    pub objective: Objective,
    /// How many trials run at a time on this machine.
    pub local: Local,
    /// What jobs on a Slurm cluster ask for.
    pub slurm: Slurm,
}

/// What says which trial is best.
#[derive(Debug, Clone, PartialEq)]
pub struct Objective {
    /// A column of metrics.csv.
    pub monitor: String,
    /// Whether better is higher or lower.
    pub mode: Mode,
    /// Which epoch's value counts.
    pub score: Score,
}

/// Which epoch's value is the score of a trial.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, EnumString, VariantNames)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Score {
    /// That of the last measured epoch.
    Last,
    /// The best of all epochs.
    Best,
}

impl Word for Score {}

const CONFIG: Key<String> =
    Key::required("config", TEXT, "the experiment file, relative to this file");
const SEEDS: Key<Option<Vec<u64>>> = Key::derived(
    "seeds",
    integers("an array of seeds, whole numbers of at least 0"),
    "the experiment's seed alone",
    "seeds that each point is run with; its score is their mean",
);
const PARAMETERS: TableKey = TableKey::required(
    "parameters",
    &[SEEDS.info],
    "the keys of the experiment that vary, each with its values",
);
const MONITOR: Key<String> = Key::with_default(
    "monitor",
    name(MONITORS),
    "\"eval_accuracy\"",
    "column of metrics.csv that says which trial is best",
);
const SCORE: Key<Score> = Key::with_default(
    "score",
    word(),
    "\"last\"",
    "the epoch whose value counts: the last measured one, or the best one",
);
const OBJECTIVE: TableKey = TableKey::with_defaults(
    "objective",
    &[MONITOR.info, MODE.info, SCORE.info],
    "what says which trial is best",
);

const KEYS: &[KeyInfo] = &[
    NAME.info,
    CONFIG.info,
    PARAMETERS.info,
    SEARCH.info,
    OBJECTIVE.info,
    RUN.info,
    LAUNCHER.info,
];

/// The language of sweep files.
pub const LANGUAGE: Language = Language(KEYS);

/// A sweep file as it was typed.
#[derive(Debug, Clone)]
pub struct SweepFile {
    /// Where it is, which is what its paths start from.
    pub(super) path: PathBuf,
    pub(super) source: Source,
    root: Node,
    syntax: Vec<Diagnostic>,
    default_name: String,
}

impl SweepFile {
    /// Reads and parses a file; no value in it is checked yet.
    ///
    /// # Errors
    /// The file cannot be read. What is wrong with its text is reported by [`SweepFile::check`].
    pub fn read(path: &Path) -> Result<Self, Error> {
        let text = extends::read(path).map_err(|(source, remedy)| Error::Unreadable {
            path: path.to_owned(),
            source,
            remedy,
        })?;
        Ok(Self::parse(path, text))
    }

    /// Parses a text; `path` is what its own paths start from, and what diagnostics call it.
    pub fn parse(path: &Path, text: String) -> Self {
        let (root, syntax) = match tree::parse_document(&text, 0) {
            Ok(root) => (root, Vec::new()),
            Err(syntax) => (Node::empty_table(Origin::start()), syntax),
        };
        let default_name = path.file_stem().unwrap_or_default().to_string_lossy();
        Self {
            default_name: default_name.into_owned(),
            source: Source::file(path.display().to_string(), text),
            path: path.to_owned(),
            root,
            syntax,
        }
    }

    /// Whether a document is a sweep file: it has a sweep's keys, and no network.
    pub(super) fn is_one(document: &Document) -> bool {
        let has = |key: &str| document.has(key);
        has(CONFIG.name) && has(PARAMETERS.info.name) && !has(MODEL.info.name)
    }

    /// Refuses a document that is a sweep file.
    ///
    /// # Errors
    /// One, which says how it is run, in place of one for each of its keys.
    pub fn refuse(document: &Document) -> Result<(), Error> {
        if !Self::is_one(document) {
            return Ok(());
        }
        let message = "this is a sweep, not an experiment".to_owned();
        let path = &document.sources()[0].name;
        let help = format!("run it with: runner sweep run {path}");
        Err(document.error_at(PARAMETERS.info.name, message, &help))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The file as it was typed.
    pub fn text(&self) -> &str {
        &self.source.text
    }

    /// The sweep, its experiment not looked at.
    ///
    /// # Errors
    /// Every problem of the file.
    pub fn check(&self) -> Result<Sweep, Error> {
        if !self.syntax.is_empty() {
            return Err(self.invalid(self.syntax.clone()));
        }
        let has = |key: &str| self.root.at(key).is_some();
        if has(MODEL.info.name) && !has(CONFIG.name) && !has(PARAMETERS.info.name) {
            let message = "this is an experiment, not a sweep".to_owned();
            let path = self.path.display();
            let help = format!(
                "run it with: runner run {path}; a sweep over it: runner sweep new --config {path}"
            );
            return Err(self.error_at(MODEL.info.name, message, &help));
        }
        let diagnostics = Diagnostics::new(LANGUAGE);
        let foreign = familiar::KEYS;
        let section = Section::new("", &self.root, Origin::start(), KEYS, foreign, &diagnostics);
        let sweep = self.sweep(&section, &diagnostics);
        let found = diagnostics.into_inner();
        match found.is_empty() {
            true => Ok(sweep),
            false => Err(self.invalid(found)),
        }
    }

    fn sweep(&self, section: &Section<'_>, diagnostics: &Diagnostics) -> Sweep {
        let (parameters, seeds) = read_parameters(section, diagnostics);
        let objective = section.table(&OBJECTIVE);
        let (monitor, mode) = monitor::read(&objective, &MONITOR, &MODE);
        let search = Search::read(section);
        refuse_endless_grid(&search, &parameters, diagnostics);
        Sweep {
            name: experiment_name::read(section, &self.default_name),
            config: section.read(&CONFIG),
            parameters,
            seeds,
            search,
            objective: Objective {
                monitor,
                mode,
                score: objective.read(&SCORE),
            },
            local: Local::read(&section.table(&RUN)),
            slurm: Slurm::read(section),
        }
    }

    /// An error at the value of a key of this file, such as `search`, or at the parameters where it is not there.
    pub fn error_at(&self, path: &str, message: String, help: &str) -> Error {
        let node = self.root.at(path);
        let node = node.or_else(|| self.root.at(PARAMETERS.info.name));
        let origin = node.map_or_else(Origin::start, |node| node.origin.clone());
        self.invalid(vec![Diagnostic::new(message, origin, "").help(help)])
    }

    fn invalid(&self, found: Vec<Diagnostic>) -> Error {
        Problems::new(vec![self.source.clone()], found).into()
    }
}

fn read_parameters(section: &Section<'_>, diagnostics: &Diagnostics) -> (Vec<Parameter>, Vec<u64>) {
    let Some(node) = section.node(&PARAMETERS) else {
        return Default::default();
    };
    if !matches!(node.value, Value::Table(_)) {
        // Only for its message.
        section.table(&PARAMETERS);
        return Default::default();
    }
    let table = section.open(&PARAMETERS);
    let seeds = read_seeds(&table);
    let before = diagnostics.errors();
    let parameters = Parameter::read_all(node, &[SEEDS.name], diagnostics);
    if parameters.is_empty() && table.node(&SEEDS).is_none() && diagnostics.errors() == before {
        let help =
            "name a key and its values: \"training.learning_rate\" = { values = [1e-2, 1e-3] }";
        let diagnostic = Diagnostic::new("nothing varies in this sweep", node.origin.clone(), "");
        diagnostics.push(diagnostic.help(help));
    }
    (parameters, seeds)
}

/// The seeds; what is wrong with any of them is reported.
fn read_seeds(table: &Section<'_>) -> Vec<u64> {
    if let Some(Value::Array(items)) = table.node(&SEEDS).map(|node| &node.value) {
        if items.is_empty() {
            let help = "write at least one seed, or leave the key out";
            table.report(&SEEDS, "there are no seeds".to_owned(), "", help);
        }
        for (place, item) in items.iter().enumerate() {
            let is_same = |other: &&Node| other.toml() == item.toml();
            if let Some(first) = items[..place].iter().find(is_same) {
                let message = format!("the seed {} is there twice", item.toml());
                let first = Some((first, "first here".to_owned()));
                let help = "equal trials are run once: remove one of the two";
                table.report_at(item, message, first, help);
            }
        }
    }
    table.read(&SEEDS).unwrap_or_default()
}

/// A grid has a point for each combination of values, so all of them must be listed.
fn refuse_endless_grid(search: &Search, parameters: &[Parameter], diagnostics: &Diagnostics) {
    let is_grid = match search {
        Search::Grid => true,
        Search::Halving(halving) => {
            halving.sampling == Some(Sampling::Grid) || halving.trials.is_none()
        }
        _ => false,
    };
    let is_listed = |it: &&Parameter| matches!(it.domain, Domain::Values(_));
    let drawn = parameters.iter().find(|it| !is_listed(it));
    if let (true, Some(drawn)) = (is_grid, drawn) {
        let key = drawn.keys.join(", ");
        let message = format!("a grid needs a list of values, and `{key}` has a range");
        let help = match search {
            Search::Halving(_) => "say how many points to draw: halving = { trials = 27 }",
            _ => "write `values`, or [search] with random = { trials = 20 } or another search",
        };
        diagnostics.push(Diagnostic::new(message, drawn.origin(), "").help(help));
    }
}

/// Kind and fallback of the table of parameters, whose keys are those of an experiment.
pub(super) fn parameters() -> KeyInfo {
    let info = PARAMETERS.info;
    debug_assert!(matches!(info.kind, Kind::Table(_)) && info.default == Fallback::Required);
    info
}
