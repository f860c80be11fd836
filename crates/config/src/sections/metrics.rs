//! `[metrics]`: how evaluation is measured.

use serde::Serialize;

use crate::language::info::KeyInfo;
use crate::language::key::Key;
use crate::language::section::Section;
use crate::language::values::{count, integer};

/// How evaluation is measured.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Metrics {
    /// For `eval_top_k_accuracy`, a prediction is right if the label is among this many highest scores.
    pub top_k: usize,
    /// Bins of the confidence for `eval_calibration_error`.
    pub calibration_bins: usize,
}

const TOP_K: Key<usize> = Key::with_default(
    "top_k",
    count(),
    "5",
    "number of highest scores among which the label must be to count in eval_top_k_accuracy",
);
const CALIBRATION_BINS: Key<usize> = Key::with_default(
    "calibration_bins",
    integer(1, 1000),
    "15",
    "number of equal-width probability bins in eval_calibration_error",
);

pub(crate) const KEYS: &[KeyInfo] = &[TOP_K.info, CALIBRATION_BINS.info];

impl Metrics {
    /// `classes` is how many the network has, where that is known.
    pub(crate) fn read(section: &Section<'_>, classes: Option<usize>) -> Self {
        let top_k = section.read(&TOP_K);
        if let (Some(node), Some(classes)) = (section.node(&TOP_K), classes)
            && top_k >= classes
        {
            let message = format!(
                "the label is always among the {top_k} highest of {classes} scores: eval_top_k_accuracy will be 1"
            );
            let help = format!("choose a `top_k` below {classes}, or leave it out");
            section.warn(node, message, None, &help);
        }
        Self {
            top_k,
            calibration_bins: section.read(&CALIBRATION_BINS),
        }
    }
}
