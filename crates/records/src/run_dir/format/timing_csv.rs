//! timing.csv: what each epoch cost. No two runs share it, so it is kept apart from metrics.csv.

use std::path::Path;

use chrono::DateTime;
use serde::{Deserialize, Serialize};

use super::rows;
use crate::run_dir::layout;

/// A row: an epoch of one process. Images and seconds are of this process alone.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Timing {
    /// 1-based.
    pub epoch: u64,
    /// How many processes had worked on the run, this one included.
    pub attempt: usize,
    /// Seconds in training batches.
    pub train_seconds: f64,
    /// Training images a second.
    pub train_images_per_second: f64,
    /// Seconds in evaluation batches.
    pub eval_seconds: f64,
    /// Evaluation images a second.
    pub eval_images_per_second: f64,
    /// Empty where the epoch ended without a checkpoint.
    pub checkpoint_seconds: Option<f64>,
    /// The peak of the process so far; empty where the system does not say.
    pub peak_memory_bytes: Option<u64>,
    /// RFC 3339, UTC.
    pub finished_at: String,
}

/// The first line of the file.
pub fn header() -> String {
    rows::header::<Timing>()
}

/// All rows that can be read: nothing depends on them.
pub fn read(folder: &Path) -> Vec<Timing> {
    let text = std::fs::read_to_string(folder.join(layout::TIMING)).unwrap_or_default();
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    reader.deserialize().flatten().collect()
}

impl Timing {
    /// What the epoch took in all, in seconds.
    pub fn seconds(&self) -> f64 {
        self.train_seconds + self.eval_seconds + self.checkpoint_seconds.unwrap_or_default()
    }

    /// Whether a line is a row; the beginning of one is none, as it lacks the end of its last time.
    pub(in crate::run_dir) fn is_whole(line: &str) -> bool {
        let mut reader = csv::ReaderBuilder::new()
            .has_headers(false)
            .from_reader(line.as_bytes());
        let row = reader.deserialize::<Self>().next();
        matches!(row, Some(Ok(row)) if DateTime::parse_from_rfc3339(&row.finished_at).is_ok())
    }

    /// Its line.
    pub(in crate::run_dir) fn line(&self) -> String {
        rows::lines([self])
    }
}
