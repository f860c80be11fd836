//! A run as readers see it: nothing here waits, locks or writes.

use std::path::{Path, PathBuf};

use super::events::{self, Event};
use super::identity::Identity;
use super::lock::Lock;
use super::table::{MetricsTable, TableError};
use super::{Error, layout};
use crate::config::{self, Document, Experiment};

#[derive(Debug)]
pub struct Run {
    pub folder: PathBuf,
    pub identity: Identity,
    /// The resolved config with all changes made on resumes.
    pub experiment: Experiment,
    pub status: Status,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    Running,
    Interrupted,
    /// Interrupted by an error of its own.
    Failed,
    Finished,
}

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

    pub fn metrics(&self) -> Result<MetricsTable, TableError> {
        MetricsTable::read(&self.folder.join(layout::METRICS))
    }

    /// The scores of the last evaluation, where there was one, in a line.
    pub fn test(&self) -> Option<String> {
        let text = std::fs::read_to_string(self.folder.join(layout::RESULT)).ok()?;
        let result: serde_json::Value = serde_json::from_str(&text).ok()?;
        let score = |name: &str| result.get("test")?.get(name)?.as_f64();
        Some(format!(
            "accuracy {:.4}, F1 {:.4} ({:.4}/{:.4})",
            score("accuracy")?,
            score("f1")?,
            score("precision")?,
            score("recall")?
        ))
    }

    pub fn events(&self) -> Result<Vec<Event>, Error> {
        events::read(&self.folder)
    }
}

impl Status {
    /// Whether result.json is there; a run that is being written to may have it too, for a moment.
    pub fn is_finished(folder: &Path) -> bool {
        folder.join(layout::RESULT).exists()
    }

    /// Lock held: running; result.json there: finished; last event a failure: failed; else interrupted.
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
            "{} is not what the program wrote:\n{error}",
            layout::RESOLVED
        ),
    }
}
