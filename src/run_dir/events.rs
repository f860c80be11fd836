//! events.jsonl: what happened to a run, one JSON object a line, oldest first.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::{Error, layout, now};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    Created,
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
        damaged: String,
        reason: String,
    },
    /// metrics.csv held something else than its newest checkpoint says.
    MetricsRestored {
        rows: usize,
    },
    /// Another program version than the run's was allowed to go on: no longer reproducible.
    VersionChanged {
        from: String,
        to: String,
    },
    /// A signal or a time limit; the checkpoint is written.
    Stopped {
        step: u64,
        reason: String,
    },
    Failed {
        step: u64,
        reason: String,
    },
    Finished {
        step: u64,
    },
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
    append_durably(&folder.join(layout::EVENTS), &text)
}

/// Appends text to a file of lines and waits until it is on disk.
///
/// A last line that a crash or a full disk has cut is taken away first: it was never acknowledged,
/// and the new line must not become its end.
pub fn append_durably(path: &Path, text: &str) -> Result<(), Error> {
    let append = || -> std::io::Result<()> {
        let mut file = OpenOptions::new()
            .create(true)
            .read(true)
            .append(true)
            .open(path)?;
        cut_torn_line(&mut file)?;
        file.write_all(text.as_bytes())?;
        file.sync_data()
    };
    append().map_err(|error| Error::io("append to", path, error))
}

fn cut_torn_line(file: &mut File) -> std::io::Result<()> {
    if file.metadata()?.len() == 0 {
        return Ok(());
    }
    let mut last = [0];
    file.seek(SeekFrom::End(-1))?;
    file.read_exact(&mut last)?;
    if last == *b"\n" {
        return Ok(());
    }
    let mut bytes = Vec::new();
    file.rewind()?;
    file.read_to_end(&mut bytes)?;
    let whole = bytes.iter().rposition(|byte| *byte == b'\n');
    file.set_len(whole.map_or(0, |newline| newline as u64 + 1))
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
                    "{} is gone\nput it back, or start a new run",
                    layout::EVENTS
                ),
            });
        }
        Err(error) => return Err(Error::io("read", &path, error)),
    };
    Ok(text
        .lines()
        .filter_map(|line| serde_json::from_str::<Line>(line).ok())
        .map(|line| line.event)
        .collect())
}
