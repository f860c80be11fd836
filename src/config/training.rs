//! `[training]`: how long, in what portions, at what rate.

use serde::Serialize;

use super::key::{Key, Kind, MAX_SIZE, OnResume};
use super::section::Section;

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Training {
    /// Passes over the training data.
    pub epochs: u64,
    /// Images a step; the last batch of an epoch may be smaller.
    pub batch_size: usize,
    pub learning_rate: f64,
    /// An evaluation after every so many epochs; 0: none before the results.
    pub eval_every_epochs: u64,
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
pub const LEARNING_RATE: Key = Key::required(
    "learning_rate",
    Kind::POSITIVE,
    "the step size of the optimizer",
);

pub const EVAL_EVERY_EPOCHS: Key = Key::optional(
    "eval_every_epochs",
    Kind::Integer {
        min: 0,
        max: MAX_SIZE,
    },
    "1",
    "the number of epochs from one evaluation to the next; 0 leaves evaluation to the results, \
     which are always of the last epoch",
)
.unit("epochs");
const MAX_MINUTES: Key = Key::optional(
    "max_minutes",
    Kind::NOT_NEGATIVE,
    "0.0",
    "the time after which a process writes a checkpoint and stops (exit code 75), in minutes; 0 is no limit",
)
.unit("minutes")
.on_resume(OnResume::Free);

pub const KEYS: &[Key] = &[
    EPOCHS,
    BATCH_SIZE,
    LEARNING_RATE,
    EVAL_EVERY_EPOCHS,
    MAX_MINUTES,
];

impl Training {
    pub(super) fn read(section: &Section<'_>) -> Self {
        Self {
            epochs: section.integer(&EPOCHS),
            batch_size: section.size(&BATCH_SIZE),
            learning_rate: section.float(&LEARNING_RATE),
            eval_every_epochs: section.integer(&EVAL_EVERY_EPOCHS),
            max_minutes: section.float(&MAX_MINUTES),
        }
    }

    /// Whether an epoch, from 1, is evaluated.
    pub fn is_evaluated(&self, epoch: u64) -> bool {
        epoch.is_multiple_of(self.eval_every_epochs)
    }

    /// Epochs of the run that are evaluated.
    pub fn evaluations(&self) -> u64 {
        self.epochs.checked_div(self.eval_every_epochs).unwrap_or(0)
    }
}
