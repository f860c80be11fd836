//! One row of metrics.csv: everything about an epoch that two equal runs share.

use super::confusion::Scores;

/// The columns, in order. New ones come only at the end.
pub const COLUMNS: [&str; 14] = [
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
    pub eval: Option<Scores>,
    /// The first 16 hex digits of the SHA-256 over all parameters and optimizer state.
    pub digest: String,
}

impl EpochRecord {
    /// The cells, in the order of [`COLUMNS`]. Floats are in shortest form that reads back exactly.
    pub fn cells(&self) -> [String; 14] {
        let [train, eval] = [Some(self.train), self.eval].map(|scores| {
            let scores = scores.map(|it| [it.loss, it.accuracy, it.precision, it.recall, it.f1]);
            scores.map_or_else(Default::default, |it| it.map(|score| score.to_string()))
        });
        let [t0, t1, t2, t3, t4] = train;
        let [e0, e1, e2, e3, e4] = eval;
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
        ]
    }
}
