//! `[metrics]`: how evaluation is measured.

use serde::Serialize;

use super::key::{Key, Kind};
use super::section::Section;

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Metrics {
    /// A prediction is right for `eval_top_k_accuracy` if the label is among so many of the highest.
    pub top_k: usize,
    /// Bins of the confidence for `eval_calibration_error`.
    pub calibration_bins: usize,
}

const TOP_K: Key = Key::optional(
    "top_k",
    Kind::COUNT,
    "5",
    "of how many of the highest scores the label has to be one for eval_top_k_accuracy",
);
const CALIBRATION_BINS: Key = Key::optional(
    "calibration_bins",
    Kind::Integer { min: 1, max: 1000 },
    "15",
    "into how many bins of equal width eval_calibration_error sorts probabilities",
);

pub const KEYS: &[Key] = &[TOP_K, CALIBRATION_BINS];

impl Metrics {
    pub(super) fn read(section: &Section<'_>) -> Self {
        Self {
            top_k: section.size(&TOP_K),
            calibration_bins: section.size(&CALIBRATION_BINS),
        }
    }
}
