//! result.json: what a finished run came to. It is written last of all; where it is, the run is finished.

use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::metrics_csv::MetricsTable;
use crate::config;
use crate::metrics::{COLUMNS, ConfusionMatrix, ValueType};
use crate::run_dir::layout;

/// What follows from the rows of metrics.csv.
pub fn of_rows(
    run_id: &str,
    table: &MetricsTable,
    policy: &config::Checkpoint,
) -> Map<String, Value> {
    let row = |row: usize| -> Value {
        let members = COLUMNS.iter().filter_map(|column| {
            let value = table.get(row, column.name);
            let value: Value = match (column.value_type(), value) {
                (ValueType::Text, _) => return None,
                (ValueType::Count, Some(count)) => (count as u64).into(),
                (_, value) => value.into(),
            };
            Some((column.name.to_owned(), value))
        });
        members.collect()
    };
    let best = table.best(&policy.monitor);
    [
        ("run_id", run_id.into()),
        ("epochs", table.len().into()),
        ("last", table.len().checked_sub(1).map(row).into()),
        ("monitor", policy.monitor.as_str().into()),
        ("best", best.map(row).into()),
    ]
    .map(|(key, value)| (key.to_owned(), value))
    .into_iter()
    .collect()
}

/// The scores of the test images: what `test` says. Precision, recall and F1 are macro averages.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct TestScores {
    /// The share of images whose prediction is right.
    pub accuracy: f64,
    /// Macro precision.
    pub precision: f64,
    /// Macro recall.
    pub recall: f64,
    /// Macro F1.
    pub f1: f64,
}

impl TestScores {
    /// The scores that follow from the counts.
    pub fn new(confusion: &ConfusionMatrix) -> Self {
        let scores = confusion.scores(0.0);
        Self {
            accuracy: scores.accuracy,
            precision: scores.precision,
            recall: scores.recall,
            f1: scores.f1,
        }
    }

    /// As a member of result.json.
    pub fn value(self) -> Value {
        serde_json::to_value(self).expect("scores are plain data")
    }
}

/// What the file says at a glance.
#[derive(Debug, Deserialize)]
pub struct Summary {
    /// Epochs that the run was to have; older versions did not write it.
    pub planned_epochs: Option<u64>,
    /// The column that says which epoch is best.
    pub monitor: String,
    /// The last epoch.
    pub last: SummaryRow,
    /// The best one.
    pub best: Option<SummaryRow>,
    /// Of the test images.
    pub test: Option<TestScores>,
}

/// What [`Summary`] says of an epoch.
#[derive(Debug, Deserialize)]
pub struct SummaryRow {
    /// 1-based.
    pub epoch: u64,
    /// `None` where the epoch was not evaluated.
    pub eval_accuracy: Option<f64>,
}

impl Summary {
    /// Reads it; `None` where there is no file, or it is of an older version, which did not write all of this.
    pub fn read(folder: &Path) -> Option<Self> {
        let text = std::fs::read(folder.join(layout::RESULT)).ok()?;
        serde_json::from_slice(&text).ok()
    }
}

/// The text of the file.
pub fn text(result: Map<String, Value>) -> String {
    format!("{:#}\n", Value::Object(result))
}

/// The text and the content of a run's file; `None` where there is none, or it is no JSON object.
pub fn read(folder: &Path) -> Option<(String, Map<String, Value>)> {
    let text = std::fs::read_to_string(folder.join(layout::RESULT)).ok()?;
    match serde_json::from_str(&text) {
        Ok(Value::Object(result)) => Some((text, result)),
        _ => None,
    }
}
