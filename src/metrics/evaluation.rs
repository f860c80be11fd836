//! What an evaluation has added up so far: what a training has, and what needs more than label and
//! prediction.

use serde::{Deserialize, Serialize};

use super::calibration::Calibration;
use super::confusion::Scores;
use super::scored::Scored;
use super::tally::Tally;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Evaluation {
    tally: Tally,
    top_k: u32,
    /// Images whose label is among the `top_k` first.
    hits: u64,
    calibration: Calibration,
}

/// All scores of an evaluation, with scikit-learn's definitions.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct EvaluationScores {
    pub scores: Scores,
    /// `balanced_accuracy_score`
    pub balanced_accuracy: f64,
    /// `cohen_kappa_score`; 0 where it is not defined.
    pub cohen_kappa: f64,
    /// `matthews_corrcoef`
    pub mcc: f64,
    /// `top_k_accuracy_score`; of equal scores the first counts as higher.
    pub top_k_accuracy: f64,
    /// The expected calibration error.
    pub calibration_error: f64,
}

impl Evaluation {
    pub fn new(classes: usize, top_k: usize, calibration_bins: usize) -> Self {
        Self {
            tally: Tally::new(classes),
            top_k: top_k as u32,
            hits: 0,
            calibration: Calibration::new(calibration_bins),
        }
    }

    /// Adds a batch; `loss` is its mean over the images.
    pub fn add(&mut self, loss: f64, batch: &[Scored]) {
        let pairs = batch.iter().map(|image| (image.label, image.prediction));
        self.tally.add(loss, pairs);
        for image in batch {
            self.hits += u64::from(image.rank < self.top_k);
            let is_right = image.label == image.prediction;
            self.calibration.add(image.confidence, is_right);
        }
    }

    pub fn scores(&self) -> EvaluationScores {
        let confusion = self.tally.confusion();
        let images = confusion.total();
        EvaluationScores {
            scores: self.tally.scores(),
            balanced_accuracy: confusion.balanced_accuracy(),
            cohen_kappa: confusion.cohen_kappa(),
            mcc: confusion.mcc(),
            top_k_accuracy: match images {
                0 => 0.0,
                images => self.hits as f64 / images as f64,
            },
            calibration_error: self.calibration.error(),
        }
    }
}
