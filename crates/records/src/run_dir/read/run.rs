//! A run as readers see it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Serialize;
use strum::{EnumString, VariantNames};

use super::metrics::metrics;
use crate::config::{self, Document, Experiment, Word};
use crate::run_dir::format::events::{self, Cause, Event};
use crate::run_dir::format::metrics_csv::{MetricsTable, TableError};
use crate::run_dir::format::result_json::{self, TestScores};
use crate::run_dir::format::run_json::Identity;
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
        metrics(&self.folder)
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
        Ok(match (self.identity.origin(), note) {
            (Some(origin), Some(note)) => Some(format!("{origin}; {note}")),
            (origin, note) => origin.or(note),
        })
    }

    /// Why it ended before its end, by its last event.
    fn reason(&self, last: Option<&Event>) -> String {
        match last {
            Some(event @ Event::Failed { reason, .. }) => {
                let line = reason.lines().next().unwrap_or_default();
                let line = within(line, &self.identity.run_id);
                match event.cause() {
                    Some(Cause::DiskFull) => format!("disk full: {line}"),
                    _ => line,
                }
            }
            Some(Event::Stopped { step, reason }) => {
                format!("stopped by {reason} after step {step}")
            }
            Some(Event::OutOfMemory { bytes }) => {
                format!("out of memory: {bytes} bytes more could not be had")
            }
            // A process that stops for any other reason writes an event.
            _ => "killed".to_owned(),
        }
    }

    /// How long ago the last thing happened to it; `None` where that is not known.
    pub fn idle(&self) -> Option<Duration> {
        let last = events::last_time(&self.folder)?;
        let now = crate::run_dir::time().timestamp();
        // A clock that goes back makes no run old.
        Some(Duration::from_secs(u64::try_from(now - last).unwrap_or(0)))
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

/// A line in which paths inside the run directory are relative to it, however the directory was named.
fn within(line: &str, run_id: &str) -> String {
    let inside = format!("{run_id}/");
    let parts: Vec<&str> = line.split(&inside).collect();
    let (last, before) = parts.split_last().unwrap_or((&line, &[]));
    let is_of_path = |c: char| !c.is_whitespace() && !matches!(c, '`' | '"' | '\'' | '(');
    let before = before.iter().map(|part| part.trim_end_matches(is_of_path));
    before.collect::<String>() + last
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
        } else if events::read(folder)
            .unwrap_or_default()
            .last()
            .is_some_and(Event::is_failure)
        {
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

/// Epochs that a run is to have, read from no more text than needed; `None` where that is not to be found.
pub fn planned_epochs(folder: &Path) -> Option<u64> {
    const KEY: &str = "training.epochs";
    let changed = |event: Event| match event {
        Event::Resumed { mut changes, .. } => changes.remove(KEY),
        _ => None,
    };
    let events = events::read(folder).ok()?;
    if let Some(changed) = events.into_iter().filter_map(changed).next_back() {
        return changed.parse().ok();
    }
    let resolved = std::fs::read_to_string(folder.join(layout::RESOLVED)).ok()?;
    let (_, training) = resolved.split_once("\n[training]\n")?;
    let mut lines = training.lines().take_while(|line| !line.starts_with('['));
    lines.find_map(|line| line.strip_prefix("epochs = ")?.parse().ok())
}

/// What a run declared when it began, before any change.
///
/// # Errors
///
/// If the config is not what the program wrote.
pub(super) fn beginning(folder: &Path) -> Result<Experiment, Error> {
    let path = folder.join(layout::RESOLVED);
    let experiment = Document::read(&path).and_then(|document| document.experiment());
    experiment.map_err(|error| damaged(folder, &error))
}

/// The digest of what a run declares now. Data that have moved count as still where the run began with them.
///
/// # Errors
///
/// If the config that the run began with is damaged.
pub fn config_digest(folder: &Path, experiment: &Experiment) -> Result<String, Error> {
    let mut experiment = experiment.clone();
    experiment.data.move_to(&beginning(folder)?.data);
    Ok(experiment.digest())
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
