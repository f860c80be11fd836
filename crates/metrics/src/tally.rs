//! What an epoch has added up so far.

use serde::{Deserialize, Serialize};

use super::confusion::{ConfusionMatrix, Scores};

/// The sums of an epoch. Part of every checkpoint, so that an epoch that was interrupted anywhere ends
/// with the same scores.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Tally {
    /// Sum of the losses of all samples, stored as the bits of the float: a decimal could lose the last one.
    #[serde(with = "bits")]
    loss: f64,
    confusion: ConfusionMatrix,
}

impl Tally {
    /// Before the first sample.
    pub fn new(classes: usize) -> Self {
        Self {
            loss: 0.0,
            confusion: ConfusionMatrix::new(classes),
        }
    }

    /// Adds a batch of (label, prediction); `loss` is its mean over the samples.
    pub fn add(&mut self, loss: f64, pairs: impl Iterator<Item = (u32, u32)>) {
        let mut samples = 0;
        for (label, prediction) in pairs {
            self.confusion.add(label as usize, prediction as usize);
            samples += 1;
        }
        self.loss += loss * f64::from(samples);
    }

    /// Counts of (label, prediction).
    pub fn confusion(&self) -> &ConfusionMatrix {
        &self.confusion
    }

    /// The mean loss of a sample; 0 before the first.
    pub fn loss(&self) -> f64 {
        match self.confusion.total() {
            0 => 0.0,
            samples => self.loss / samples as f64,
        }
    }

    /// The scores of all samples so far.
    pub fn scores(&self) -> Scores {
        self.confusion.scores(self.loss())
    }
}

/// For `#[serde(with = "bits")]`: a float as the whole number that has its bits.
pub(super) mod bits {
    use serde::{Deserialize, Deserializer, Serializer};

    pub fn serialize<S: Serializer>(value: &f64, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(value.to_bits())
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
        u64::deserialize(deserializer).map(f64::from_bits)
    }
}
