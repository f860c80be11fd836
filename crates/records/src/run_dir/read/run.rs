//! A run as readers see it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::Serialize;
use strum::{EnumString, VariantNames};

use crate::config::{self, Document, Experiment, Word};
use crate::files::IoError;
use crate::run_dir::format::checkpoint::{Stage, WrittenAt};
use crate::run_dir::format::events::{self, Event};
use crate::run_dir::format::metrics_csv::{MetricsTable, TableError};
use crate::run_dir::format::result_json::{self, TestScores};
use crate::run_dir::format::run_json::{Identity, repetition};
use crate::run_dir::format::timing_csv::{self, Timing};
use crate::run_dir::lock::Lock;
use crate::run_dir::{Error, layout};

/// A run directory that was opened for reading.
#[derive(Debug)]
pub struct Run {
    /// Where it is.
    pub folder: PathBuf,
    /// What its run.json says.
    pub identity: Identity,
    /// What the resolved config declares, with all changes made on resumes.
    pub experiment: Experiment,
    /// At the time of opening.
    pub status: Status,
}

/// Whether a run goes on, was interrupted, or is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, EnumString, VariantNames)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Status {
    /// A process works on it.
    Running,
    /// No process works on it, and it is not done.
    Interrupted,
    /// Interrupted by an error of its own.
    Failed,
    /// All epochs are done and the results written.
    Finished,
}

impl Word for Status {}

impl std::fmt::Display for Status {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            Status::Running => "running",
            Status::Interrupted => "interrupted",
            Status::Failed => "failed",
            Status::Finished => "finished",
        })
    }
}

impl Run {
    /// Reads what a run is and declares.
    ///
    /// # Errors
    ///
    /// If it is no run directory, or its config or its events are damaged.
    pub fn open(folder: &Path) -> Result<Self, Error> {
        let identity = Identity::read(folder)?;
        let (_, experiment) = document(folder)?;
        Ok(Self {
            folder: folder.to_owned(),
            identity,
            experiment,
            status: Status::of(folder),
        })
    }

    /// Its rows so far.
    ///
    /// # Errors
    ///
    /// If metrics.csv cannot be read or is no table.
    pub fn metrics(&self) -> Result<MetricsTable, TableError> {
        MetricsTable::read(&self.folder.join(layout::METRICS))
    }

    /// The scores of the test images, if it has some and is finished.
    pub fn test_scores(&self) -> Option<TestScores> {
        let (_, mut result) = result_json::read(&self.folder)?;
        serde_json::from_value(result.remove("test")?).ok()
    }

    /// What its epochs took.
    pub fn timings(&self) -> Vec<Timing> {
        timing_csv::read(&self.folder)
    }

    /// Why it is not finished, or what is special about it, in a line.
    ///
    /// # Errors
    ///
    /// If events.jsonl is missing or cannot be read.
    pub fn note(&self) -> Result<Option<String>, Error> {
        let note = match self.status {
            Status::Failed | Status::Interrupted => Some(self.reason(self.events()?.last())),
            Status::Running | Status::Finished => None,
        };
        let repeats = self.identity.reproduces.as_deref().map(repetition);
        Ok(match (repeats, note) {
            (Some(repeats), Some(note)) => Some(format!("{repeats}; {note}")),
            (repeats, note) => repeats.or(note),
        })
    }

    /// Why it ended before its end, by its last event.
    fn reason(&self, last: Option<&Event>) -> String {
        match last {
            Some(Event::Failed { reason, .. }) => {
                let folder = format!("{}/", self.folder.display());
                let line = reason.lines().next().unwrap_or_default();
                line.replace(&folder, "")
            }
            Some(Event::Stopped { step, reason }) => {
                format!("stopped by {reason} after step {step}")
            }
            // Whoever can say why it stops writes an event.
            _ => "killed".to_owned(),
        }
    }

    /// What happened to it so far, oldest first.
    ///
    /// # Errors
    ///
    /// If events.jsonl is missing or cannot be read.
    pub fn events(&self) -> Result<Vec<Event>, Error> {
        events::read(&self.folder)
    }
}

impl Status {
    /// Whether result.json is there; a run that is being written to may have it too, for a moment.
    pub fn is_finished(folder: &Path) -> bool {
        folder.join(layout::RESULT).exists()
    }

    /// The status that follows from the files: running if the lock is held, finished if result.json is there,
    /// failed if the last event is a failure, else interrupted.
    pub fn of(folder: &Path) -> Self {
        if Lock::is_held(folder) {
            Status::Running
        } else if Status::is_finished(folder) {
            Status::Finished
        } else if let Some(Event::Failed { .. }) = events::read(folder).unwrap_or_default().last() {
            Status::Failed
        } else {
            Status::Interrupted
        }
    }
}

/// The resolved config of a run, with the changes that its resumes have made, and what it declares.
///
/// # Errors
///
/// If the config is not what the program wrote, or the events cannot be read.
pub fn document(folder: &Path) -> Result<(Document, Experiment), Error> {
    let path = folder.join(layout::RESOLVED);
    let mut document = Document::read(&path).map_err(|error| damaged(folder, &error))?;
    let changes: Vec<String> = events::read(folder)?
        .into_iter()
        .filter_map(|event| match event {
            Event::Resumed { changes, .. } => Some(changes),
            _ => None,
        })
        .flatten()
        .map(|(key, value)| format!("{key}={value}"))
        .collect();
    document.set_all(&changes);
    match document.experiment() {
        Ok(experiment) => Ok((document, experiment)),
        Err(error) => Err(damaged(folder, &error)),
    }
}

fn damaged(folder: &Path, error: &config::Error) -> Error {
    Error::Damaged {
        path: folder.to_owned(),
        why: format!(
            "{} is not as the program wrote it:\n{error}",
            layout::RESOLVED
        ),
    }
}

/// The name of the checkpoint file of the epoch with the best value of a column of metrics.csv; `None` where no epoch
/// has one, or the file was deleted.
///
/// # Errors
///
/// If the folder of checkpoints is gone or cannot be read.
pub fn best_checkpoint(
    folder: &Path,
    metrics: &MetricsTable,
    monitor: &str,
) -> Result<Option<String>, Error> {
    let row = metrics.best(monitor);
    let Some(step) = row.and_then(|row| metrics.get(row, "step")) else {
        return Ok(None);
    };
    let best = WrittenAt {
        step: step as u64,
        stage: Stage::Done,
    };
    let mut names = checkpoint_names(folder)?.into_iter();
    Ok(names.find(|name| WrittenAt::of_file_name(name) == Some(best)))
}

/// The names of all checkpoint files of a run directory, in the order of writing.
///
/// # Errors
///
/// If the folder of checkpoints is gone or cannot be read.
pub fn checkpoint_names(folder: &Path) -> Result<Vec<String>, Error> {
    let checkpoints = folder.join(layout::CHECKPOINTS);
    let unreadable = |error: io::Error| match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => Error::Damaged {
            path: folder.to_owned(),
            why: format!(
                "its folder {} is missing\nput it back, or start a new run",
                layout::CHECKPOINTS
            ),
        },
        _ => IoError::new("read", &checkpoints, error).into(),
    };
    let mut names = Vec::new();
    for entry in fs::read_dir(&checkpoints).map_err(unreadable)? {
        let name = entry.map_err(unreadable)?.file_name();
        let name = name.to_string_lossy().into_owned();
        if WrittenAt::of_file_name(&name).is_some() {
            names.push(name);
        }
    }
    names.sort_by_key(|name| WrittenAt::of_file_name(name));
    Ok(names)
}
