//! The rule `reduce_on_plateau`.

use runner_metrics::{MONITORS, Mode};
use serde::Serialize;
use strum::{EnumString, VariantNames};

use super::planned_run::PlannedRun;
use crate::language::info::{KeyInfo, MAX_SIZE};
use crate::language::key::Key;
use crate::language::section::Section;
use crate::language::values::{NOT_NEGATIVE, PART, Values, integer, name, word};
use crate::language::word::Word;
use crate::sections::monitor::{self, MODE};

/// As `torch.optim.lr_scheduler.ReduceLROnPlateau`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ReduceOnPlateauRule {
    /// The column of metrics.csv that is to get better.
    pub monitor: String,
    /// Whether better is higher or lower.
    pub mode: Mode,
    /// The factor on the rate at each reduction, between 0 and 1.
    pub factor: f64,
    /// Measured epochs in a row without improvement before a reduction.
    pub patience: u64,
    /// A change must exceed it to count as an improvement.
    pub threshold: f64,
    /// What the threshold is measured in.
    pub threshold_mode: ThresholdMode,
    /// Measured epochs after a reduction that count towards no other.
    pub cooldown: u64,
    /// The lowest rate.
    pub min_lr: f64,
    /// A reduction must exceed it to be made.
    pub eps: f64,
}

/// What the threshold of `ReduceLROnPlateau` is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, EnumString, VariantNames)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum ThresholdMode {
    /// A part of the best value.
    Rel,
    /// A number itself.
    Abs,
}
impl Word for ThresholdMode {}

const COUNT_FROM_ZERO: Values<u64> = integer(0, MAX_SIZE);
const MONITOR: Key<String> = Key::with_default(
    "monitor",
    name(MONITORS),
    "\"eval_loss\"",
    "column of metrics.csv to watch for improvement",
);
const FACTOR: Key<f64> = Key::with_default(
    "factor",
    PART,
    "0.1",
    "factor applied to the rate each time",
);
const PATIENCE: Key<u64> = Key::with_default(
    "patience",
    COUNT_FROM_ZERO,
    "10",
    "number of consecutive measured epochs without improvement that are tolerated",
)
.unit("epochs");
const THRESHOLD: Key<f64> = Key::with_default(
    "threshold",
    NOT_NEGATIVE,
    "1e-4",
    "margin by which a value must beat the best to count as an improvement",
);
const THRESHOLD_MODE: Key<ThresholdMode> = Key::with_default(
    "threshold_mode",
    word(),
    "\"rel\"",
    "whether the threshold is relative to the best value or absolute",
);
const COOLDOWN: Key<u64> = Key::with_default(
    "cooldown",
    COUNT_FROM_ZERO,
    "0",
    "number of measured epochs after a change that do not count",
)
.unit("epochs");
const MIN_LR: Key<f64> = Key::with_default("min_lr", NOT_NEGATIVE, "0.0", "lowest learning rate");
const EPS: Key<f64> = Key::with_default(
    "eps",
    NOT_NEGATIVE,
    "1e-8",
    "a change of the rate that is not larger than this is skipped",
);

pub(super) const REDUCE_ON_PLATEAU: KeyInfo = KeyInfo::choice(
    "reduce_on_plateau",
    &[
        MONITOR.info,
        MODE.info,
        FACTOR.info,
        PATIENCE.info,
        THRESHOLD.info,
        THRESHOLD_MODE.info,
        COOLDOWN.info,
        MIN_LR.info,
        EPS.info,
    ],
    "multiplies the rate by a factor whenever a column of metrics.csv stops improving, like \
     PyTorch's ReduceLROnPlateau",
);

impl ReduceOnPlateauRule {
    pub(super) fn read(section: &Section<'_>, run: &PlannedRun<'_>) -> Self {
        let (monitor, mode) = monitor::read(section, &MONITOR, &MODE);
        let purpose = "`schedule.reduce_on_plateau` can never change the rate";
        monitor::check_measured(section, &MONITOR, &monitor, run.training, purpose);
        Self {
            monitor,
            mode,
            factor: section.read(&FACTOR),
            patience: section.read(&PATIENCE),
            threshold: section.read(&THRESHOLD),
            threshold_mode: section.read(&THRESHOLD_MODE),
            cooldown: section.read(&COOLDOWN),
            min_lr: section.read(&MIN_LR),
            eps: section.read(&EPS),
        }
    }
}
