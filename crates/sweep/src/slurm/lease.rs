//! Which of two copies of a task goes on: where a node is lost, Slurm starts a task again while the old process may live
//! on. The one that the cluster has started later has the run; the other one finds its lock replaced before its next
//! commit.

use std::fs;
use std::path::{Path, PathBuf};

use runner_files::{self as files, IoError};
use serde::{Deserialize, Serialize};

/// The folder of leases, in a sweep directory.
const FOLDER: &str = "leases";

/// Who works on a trial.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lease {
    /// The number of the submission.
    pub submission: usize,
    /// How often the cluster has started the task again.
    pub restart: u64,
    /// The task: `123_4`.
    pub task: String,
    /// The machine.
    pub host: String,
    /// The process.
    pub pid: u32,
    /// Optimizer steps that were done when the task was requeued last.
    #[serde(default)]
    pub requeued_at: Option<u64>,
}

impl Lease {
    /// Whether this copy was started later than another one.
    fn is_after(&self, other: &Self) -> bool {
        (self.submission, self.restart) > (other.submission, other.restart)
    }

    /// What the file of a trial says.
    pub fn read(sweep: &Path, trial: usize) -> Option<Self> {
        let text = fs::read(path(sweep, trial)).ok()?;
        serde_json::from_slice(&text).ok()
    }

    /// Writes it, durably.
    ///
    /// # Errors
    /// If the system refuses.
    pub fn write(&self, sweep: &Path, trial: usize) -> Result<(), IoError> {
        let path = path(sweep, trial);
        files::create_folders(files::folder_of(&path))?;
        let text = serde_json::to_string(self).expect("a lease is plain data");
        files::replace(&path, format!("{text}\n").as_bytes())
    }

    /// Takes the trial, unless a copy that was started later has it. Its step of the last requeue is kept.
    ///
    /// # Errors
    /// If the system refuses.
    pub fn take(mut self, sweep: &Path, trial: usize) -> Result<Taken, IoError> {
        let known = Self::read(sweep, trial);
        if let Some(known) = &known {
            if known.is_after(&self) {
                return Ok(Taken::Superseded(known.clone()));
            }
            self.requeued_at = known.requeued_at;
        }
        self.write(sweep, trial)?;
        Ok(Taken::Mine(self))
    }
}

/// What came of taking a lease.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Taken {
    /// The trial is this copy's.
    Mine(Lease),
    /// Another copy was started later.
    Superseded(Lease),
}

fn path(sweep: &Path, trial: usize) -> PathBuf {
    sweep.join(FOLDER).join(format!("{trial:03}.json"))
}
