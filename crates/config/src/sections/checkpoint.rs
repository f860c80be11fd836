//! `[checkpoint]`: when checkpoints are written and which of them are kept.

use runner_metrics::{MONITORS, Mode};
use serde::Serialize;

use super::monitor;
use crate::language::info::{KeyInfo, OnResume};
use crate::language::key::Key;
use crate::language::section::Section;
use crate::language::values::{NOT_NEGATIVE, count, integer, name};

/// When checkpoints are written and which are kept. Nothing here changes what a run computes, so all of
/// it may change on resume.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Checkpoint {
    /// Number of epochs between checkpoints; the last epoch always has one.
    pub every_epochs: u64,
    /// Number of steps between checkpoints within an epoch; 0: none.
    pub every_steps: u64,
    /// Minutes between checkpoints; 0: none.
    pub every_minutes: f64,
    /// How many of the newest checkpoints are kept, at least two.
    pub keep_last: usize,
    /// How many of the best checkpoints that end an epoch are kept as well.
    pub keep_best: usize,
    /// The column of metrics.csv that says which is best.
    pub monitor: String,
    /// Whether better is higher or lower.
    pub mode: Mode,
}

const EVERY_EPOCHS: Key<u64> = Key::with_default(
    "every_epochs",
    count(),
    "1",
    "number of epochs between checkpoints",
)
.unit("epochs")
.on_resume(OnResume::Free);
const EVERY_STEPS: Key<u64> = Key::with_default(
    "every_steps",
    integer(0, u64::MAX),
    "0",
    "number of steps between checkpoints within an epoch; 0: none",
)
.unit("steps")
.on_resume(OnResume::Free);
const EVERY_MINUTES: Key<f64> = Key::with_default(
    "every_minutes",
    NOT_NEGATIVE,
    "0.0",
    "time between checkpoints written wherever the run is, in minutes; 0: none",
)
.unit("minutes")
.on_resume(OnResume::Free);
const KEEP_LAST: Key<usize> = Key::with_default(
    "keep_last",
    integer(2, u64::MAX),
    "2",
    "number of newest checkpoints to keep",
)
.unit("checkpoints")
.on_resume(OnResume::Free);
const KEEP_BEST: Key<usize> = Key::with_default(
    "keep_best",
    integer(0, u64::MAX),
    "1",
    "number of best checkpoints to keep in addition",
)
.unit("checkpoints")
.on_resume(OnResume::Free);
const MONITOR: Key<String> = Key::with_default(
    "monitor",
    name(MONITORS),
    "\"eval_accuracy\"",
    "column of metrics.csv that decides which checkpoint is best",
)
.on_resume(OnResume::Free);
const MODE: Key<Option<Mode>> = monitor::MODE.on_resume(OnResume::Free);

pub(crate) const KEYS: &[KeyInfo] = &[
    EVERY_EPOCHS.info,
    EVERY_STEPS.info,
    EVERY_MINUTES.info,
    KEEP_LAST.info,
    KEEP_BEST.info,
    MONITOR.info,
    MODE.info,
];

impl Checkpoint {
    /// `training` is the table of that name.
    pub(crate) fn read(section: &Section<'_>, training: &Section<'_>) -> Self {
        let (monitor, mode) = monitor::read(section, &MONITOR, &MODE);
        let keep_best = section.read(&KEEP_BEST);
        if keep_best > 0 {
            let purpose = "no checkpoint can be the best";
            monitor::check_measured(section, &MONITOR, &monitor, training, purpose);
        }
        Self {
            every_epochs: section.read(&EVERY_EPOCHS),
            every_steps: section.read(&EVERY_STEPS),
            every_minutes: section.read(&EVERY_MINUTES),
            keep_last: section.read(&KEEP_LAST),
            keep_best,
            monitor,
            mode,
        }
    }
}
