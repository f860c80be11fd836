//! The place of a new run among those of its folder.

use std::fs::File;
use std::io::{Read, Seek, Write};
use std::path::Path;

use crate::files::IoError;
use crate::run_dir::read::resolve::newest;
use crate::run_dir::{Error, layout, lock, time};

/// The turn of one new run. While it lives, no other run gets its number, name or link in the folder.
#[derive(Debug)]
pub struct Turn {
    /// Larger than that of any run before: microseconds since 1970 or, where the clock went back, one more than
    /// the run before has.
    pub sequence: u64,
    /// Locked.
    _file: File,
}

impl Turn {
    /// Waits until it is this run's turn in a folder of runs.
    pub fn take(out: &Path) -> Result<Self, Error> {
        let path = out.join(layout::SEQUENCE);
        let io = |action| move |error| IoError::new(action, out.join(layout::SEQUENCE), error);
        let mut file = lock::open(&path).map_err(io("open"))?;
        match file.lock() {
            // Then the clock alone keeps two runs apart that are begun at once.
            Err(error) if lock::has_no_locks(&error) => {}
            other => other.map_err(io("lock"))?,
        }
        let mut text = String::new();
        file.read_to_string(&mut text).map_err(io("read"))?;
        // Without the file, or where it was cut off, the runs themselves say which is the newest.
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
