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
        /// The error's message.
        reason: String,
    },
    /// All epochs are done and the results written.
    Finished {
        /// Optimizer steps done.
        step: u64,
    },
}

/// How the reason of a failure begins where training diverged.
pub const DIVERGED: &str = "diverged";

impl Event {
    /// The reason of a failure that the same run would end in again, at the same step.
    pub fn lasting_failure(&self) -> Option<&str> {
        match self {
            Event::Failed { reason, .. } if reason.starts_with(DIVERGED) => Some(reason),
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
