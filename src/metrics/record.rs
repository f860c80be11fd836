//! One row of metrics.csv: everything about an epoch that two equal runs share.

use super::confusion::Scores;
use super::evaluation::EvaluationScores;

/// The columns, in order. New ones come only at the end.
pub const COLUMNS: [&str; 19] = [
    "epoch",
    "step",
    "learning_rate",
    "train_loss",
    "train_accuracy",
    "train_precision",
    "train_recall",
    "train_f1",
    "eval_loss",
    "eval_accuracy",
    "eval_precision",
    "eval_recall",
    "eval_f1",
    "digest",
    "eval_balanced_accuracy",
    "eval_cohen_kappa",
    "eval_mcc",
    "eval_top_k_accuracy",
    "eval_calibration_error",
];

#[derive(Debug, Clone, PartialEq)]
pub struct EpochRecord {
    /// 1-based.
    pub epoch: u64,
    /// Optimizer steps since the start of the run.
    pub step: u64,
    /// Of the epoch's last step.
    pub learning_rate: f64,
    pub train: Scores,
    /// `None` where the epoch was not evaluated: its cells are empty.
    pub eval: Option<EvaluationScores>,
    /// The first 16 hex digits of the SHA-256 over all parameters, optimizer state and averages.
    pub digest: String,
}

impl EpochRecord {
    /// The cells, in the order of [`COLUMNS`]. Floats are in shortest form that reads back exactly.
    pub fn cells(&self) -> [String; 19] {
        let (scores, more) = match &self.eval {
            Some(eval) => (cells(&eval.scores), more_cells(eval)),
            None => Default::default(),
        };
        let [t0, t1, t2, t3, t4] = cells(&self.train);
        let [e0, e1, e2, e3, e4] = scores;
        let [m0, m1, m2, m3, m4] = more;
        [
            self.epoch.to_string(),
            self.step.to_string(),
            self.learning_rate.to_string(),
            t0,
            t1,
            t2,
            t3,
            t4,
            e0,
            e1,
            e2,
            e3,
            e4,
            self.digest.clone(),
            m0,
            m1,
            m2,
            m3,
            m4,
        ]
    }
}

fn cells(scores: &Scores) -> [String; 5] {
    [
        scores.loss,
        scores.accuracy,
        scores.precision,
        scores.recall,
        scores.f1,
    ]
    .map(|score| score.to_string())
}

fn more_cells(eval: &EvaluationScores) -> [String; 5] {
    [
        eval.balanced_accuracy,
        eval.cohen_kappa,
        eval.mcc,
        eval.top_k_accuracy,
        eval.calibration_error,
    ]
    .map(|score| score.to_string())
}
