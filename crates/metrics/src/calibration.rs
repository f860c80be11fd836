//! How far a network's confidence can be trusted.

use serde::{Deserialize, Serialize};

use super::tally::bits;

/// Predictions by their confidence, in bins of equal width. The expected calibration error is the mean
/// over all predictions of how far the accuracy of their bin is from its mean confidence:
/// `M. P. Naeini, G. F. Cooper and M. Hauskrecht, "Obtaining Well Calibrated Probabilities Using Bayesian
/// Binning", 2015`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Calibration(Vec<Bin>);

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
struct Bin {
    predictions: u64,
    right: u64,
    /// Stored as the bits of the float: a decimal could lose the last one.
    #[serde(with = "bits")]
    sum_of_confidences: f64,
}

impl Calibration {
    /// `bins` empty bins.
    pub fn new(bins: usize) -> Self {
        Self(vec![Bin::default(); bins])
    }

    /// Counts a prediction. Bin `i` is for confidences above `i / bins` and up to `(i + 1) / bins`.
    pub fn add(&mut self, confidence: f64, is_right: bool) {
        let bins = self.0.len();
        let index = (confidence * bins as f64).ceil() as usize;
        let bin = &mut self.0[index.clamp(1, bins) - 1];
        bin.predictions += 1;
        bin.right += u64::from(is_right);
        bin.sum_of_confidences += confidence;
    }

    /// The expected calibration error; 0 where there are no predictions.
    pub fn error(&self) -> f64 {
        let all: u64 = self.0.iter().map(|bin| bin.predictions).sum();
        let off: f64 = self
            .0
            .iter()
            .map(|bin| (bin.right as f64 - bin.sum_of_confidences).abs())
            .sum();
        match all {
            0 => 0.0,
            all => off / all as f64,
        }
    }
}
