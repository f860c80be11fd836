//! What an epoch has added up so far. Part of every checkpoint, so that an epoch that was cut
//! anywhere ends with the same scores.

use serde::{Deserialize, Serialize};

use super::confusion::{ConfusionMatrix, Scores};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Tally {
    /// Sum of the losses of all samples; kept as bits, because a decimal could lose the last one.
    #[serde(with = "bits")]
    loss: f64,
    confusion: ConfusionMatrix,
}

impl Tally {
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

    pub fn confusion(&self) -> &ConfusionMatrix {
        &self.confusion
    }

    pub fn scores(&self) -> Scores {
        let samples = self.confusion.total();
        let loss = if samples == 0 {
            0.0
        } else {
            self.loss / samples as f64
        };
        self.confusion.scores(loss)
    }
}

pub(super) mod bits {
    use serde::{Deserialize, Deserializer, Serializer};

    pub fn serialize<S: Serializer>(value: &f64, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(value.to_bits())
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
        u64::deserialize(deserializer).map(f64::from_bits)
    }
}
