//! Numbers the runs of a folder in the order in which they begin.

use std::fs::File;
use std::io::{Read, Seek, Write};
use std::path::Path;

use crate::files::IoError;
use crate::run_dir::read::resolve::newest;
use crate::run_dir::{Error, layout, lock, time};

/// The turn of one new run: while this value lives, no other run of the folder gets a number, a name or the link.
#[derive(Debug)]
pub struct Turn {
    /// The run's number, larger than that of any earlier run: microseconds since 1970 or, if the clock went back, one
    /// more than the previous run's.
    pub sequence: u64,
    /// Held locked.
    _file: File,
}

impl Turn {
    /// Waits until it is this run's turn in a folder of runs.
    pub fn take(out: &Path) -> Result<Self, Error> {
        let path = out.join(layout::SEQUENCE);
        let io = |action| move |error| IoError::new(action, out.join(layout::SEQUENCE), error);
        let mut file = lock::open(&path).map_err(io("open"))?;
        match file.lock() {
            // Then only the clock separates two runs that begin at the same time.
            Err(error) if lock::has_no_locks(&error) => {}
            other => other.map_err(io("lock"))?,
        }
        let mut text = String::new();
        file.read_to_string(&mut text).map_err(io("read"))?;
        // If the file is missing or was cut off, the runs themselves tell which is the newest.
        let before = match text.strip_suffix('\n').and_then(|text| text.parse().ok()) {
            Some(sequence) => sequence,
            None => newest(out),
        };
        let now = time().timestamp_micros();
        let sequence = before.saturating_add(1).max(now.try_into().unwrap_or(0));
        file.rewind().map_err(io("write"))?;
        file.set_len(0).map_err(io("write"))?;
        let text = format!("{sequence}\n");
        file.write_all(text.as_bytes()).map_err(io("write"))?;
        Ok(Self {
            sequence,
            _file: file,
        })
    }
}
