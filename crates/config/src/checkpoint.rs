//! `[checkpoint]`: when checkpoints are written and which of them are kept.

use serde::Serialize;

use super::key::{Key, Kind, OnResume};
use super::monitor::{self, MONITORS};
use super::section::Section;

/// Nothing here changes what a run computes, so all of it may change on resume.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Checkpoint {
    /// A checkpoint after every so many epochs; the last epoch always has one.
    pub every_epochs: u64,
    /// A checkpoint inside the epoch after every so many steps as well; 0: none.
    pub every_steps: u64,
    /// A checkpoint when so many minutes have passed since the last; 0: none.
    pub every_minutes: f64,
    /// The newest so many checkpoints are kept; never fewer than two.
    pub keep_last: usize,
    /// The best so many checkpoints that end an epoch are kept as well.
    pub keep_best: usize,
    /// The column of metrics.csv that says which is best.
    pub monitor: String,
    pub mode: String,
}

const EVERY_EPOCHS: Key = Key::optional(
    "every_epochs",
    Kind::COUNT,
    "1",
    "the number of epochs from one checkpoint to the next",
)
.unit("epochs")
.on_resume(OnResume::Free);
const EVERY_STEPS: Key = Key::optional(
    "every_steps",
    Kind::Integer {
        min: 0,
        max: u64::MAX,
    },
    "0",
    "the number of steps from one checkpoint inside an epoch to the next; 0 writes none there",
)
.unit("steps")
.on_resume(OnResume::Free);
const EVERY_MINUTES: Key = Key::optional(
    "every_minutes",
    Kind::NOT_NEGATIVE,
    "0.0",
    "the minutes after which a checkpoint is written wherever the run is; 0 writes none",
)
.unit("minutes")
.on_resume(OnResume::Free);
const KEEP_LAST: Key = Key::optional(
    "keep_last",
    Kind::Integer {
        min: 2,
        max: u64::MAX,
    },
    "2",
    "the number of newest checkpoints that are kept",
)
.unit("checkpoints")
.on_resume(OnResume::Free);
const KEEP_BEST: Key = Key::optional(
    "keep_best",
    Kind::Integer {
        min: 0,
        max: u64::MAX,
    },
    "1",
    "the number of best checkpoints that are kept as well",
)
.unit("checkpoints")
.on_resume(OnResume::Free);
const MONITOR: Key = Key::optional(
    "monitor",
    Kind::Word(MONITORS),
    "\"eval_accuracy\"",
    "the column of metrics.csv that says which checkpoint is best",
)
.on_resume(OnResume::Free);
const MODE: Key = monitor::MODE.on_resume(OnResume::Free);

pub const KEYS: &[Key] = &[
    EVERY_EPOCHS,
    EVERY_STEPS,
    EVERY_MINUTES,
    KEEP_LAST,
    KEEP_BEST,
    MONITOR,
    MODE,
];

impl Checkpoint {
    /// `training` is the table of that name.
    pub(super) fn read(section: &Section<'_>, training: &Section<'_>) -> Self {
        let (monitor, mode) = monitor::read(section, &MONITOR, &MODE);
        let keep_best = section.size(&KEEP_BEST);
        if keep_best > 0 {
            let purpose = "no checkpoint can be the best";
            monitor::check_measured(section, &MONITOR, &monitor, training, purpose);
        }
        Self {
            every_epochs: section.integer(&EVERY_EPOCHS),
            every_steps: section.integer(&EVERY_STEPS),
            every_minutes: section.float(&EVERY_MINUTES),
            keep_last: section.size(&KEEP_LAST),
            keep_best,
            monitor,
            mode,
        }
    }
}
