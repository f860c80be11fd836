//! evaluation.json: what was evaluated after training, by which weights, and its scores.

use std::collections::BTreeMap;

use serde::Serialize;

use super::data_csv::DataFile;
use crate::metrics::{COLUMNS, Evaluation};

/// The content of the file.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct EvaluationRecord {
    /// The run whose network it is.
    pub run_id: String,
    /// The file of the weights, inside the run directory if it is there.
    pub checkpoint: String,
    /// SHA-256 (hex) of the checkpoint.
    pub checkpoint_digest: String,
    /// Whether the weights are averages over training.
    pub averaged: bool,
    /// What the command line changed, `key=value`.
    pub overrides: Vec<String>,
    /// Whether the images are the run's own.
    pub own_data: bool,
    /// Where the images are from, with checksums.
    pub data_files: Vec<DataFile>,
    /// The scores of the evaluation images, or of the other set.
    pub eval: SplitScores,
    /// Of the test images, where the run has some.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub test: Option<SplitScores>,
    /// Classes of the other set that the run does not have, and the number of their images, which were left out.
    pub unknown_classes: BTreeMap<String, usize>,
    /// Classes of the run that the other set has no image of.
    pub missing_classes: Vec<String>,
    /// The version of the program that evaluated.
    pub program_version: String,
    /// What computed.
    pub backend: String,
    /// RFC 3339, UTC.
    pub created_at: String,
}

/// The scores of one split.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SplitScores {
    /// How many images there are.
    pub images: usize,
    /// By the names that metrics.csv has for those of an evaluation, without `eval_`.
    pub scores: BTreeMap<String, f64>,
}

impl SplitScores {
    /// All scores of an evaluation.
    pub fn new(images: usize, evaluation: &Evaluation) -> Self {
        let scores = COLUMNS.iter().filter_map(|column| {
            let value = column.of_evaluation(evaluation)?;
            let name = column.name.strip_prefix("eval_").unwrap_or(column.name);
            Some((name.to_owned(), value))
        });
        Self {
            images,
            scores: scores.collect(),
        }
    }
}

impl EvaluationRecord {
    /// The text of the file.
    pub(in crate::run_dir) fn text(&self) -> String {
        let mut text = serde_json::to_string_pretty(self).expect("a record is plain data");
        text.push('\n');
        text
    }
}
