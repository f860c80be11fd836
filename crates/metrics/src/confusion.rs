//! Counts of (truth, prediction), and the scores that follow from them.

use serde::{Deserialize, Serialize};

/// How often each class was predicted for each: `counts[truth * classes + predicted]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConfusionMatrix {
    classes: usize,
    counts: Vec<u64>,
}

/// Precision, recall and F1 of one class; 0 where a denominator is 0 (`zero_division=0`).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ClassScores {
    /// The share of the predictions of the class that are right.
    pub precision: f64,
    /// The share of the samples of the class that are predicted as it.
    pub recall: f64,
    /// The harmonic mean of precision and recall.
    pub f1: f64,
    /// Samples of the class.
    pub support: u64,
}

/// What is told of an epoch, training and evaluation alike. Precision, recall and F1 are macro averages, as
/// scikit-learn's over the labels that occur in truth or prediction.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scores {
    /// The mean loss of a sample, in nats.
    pub loss: f64,
    /// The share of samples whose prediction is right.
    pub accuracy: f64,
    /// Macro precision.
    pub precision: f64,
    /// Macro recall.
    pub recall: f64,
    /// Macro F1.
    pub f1: f64,
}

impl ConfusionMatrix {
    /// A matrix of zeros.
    pub fn new(classes: usize) -> Self {
        Self {
            classes,
            counts: vec![0; classes * classes],
        }
    }

    /// Counts a sample.
    ///
    /// # Panics
    ///
    /// If either is no class.
    pub fn add(&mut self, truth: usize, predicted: usize) {
        self.add_many(truth, predicted, 1);
    }

    /// Counts so many samples.
    ///
    /// # Panics
    ///
    /// If either is no class.
    pub fn add_many(&mut self, truth: usize, predicted: usize, samples: u64) {
        assert!(truth < self.classes && predicted < self.classes);
        self.counts[truth * self.classes + predicted] += samples;
    }

    /// The number of classes.
    pub fn classes(&self) -> usize {
        self.classes
    }

    /// Samples of a class that were predicted as another, or as itself.
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

    /// The share of samples whose prediction is their truth; 0 for an empty matrix.
    pub fn accuracy(&self) -> f64 {
        ratio(self.correct() as f64, self.total() as f64)
    }

    /// The scores of one class.
    pub fn class(&self, class: usize) -> ClassScores {
        let hits = self.count(class, class) as f64;
        let (support, predicted) = self.occurrences(class);
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

    /// The mean recall of the classes that occur in truth, as scikit-learn's `balanced_accuracy_score`.
    pub fn balanced_accuracy(&self) -> f64 {
        let recalls: Vec<f64> = (0..self.classes)
            .map(|class| self.class(class))
            .filter(|scores| scores.support > 0)
            .map(|scores| scores.recall)
            .collect();
        ratio(recalls.iter().sum(), recalls.len() as f64)
    }

    /// Cohen's kappa, the agreement beyond chance, as scikit-learn's `cohen_kappa_score`; 0 where chance
    /// explains all of it.
    pub fn cohen_kappa(&self) -> f64 {
        let total = self.total() as f64;
        let by_chance = self.sum_over_classes(|truth, predicted| truth * predicted) / total;
        ratio(self.correct() as f64 - by_chance, total - by_chance)
    }

    /// Matthews correlation coefficient, as scikit-learn's `matthews_corrcoef`.
    pub fn mcc(&self) -> f64 {
        let total = self.total() as f64;
        let square = total * total;
        let together = self.sum_over_classes(|truth, predicted| truth * predicted);
        let of_truth = square - self.sum_over_classes(|truth, _| truth * truth);
        let of_predicted = square - self.sum_over_classes(|_, predicted| predicted * predicted);
        let covariance = self.correct() as f64 * total - together;
        ratio(covariance, (of_truth * of_predicted).sqrt())
    }

    /// The sum over all classes of a term of how often the class is true and how often it is predicted.
    fn sum_over_classes(&self, term: impl Fn(f64, f64) -> f64) -> f64 {
        let occurrences = (0..self.classes).map(|class| self.occurrences(class));
        occurrences
            .map(|(truth, predicted)| term(truth as f64, predicted as f64))
            .sum()
    }

    /// How often a class is true, and how often it is predicted.
    fn occurrences(&self, class: usize) -> (u64, u64) {
        let others = 0..self.classes;
        let truth = others.clone().map(|other| self.count(class, other)).sum();
        let predicted = others.map(|other| self.count(other, class)).sum();
        (truth, predicted)
    }

    /// The mean precision of the classes that occur in truth or prediction.
    pub fn macro_precision(&self) -> f64 {
        self.macro_average(|class| class.precision)
    }

    /// The mean recall of the classes that occur in truth or prediction.
    pub fn macro_recall(&self) -> f64 {
        self.macro_average(|class| class.recall)
    }

    /// The mean F1 of the classes that occur in truth or prediction.
    pub fn macro_f1(&self) -> f64 {
        self.macro_average(|class| class.f1)
    }

    /// scikit-learn's `average="macro"` over the labels that occur.
    fn macro_average(&self, score: fn(&ClassScores) -> f64) -> f64 {
        let present = self.present();
        let sum = present.iter().map(|class| score(&self.class(*class))).sum();
        ratio(sum, present.len() as f64)
    }

    /// The scores of an epoch whose mean loss of a sample is `loss`.
    pub fn scores(&self, loss: f64) -> Scores {
        Scores {
            loss,
            accuracy: self.accuracy(),
            precision: self.macro_precision(),
            recall: self.macro_recall(),
            f1: self.macro_f1(),
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
