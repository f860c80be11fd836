//! Rules that multiply the rate by a factor: `step`, `multi_step`, `exponential`.

use serde::Serialize;

use super::planned_run::PlannedRun;
use crate::language::info::{KeyInfo, Kind};
use crate::language::key::Key;
use crate::language::section::Section;
use crate::language::values::{POSITIVE, numbers};

/// As `torch.optim.lr_scheduler.StepLR`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StepRule {
    /// Epochs from one change of the rate to the next.
    pub step_size: f64,
    /// The factor on the rate at each change.
    pub gamma: f64,
}

const STEP_SIZE: Key<f64> = Key::required(
    "step_size",
    POSITIVE,
    "time between one multiplication by gamma and the next",
)
.unit("epochs");
const GAMMA: Key<f64> = Key::with_default(
    "gamma",
    POSITIVE,
    "0.1",
    "factor applied to the rate each time",
);

pub(super) const STEP: KeyInfo = KeyInfo::choice(
    "step",
    &[STEP_SIZE.info, GAMMA.info],
    "multiplies the rate by a factor at regular intervals, like PyTorch's StepLR",
);

impl StepRule {
    pub(super) fn read(section: &Section<'_>, run: &PlannedRun<'_>) -> Self {
        Self {
            step_size: run.length(section, &STEP_SIZE),
            gamma: section.read(&GAMMA),
        }
    }
}

/// As `torch.optim.lr_scheduler.MultiStepLR`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MultiStepRule {
    /// Epochs after the warm-up at which the rate changes, in ascending order.
    pub milestones: Vec<f64>,
    /// The factor on the rate at each milestone.
    pub gamma: f64,
}

const MILESTONES: Key<Vec<f64>> = Key::required(
    "milestones",
    numbers(
        &Kind::POSITIVE,
        "an array of numbers greater than 0, each larger than the one before",
    ),
    "times at which the rate is multiplied by gamma",
)
.unit("epochs");

pub(super) const MULTI_STEP: KeyInfo = KeyInfo::choice(
    "multi_step",
    &[MILESTONES.info, GAMMA.info],
    "multiplies the rate by a factor at given times, like PyTorch's MultiStepLR",
);

impl MultiStepRule {
    pub(super) fn read(section: &Section<'_>, run: &PlannedRun<'_>) -> Self {
        Self {
            milestones: read_milestones(section, run),
            gamma: section.read(&GAMMA),
        }
    }
}

fn read_milestones(section: &Section<'_>, run: &PlannedRun<'_>) -> Vec<f64> {
    let milestones = section.read(&MILESTONES);
    if !milestones.is_sorted_by(|a, b| a < b) {
        let message = format!(
            "`{}` must be {}",
            section.path_of(MILESTONES.name),
            MILESTONES.kind
        );
        section.report(
            &MILESTONES,
            message,
            "",
            "list them in ascending order, without repeats",
        );
    }
    let beyond = milestones.iter().find(|it| **it >= run.left);
    if let Some(beyond) = beyond.filter(|_| run.left > 0.0) {
        let message = format!(
            "the milestone {beyond} is not before the end of the run, which has {} epochs after the \
             warm-up",
            run.left
        );
        run.warn(section.node(&MILESTONES), message, "remove it");
    }
    milestones
}

/// As `torch.optim.lr_scheduler.ExponentialLR`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ExponentialRule {
    /// The factor on the rate after each epoch.
    pub gamma: f64,
}

const EXPONENTIAL_GAMMA: Key<f64> = Key::required(
    "gamma",
    POSITIVE,
    "factor applied to the rate after every epoch",
);

pub(super) const EXPONENTIAL: KeyInfo = KeyInfo::choice(
    "exponential",
    &[EXPONENTIAL_GAMMA.info],
    "multiplies the rate by a factor every epoch, like PyTorch's ExponentialLR",
);

impl ExponentialRule {
    pub(super) fn read(section: &Section<'_>) -> Self {
        Self {
            gamma: section.read(&EXPONENTIAL_GAMMA),
        }
    }
}
