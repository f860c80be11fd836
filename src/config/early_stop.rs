//! `[early_stop]`: when a run has learned all it will.

use serde::Serialize;

use super::key::{Key, Kind};
use super::monitor::{self, MODE, MONITORS};
use super::section::Section;

/// As Lightning's `EarlyStopping` and Keras's: the run ends after `patience` epochs in a row in
/// which the monitored column did not get better than its best by more than `min_delta`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct EarlyStop {
    pub monitor: String,
    pub mode: String,
    /// Epochs.
    pub patience: usize,
    pub min_delta: f64,
}

const MONITOR: Key = Key::optional(
    "monitor",
    Kind::Word(MONITORS),
    "\"eval_loss\"",
    "the column of metrics.csv that is to get better",
);
const PATIENCE: Key = Key::required(
    "patience",
    Kind::COUNT,
    "the number of epochs in a row without improvement after which the run ends",
);
const MIN_DELTA: Key = Key::optional(
    "min_delta",
    Kind::Float {
        min: 0.0,
        max: f64::INFINITY,
        open: false,
    },
    "0.0",
    "the difference to the best that counts as improvement only if it is exceeded",
);

pub const KEYS: &[Key] = &[MONITOR, MODE, PATIENCE, MIN_DELTA];

impl EarlyStop {
    pub(super) fn read(section: &Section<'_>) -> Self {
        let (monitor, mode) = monitor::read(section, &MONITOR, &MODE);
        Self {
            monitor,
            mode,
            patience: section.size(&PATIENCE),
            min_delta: section.float(&MIN_DELTA),
        }
    }
}
