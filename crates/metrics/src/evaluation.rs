//! What an evaluation has added up so far: what training counts too, and what needs more of an image
//! than its label and its prediction.

use serde::{Deserialize, Serialize};

use super::calibration::Calibration;
use super::confusion::{ConfusionMatrix, Scores};
use super::scored::Scored;
use super::tally::Tally;

/// The sums of an evaluation. Part of every checkpoint, so that an evaluation that was interrupted
/// ends with the same scores.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Evaluation {
    tally: Tally,
    top_k: u32,
    /// Images whose label is among the `top_k` highest logits.
    hits: u64,
    calibration: Calibration,
}

impl Evaluation {
    /// Before the first image. A label counts as found by [`Evaluation::top_k_accuracy`] among the
    /// `top_k` highest logits.
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

    /// Counts of (label, prediction).
    pub fn confusion(&self) -> &ConfusionMatrix {
        self.tally.confusion()
    }

    /// The scores that training has too.
    pub fn scores(&self) -> Scores {
        self.tally.scores()
    }

    /// The mean loss of an image; 0 without images.
    pub fn loss(&self) -> f64 {
        self.tally.loss()
    }

    /// `top_k_accuracy_score` of scikit-learn; of equal logits the first counts as higher.
    pub fn top_k_accuracy(&self) -> f64 {
        match self.confusion().total() {
            0 => 0.0,
            images => self.hits as f64 / images as f64,
        }
    }

    /// The expected calibration error, 0 to 1.
    pub fn calibration_error(&self) -> f64 {
        self.calibration.error()
    }
}
