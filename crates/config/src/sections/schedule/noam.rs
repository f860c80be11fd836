//! The rule `noam`.

use serde::Serialize;

use super::planned_run::PlannedRun;
use crate::language::info::KeyInfo;
use crate::language::key::Key;
use crate::language::section::Section;
use crate::language::values::POSITIVE;

/// `A. Vaswani et al., "Attention Is All You Need", 2017`, scaled so that the highest rate is the
/// learning rate of the training.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct NoamRule {
    /// Epochs in which the rate rises; then it falls with the square root of the time.
    pub warmup: f64,
}

const NOAM_WARMUP: Key<f64> = Key::required(
    "warmup",
    POSITIVE,
    "time of the linear rise to the learning rate; then the rate decays with the inverse square \
     root of time",
)
.unit("epochs");

pub(super) const NOAM: KeyInfo = KeyInfo::choice(
    "noam",
    &[NOAM_WARMUP.info],
    "linear rise, then decay with the inverse square root of time, as for the original Transformer",
);

impl NoamRule {
    pub(super) fn read(section: &Section<'_>, run: &PlannedRun<'_>) -> Self {
        Self {
            warmup: run.length(section, &NOAM_WARMUP),
        }
    }
}
