//! Runs side by side: the last and the best epoch of each, and the config keys in which they differ.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::metrics::{COLUMNS, EpochColumn};
use crate::run_dir::{self, MetricsTable, Run, Status, TableError, Tags, TestScores, layout};
use crate::table::{Cell, Column, Table};

/// A run to compare: its directory, or a metrics file on its own.
#[derive(Debug)]
pub struct ComparedRun {
    name: String,
    /// Its directory; `None` for a metrics file on its own.
    folder: Option<PathBuf>,
    /// `None` for a metrics file on its own.
    status: Option<Status>,
    metrics: MetricsTable,
    /// Scores on the test images; `None` if there are none or the run is not finished.
    test: Option<TestScores>,
    /// Trainable numbers in its network; `None` for a metrics file on its own.
    parameters: Option<usize>,
    /// Every value of the config under its dotted path; empty for a metrics file on its own.
    config: BTreeMap<String, String>,
    /// What people say of it; nothing of a metrics file on its own.
    pub tags: Tags,
}

/// Why runs cannot be compared.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A run directory that is none, or is damaged.
    #[error(transparent)]
    Run(#[from] run_dir::Error),
    /// A file that is no table of metrics.
    #[error(transparent)]
    Metrics(#[from] TableError),
}

impl ComparedRun {
    /// The value of a config key, whether or not other runs have another.
    pub fn value(&self, key: &str) -> Option<Cell> {
        self.toml(key).map(|value| Cell::Toml(value.to_owned()))
    }

    /// The same as TOML text.
    pub fn toml(&self, key: &str) -> Option<&str> {
        self.config.get(key).map(String::as_str)
    }

    /// Reads a run directory, or a file as the metrics of one.
    ///
    /// # Errors
    ///
    /// If it is neither, or damaged.
    pub fn read(path: &Path) -> Result<Self, Error> {
        if path.is_file() {
            return Ok(Self {
                name: path.display().to_string(),
                folder: None,
                status: None,
                metrics: match run_of(path) {
                    Some(folder) => run_dir::metrics(folder)?,
                    None => MetricsTable::read(path)?,
                },
                test: None,
                parameters: None,
                config: BTreeMap::new(),
                tags: Tags::default(),
            });
        }
        let run = Run::open(path)?;
        Ok(Self {
            folder: Some(run.folder.clone()),
            status: Some(run.status),
            metrics: run.metrics()?,
            test: run.test_scores(),
            parameters: Some(run.identity.parameters),
            config: run.experiment.flatten().into_iter().collect(),
            name: run.identity.run_id,
            tags: Tags::read(path)?,
        })
    }
}

impl ComparedRun {
    /// The run's id, or the path of the metrics file.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its name and directory, if it has one.
    pub fn named_folder(&self) -> Option<(&str, &Path)> {
        Some((&self.name, self.folder.as_deref()?))
    }

    /// The value of a column of metrics.csv in the last epoch.
    pub fn last(&self, column: &str) -> Option<f64> {
        self.metrics.get(self.metrics.len().checked_sub(1)?, column)
    }

    /// Whether it is known how it was trained.
    pub fn has_config(&self) -> bool {
        !self.config.is_empty()
    }

    /// Whether the configs differ in these keys at most.
    pub fn is_same_but_for(&self, other: &Self, keys: &[&str]) -> bool {
        let rest = |run: &Self| -> Vec<(String, String)> {
            let values = run
                .config
                .iter()
                .filter(|(key, _)| !keys.contains(&key.as_str()));
            values
                .map(|(key, value)| (key.clone(), value.clone()))
                .collect()
        };
        rest(self) == rest(other)
    }
}

/// The run directory that a file is the metrics.csv of.
fn run_of(file: &Path) -> Option<&Path> {
    let folder = file.parent()?;
    let is_metrics = file.file_name()? == layout::METRICS;
    (is_metrics && folder.join(layout::IDENTITY).is_file()).then_some(folder)
}

/// The paths to compare that a user has typed, as paths, globs or names of runs: each once, in the order
/// typed.
///
/// A path may be anything a shell's `experiments/*` gives: what is neither a run nor a CSV file is
/// left out and comes back in the second list, unless it is all there is.
///
/// # Errors
///
/// If nothing is left, or a name stands for no run or for several.
pub fn find(arguments: &[String], out: &Path) -> Result<(Vec<PathBuf>, Vec<PathBuf>), Error> {
    let mut found = Vec::new();
    for argument in arguments {
        let is_glob = argument.contains(['*', '?', '[']) && !Path::new(argument).exists();
        if is_glob {
            found.extend(glob::glob(argument).into_iter().flatten().flatten());
        } else {
            found.push(run_dir::resolve(argument, out)?);
        }
    }
    let (mut kept, mut left_out): (Vec<PathBuf>, Vec<PathBuf>) = (Vec::new(), Vec::new());
    let mut seen = Vec::new();
    for path in found {
        let comparable = path.join(layout::IDENTITY).is_file()
            || path.extension().is_some_and(|extension| extension == "csv");
        if !comparable {
            left_out.push(path);
            continue;
        }
        // `latest` is a link to one of the others.
        let real = path.canonicalize().unwrap_or_else(|_| path.clone());
        if !seen.contains(&real) {
            seen.push(real);
            kept.push(path);
        }
    }
    if kept.is_empty() && left_out.is_empty() {
        return Err(run_dir::Error::NoSuchRun {
            name: arguments.join(" "),
            why: "no path matches this".to_owned(),
        }
        .into());
    }
    if kept.is_empty() {
        return Err(run_dir::Error::NotARun {
            path: PathBuf::from(arguments.join(" ")),
            why: "neither a run nor a metrics CSV file".to_owned(),
        }
        .into());
    }
    Ok((kept, left_out))
}

/// The scores of an evaluation, those with a heading first.
fn scores() -> Vec<&'static EpochColumn> {
    let is_score = |column: &&EpochColumn| column.is_of_evaluation();
    let (mut scores, rest): (Vec<_>, Vec<_>) = COLUMNS
        .iter()
        .filter(is_score)
        .partition(|column| column.heading.is_some());
    scores.extend(rest);
    scores
}

/// What readers see above a score: its heading; without one, its name if it says which epoch is best.
fn heading(column: &EpochColumn, by: &str) -> Option<&'static str> {
    let name = || column.name.strip_prefix("eval_");
    column
        .heading
        .or_else(|| if column.name == by { name() } else { None })
}

/// Where the layers of a network stand in a config.
const LAYERS: &str = "model.layers[";

/// Whether the networks differ in more than the values of the same options.
fn have_other_layers(runs: &[ComparedRun]) -> bool {
    let configs = runs.iter().filter(|run| !run.config.is_empty());
    let mut layers = configs.map(|run| -> Vec<&String> {
        let keys = run.config.keys();
        keys.filter(|key| key.starts_with(LAYERS)).collect()
    });
    let first = layers.next();
    layers.any(|layers| Some(layers) != first)
}

/// A row for each run; `by` is the column of metrics.csv that says which epoch is best. Of networks with other
/// layers, readers get the number of parameters, and programs each option.
pub fn compare(runs: &[ComparedRun], by: &str) -> Table {
    let differing = differing_keys(runs);
    let scores = scores();
    let mut columns = vec![
        Column::new("run"),
        Column::new("status"),
        Column::new("tags").if_any(),
        Column::headed("epoch", "last\nepoch"),
    ];
    let of_epoch = |prefix: &str| -> Vec<Column> {
        let named = scores.iter().map(|column| {
            let name = format!("{prefix}{}", column.name);
            score(name, heading(column, by))
        });
        named.collect()
    };
    columns.extend(of_epoch(""));
    columns.push(Column::headed("best_epoch", "best\nepoch"));
    columns.extend(of_epoch("best_"));
    columns.extend([
        Column::headed("test_accuracy", "test\nacc").if_any(),
        Column::headed("test_f1", "\nf1").if_any(),
        Column::for_programs("test_precision"),
        Column::for_programs("test_recall"),
    ]);
    let are_other_networks = have_other_layers(runs);
    columns.push(match are_other_networks {
        true => Column::new("parameters"),
        false => Column::for_programs("parameters"),
    });
    columns.extend(differing.iter().map(|key| {
        match are_other_networks && key.starts_with(LAYERS) {
            true => Column::for_programs(key.clone()),
            false => Column::new(key.clone()),
        }
    }));

    let rows = runs.iter().map(|run| {
        let last = run.metrics.len().checked_sub(1);
        let best = run.metrics.best(by);
        let mut row = vec![
            Cell::Text(run.name.clone()),
            match run.status {
                Some(status) => Cell::Text(status.to_string()),
                None => Cell::Empty,
            },
            tags(&run.tags),
        ];
        for epoch in [last, best] {
            let value = |column: &str| epoch.and_then(|epoch| run.metrics.get(epoch, column));
            row.push(value("epoch").map_or(Cell::Empty, |epoch| Cell::Count(epoch as u64)));
            row.extend(scores.iter().map(|column| Cell::from(value(column.name))));
        }
        let test = |of: fn(&TestScores) -> f64| Cell::from(run.test.as_ref().map(of));
        row.extend([
            test(|scores| scores.accuracy),
            test(|scores| scores.f1),
            test(|scores| scores.precision),
            test(|scores| scores.recall),
        ]);
        let parameters = run.parameters.map(|parameters| parameters as u64);
        row.push(parameters.map_or(Cell::Empty, Cell::Count));
        row.extend(differing.iter().map(|key| match run.config.get(key) {
            Some(value) => Cell::Toml(value.clone()),
            None => Cell::Empty,
        }));
        row
    });
    Table {
        rows: rows.collect(),
        columns,
    }
}

/// The tags of a run as a cell.
pub fn tags(tags: &Tags) -> Cell {
    match tags.tags.is_empty() {
        true => Cell::Empty,
        false => Cell::Text(tags.line()),
    }
}

fn score(name: String, heading: Option<&str>) -> Column {
    match heading {
        Some(heading) => Column::headed(&name, &format!("\n{heading}")),
        None => Column::for_programs(name),
    }
}

/// The keys whose values are not the same in all configs.
fn differing_keys(runs: &[ComparedRun]) -> Vec<String> {
    let configs: Vec<_> = runs
        .iter()
        .map(|run| &run.config)
        .filter(|config| !config.is_empty())
        .collect();
    let mut keys: Vec<&String> = configs.iter().flat_map(|config| config.keys()).collect();
    keys.sort();
    keys.dedup();
    keys.into_iter()
        .filter(|key| {
            let mut values = configs.iter().map(|config| config.get(*key));
            let first = values.next();
            !values.all(|value| Some(value) == first)
        })
        .cloned()
        .collect()
}
