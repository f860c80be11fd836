//! `[early_stop]`: when a run has learned all it will.

use runner_metrics::{MONITORS, Mode};
use serde::Serialize;

use super::monitor::{self, MODE};
use super::training::EPOCHS;
use crate::language::info::KeyInfo;
use crate::language::key::Key;
use crate::language::section::Section;
use crate::language::values::{NOT_NEGATIVE, count, name};
use crate::text::tree::Value;

/// As Lightning's `EarlyStopping` and Keras's: the run ends after `patience` epochs in a row in
/// which the monitored column did not get better than its best by more than `min_delta`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct EarlyStop {
    /// The column of metrics.csv that is to get better.
    pub monitor: String,
    /// Whether better is higher or lower.
    pub mode: Mode,
    /// Measured epochs in a row without improvement after which the run ends.
    pub patience: usize,
    /// A change must exceed it to count as an improvement; at least 0.
    pub min_delta: f64,
}

const MONITOR: Key<String> = Key::with_default(
    "monitor",
    name(MONITORS),
    "\"eval_loss\"",
    "column of metrics.csv to watch for improvement",
);
const PATIENCE: Key<usize> = Key::required(
    "patience",
    count(),
    "number of consecutive measured epochs without improvement after which the run ends",
)
.unit("epochs");
const MIN_DELTA: Key<f64> = Key::with_default(
    "min_delta",
    NOT_NEGATIVE,
    "0.0",
    "margin by which a value must beat the best to count as an improvement",
);

pub(crate) const KEYS: &[KeyInfo] = &[MONITOR.info, MODE.info, PATIENCE.info, MIN_DELTA.info];

impl EarlyStop {
    /// `training` is the table of that name.
    pub(crate) fn read(section: &Section<'_>, training: &Section<'_>) -> Self {
        let (monitor, mode) = monitor::read(section, &MONITOR, &MODE);
        let purpose = "`early_stop` can never end this run";
        monitor::check_measured(section, &MONITOR, &monitor, training, purpose);
        let patience = section.read(&PATIENCE);
        // The first epoch has no best to compare with.
        if let (Some(node), Some(epochs)) = (section.node(&PATIENCE), training.node(&EPOCHS))
            && let Value::Integer(count) = epochs.value
            && patience as i64 + 1 >= count
        {
            section.warn(
                node,
                format!("`early_stop` cannot end this run early: its patience is {patience}"),
                Some((epochs, "the run has only this many epochs".to_owned())),
                "choose a smaller `patience` or more `epochs`, or remove `early_stop`",
            );
        }
        Self {
            monitor,
            mode,
            patience,
            min_delta: section.read(&MIN_DELTA),
        }
    }
}
