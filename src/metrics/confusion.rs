//! Counts of (truth, prediction), and the scores that follow from them.

use serde::{Deserialize, Serialize};

/// `counts[truth * classes + predicted]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConfusionMatrix {
    classes: usize,
    counts: Vec<u64>,
}

/// Precision, recall and F1 of one class; 0 where a denominator is 0 (`zero_division=0`).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ClassScores {
    pub precision: f64,
    pub recall: f64,
    pub f1: f64,
    /// Samples of the class.
    pub support: u64,
}

/// The scores of a whole epoch; precision, recall and F1 are macro averages, as scikit-learn's
/// over the labels that occur in truth or prediction.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scores {
    pub loss: f64,
    pub accuracy: f64,
    pub precision: f64,
    pub recall: f64,
    pub f1: f64,
}

impl ConfusionMatrix {
    pub fn new(classes: usize) -> Self {
        Self {
            classes,
            counts: vec![0; classes * classes],
        }
    }

    pub fn add(&mut self, truth: usize, predicted: usize) {
        assert!(truth < self.classes && predicted < self.classes);
        self.counts[truth * self.classes + predicted] += 1;
    }

    pub fn classes(&self) -> usize {
        self.classes
    }

    pub fn count(&self, truth: usize, predicted: usize) -> u64 {
        self.counts[truth * self.classes + predicted]
    }

    /// Samples counted.
    pub fn total(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// Samples whose prediction is their truth.
    pub fn correct(&self) -> u64 {
        (0..self.classes)
            .map(|class| self.count(class, class))
            .sum()
    }

    /// 0 for an empty matrix.
    pub fn accuracy(&self) -> f64 {
        ratio(self.correct() as f64, self.total() as f64)
    }

    pub fn class(&self, class: usize) -> ClassScores {
        let hits = self.count(class, class) as f64;
        let support: u64 = (0..self.classes)
            .map(|other| self.count(class, other))
            .sum();
        let predicted: u64 = (0..self.classes)
            .map(|other| self.count(other, class))
            .sum();
        ClassScores {
            precision: ratio(hits, predicted as f64),
            recall: ratio(hits, support as f64),
            f1: ratio(2.0 * hits, (support + predicted) as f64),
            support,
        }
    }

    /// The classes that occur in truth or prediction: only these count in an average.
    pub fn present(&self) -> Vec<usize> {
        (0..self.classes)
            .filter(|class| {
                (0..self.classes)
                    .any(|other| self.count(*class, other) + self.count(other, *class) > 0)
            })
            .collect()
    }

    /// All scores; `loss` is the mean loss of a sample.
    pub fn scores(&self, loss: f64) -> Scores {
        let present: Vec<ClassScores> = self.present().into_iter().map(|c| self.class(c)).collect();
        let mean = |score: fn(&ClassScores) -> f64| {
            ratio(present.iter().map(score).sum(), present.len() as f64)
        };
        Scores {
            loss,
            accuracy: self.accuracy(),
            precision: mean(|class| class.precision),
            recall: mean(|class| class.recall),
            f1: mean(|class| class.f1),
        }
    }
}

fn ratio(numerator: f64, denominator: f64) -> f64 {
    if denominator == 0.0 {
        0.0
    } else {
        numerator / denominator
    }
}
