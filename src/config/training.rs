//! `[training]`: how long, in what portions, at what rate.

use serde::Serialize;

use super::key::{Key, Kind, OnResume};
use super::section::Section;

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Training {
    /// Passes over the training data.
    pub epochs: u64,
    /// Images a step; the last batch of an epoch may be smaller.
    pub batch_size: usize,
    pub learning_rate: f64,
    /// A process stops after so many minutes, its checkpoint written; 0: no limit.
    pub max_minutes: f64,
}

pub const EPOCHS: Key = Key::required(
    "epochs",
    Kind::COUNT,
    "the number of passes over the training data",
)
.unit("epochs")
.on_resume(OnResume::Upward);
pub const BATCH_SIZE: Key = Key::required(
    "batch_size",
    Kind::COUNT,
    "the number of images a step trains on",
)
.unit("images");
const LEARNING_RATE: Key = Key::required(
    "learning_rate",
    Kind::POSITIVE,
    "the step size of the optimizer",
);

const MAX_MINUTES: Key = Key::optional(
    "max_minutes",
    Kind::NOT_NEGATIVE,
    "0.0",
    "the time after which a process writes a checkpoint and stops (exit code 75), in minutes; 0 is no limit",
)
.unit("minutes")
.on_resume(OnResume::Free);

pub const KEYS: &[Key] = &[EPOCHS, BATCH_SIZE, LEARNING_RATE, MAX_MINUTES];

impl Training {
    pub(super) fn read(section: &Section<'_>) -> Self {
        Self {
            epochs: section.integer(&EPOCHS),
            batch_size: section.size(&BATCH_SIZE),
            learning_rate: section.float(&LEARNING_RATE),
            max_minutes: section.float(&MAX_MINUTES),
        }
    }
}
