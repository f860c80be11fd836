//! Rules that go from one factor to another: `linear`, `polynomial`.

use serde::Serialize;

use super::planned_run::PlannedRun;
use crate::language::info::KeyInfo;
use crate::language::key::Key;
use crate::language::section::Section;
use crate::language::values::{NOT_NEGATIVE, POSITIVE};

/// As `torch.optim.lr_scheduler.LinearLR`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LinearRule {
    /// The factor on the learning rate at the start.
    pub start_factor: f64,
    /// The factor on the learning rate at the end.
    pub end_factor: f64,
    /// Epochs from the first factor to the last.
    pub total_iters: f64,
}

const START_FACTOR: Key<f64> = Key::with_default(
    "start_factor",
    POSITIVE,
    "0.3333333333333333",
    "fraction of the learning rate at the start",
);
const END_FACTOR: Key<f64> = Key::with_default(
    "end_factor",
    NOT_NEGATIVE,
    "1.0",
    "fraction of the learning rate at the end",
);
const LINEAR_ITERS: Key<f64> = Key::with_default(
    "total_iters",
    POSITIVE,
    "5.0",
    "time of the change from start_factor to end_factor",
)
.unit("epochs");

pub(super) const LINEAR: KeyInfo = KeyInfo::choice(
    "linear",
    &[START_FACTOR.info, END_FACTOR.info, LINEAR_ITERS.info],
    "linear change from one factor to another, like PyTorch's LinearLR",
);

impl LinearRule {
    pub(super) fn read(section: &Section<'_>, run: &PlannedRun<'_>) -> Self {
        Self {
            start_factor: section.read(&START_FACTOR),
            end_factor: section.read(&END_FACTOR),
            total_iters: run.length(section, &LINEAR_ITERS),
        }
    }
}

/// As `torch.optim.lr_scheduler.PolynomialLR`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PolynomialRule {
    /// Epochs in which the rate falls to zero.
    pub total_iters: f64,
    /// The exponent; 1 is a straight line.
    pub power: f64,
}

const POLYNOMIAL_ITERS: Key<f64> =
    Key::with_default("total_iters", POSITIVE, "5.0", "time of the decay to zero").unit("epochs");
const POWER: Key<f64> = Key::with_default("power", POSITIVE, "1.0", "power of the polynomial");

pub(super) const POLYNOMIAL: KeyInfo = KeyInfo::choice(
    "polynomial",
    &[POLYNOMIAL_ITERS.info, POWER.info],
    "polynomial decay to zero, like PyTorch's PolynomialLR",
);

impl PolynomialRule {
    pub(super) fn read(section: &Section<'_>, run: &PlannedRun<'_>) -> Self {
        Self {
            total_iters: run.length(section, &POLYNOMIAL_ITERS),
            power: section.read(&POWER),
        }
    }
}
