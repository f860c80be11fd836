//! events.jsonl: what happened to a run, one JSON object a line, oldest first.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::files::{self, IoError};
use crate::run_dir::{Error, layout, now};

/// Something that happened to a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// The directory was made.
    Created,
    /// The directory was made with the checkpoint of another run.
    Forked {
        /// The id of the other run.
        parent: String,
        /// The name of the checkpoint's file.
        checkpoint: String,
        /// Whether the state of the optimizer was left behind.
        fresh_optimizer: bool,
        /// Keys whose values are not those of the other run, with the new value as TOML text.
        changes: BTreeMap<String, String>,
    },
    /// Another process goes on with the run.
    Resumed {
        /// Optimizer steps done when it went on.
        step: u64,
        /// The checkpoint it went on from; absent if there was none yet.
        checkpoint: Option<String>,
        /// Keys whose values changed, with the new value as TOML text.
        changes: BTreeMap<String, String>,
    },
    /// A checkpoint failed its check and was put aside.
    FellBack {
        /// The name of its file.
        damaged: String,
        /// What the check said.
        reason: String,
    },
    /// metrics.csv held something else than its newest checkpoint says.
    MetricsRestored {
        /// Rows of the file as it is now.
        rows: usize,
    },
    /// Another program version than the run's was allowed to go on: no longer reproducible.
    VersionChanged {
        /// The version that began the run.
        from: String,
        /// The one that goes on.
        to: String,
    },
    /// A signal or a time limit; the checkpoint is written.
    Stopped {
        /// Optimizer steps done.
        step: u64,
        /// The signal, or the limit.
        reason: String,
    },
    /// An error ended the process.
    Failed {
        /// Optimizer steps done.
        step: u64,
        /// What kind of error it was; absent in runs of older versions.
        cause: Option<Cause>,
        /// The error's message.
        reason: String,
    },
    /// The system had no more memory, which ended the process.
    OutOfMemory {
        /// So many were asked for.
        bytes: u64,
    },
    /// Checkpoints that nobody needed were deleted.
    Pruned {
        /// The names of their files.
        checkpoints: Vec<String>,
    },
    /// All epochs are done and the results written.
    Finished {
        /// Optimizer steps done.
        step: u64,
    },
}

/// The kind of an error that ended a process, as far as readers of a run act on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// A number is not finite. A resume would end in the same error at the same step.
    Diverged,
    /// The disk or the user's quota is full.
    DiskFull,
    /// Any other kind, including those that only newer versions know.
    #[serde(other)]
    Other,
}

impl Cause {
    /// The cause of a failure that an older version recorded, which has only a message.
    fn of_message(reason: &str) -> Self {
        const FULL: [&str; 2] = ["No space left on device", "Disk quota exceeded"];
        let line = reason.lines().next().unwrap_or_default();
        if line.starts_with("diverged") {
            Self::Diverged
        } else if FULL.iter().any(|full| line.contains(full)) {
            Self::DiskFull
        } else {
            Self::Other
        }
    }
}

impl Event {
    /// Whether an error ended the process.
    pub fn is_failure(&self) -> bool {
        matches!(self, Event::Failed { .. } | Event::OutOfMemory { .. })
    }

    /// The kind of error that ended the process; `None` for everything but a failure.
    pub fn cause(&self) -> Option<Cause> {
        match self {
            Event::Failed { cause, reason, .. } => {
                Some(cause.unwrap_or_else(|| Cause::of_message(reason)))
            }
            _ => None,
        }
    }

    /// The message of a failure that a resume would end in again, at the same step.
    pub fn lasting_failure(&self) -> Option<&str> {
        match self {
            Event::Failed { reason, .. } if self.cause() == Some(Cause::Diverged) => Some(reason),
            _ => None,
        }
    }
}

#[derive(Debug, Serialize, Deserialize)]
struct Line {
    time: String,
    #[serde(flatten)]
    event: Event,
}

/// Appends an event and waits until it is on disk.
pub fn append(folder: &Path, event: Event) -> Result<(), Error> {
    let line = Line { time: now(), event };
    let mut text = serde_json::to_string(&line).expect("an event is plain data");
    text.push('\n');
    Ok(files::append(
        &folder.join(layout::EVENTS),
        &text,
        is_whole,
    )?)
}

/// When the last thing happened to a run, in seconds since 1970; `None` where that is not known.
pub fn last_time(folder: &Path) -> Option<i64> {
    let text = std::fs::read_to_string(folder.join(layout::EVENTS)).ok()?;
    let mut lines = text.lines().rev();
    let last = lines.find_map(|line| serde_json::from_str::<Line>(line).ok())?;
    let time = chrono::DateTime::parse_from_rfc3339(&last.time).ok()?;
    Some(time.timestamp())
}

/// Whether a line is an event; the beginning of one is none.
fn is_whole(line: &str) -> bool {
    serde_json::from_str::<Line>(line).is_ok()
}

/// All events that were written whole. Lines that are not are passed over: an event whose line
/// was cut by a crash was never acknowledged.
///
/// Every run has the file from its creation on; one without it is damaged, since the changes that
/// its resumes have made stand there.
pub fn read(folder: &Path) -> Result<Vec<Event>, Error> {
    let path = folder.join(layout::EVENTS);
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Err(Error::Damaged {
                path: folder.to_owned(),
                why: format!(
                    "{} is missing\nput it back, or start a new run",
                    layout::EVENTS
                ),
            });
        }
        Err(error) => return Err(IoError::new("read", path, error).into()),
    };
    Ok(text
        .lines()
        .filter_map(|line| serde_json::from_str::<Line>(line).ok())
        .map(|line| line.event)
        .collect())
}
