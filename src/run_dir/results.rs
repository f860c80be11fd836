//! What a finished run leaves: report, confusion matrix, predictions, and result.json last of all.

use super::events::Event;
use super::table::MetricsTable;
use super::writer::{Writer, csv_line};
use super::{Error, atomic, layout, now};
use crate::config;
use crate::metrics::{COLUMNS, ConfusionMatrix};

/// What the network says of one evaluation image.
#[derive(Debug, Clone, PartialEq)]
pub struct Prediction {
    pub label: u32,
    pub prediction: u32,
    /// The softmax probability of the prediction.
    pub probability: f32,
}

/// What is left at the end of a run.
pub struct Results<'a> {
    pub report: &'a str,
    pub confusion: &'a ConfusionMatrix,
    pub predictions: &'a [Prediction],
    /// The file that the evaluation images came from.
    pub eval_source: &'a str,
    pub step: u64,
    pub monitor: &'a config::Checkpoint,
}

impl Writer {
    /// Writes the report and its tables, then result.json, which makes the run finished.
    pub fn finish(&self, results: &Results<'_>) -> Result<(), Error> {
        let path = |name: &str| self.folder().join(name);
        atomic::replace(&path(layout::REPORT), results.report.as_bytes())?;
        let confusion = confusion_csv(results.confusion, &self.identity().class_names);
        atomic::replace(&path(layout::CONFUSION), confusion.as_bytes())?;
        let predictions = predictions_csv(results);
        atomic::replace(&path(layout::PREDICTIONS), predictions.as_bytes())?;
        self.event(Event::Finished { step: results.step })?;
        let run_id = &self.identity().run_id;
        let mut result = result_of(run_id, &self.metrics(), results.monitor);
        result.insert("reproducible".to_owned(), self.is_reproducible()?.into());
        result.insert("finished_at".to_owned(), now().into());
        let text = format!("{:#}\n", serde_json::Value::Object(result));
        atomic::replace(&path(layout::RESULT), text.as_bytes())
    }
}

/// What result.json says that follows from the rows of metrics.csv.
pub(super) fn result_of(
    run_id: &str,
    table: &MetricsTable,
    policy: &config::Checkpoint,
) -> serde_json::Map<String, serde_json::Value> {
    let row = |row: usize| -> serde_json::Value {
        let cells = COLUMNS.iter().filter(|column| **column != "digest");
        cells
            .map(|column| {
                let value = table.get(row, column);
                let value: serde_json::Value = match (*column, value) {
                    ("epoch" | "step", Some(count)) => (count as u64).into(),
                    (_, value) => value.into(),
                };
                ((*column).to_owned(), value)
            })
            .collect()
    };
    let best = table.best(&policy.monitor, policy.mode == "max");
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

/// Rows are the truth, columns the prediction.
pub(super) fn confusion_csv(matrix: &ConfusionMatrix, class_names: &[String]) -> String {
    let mut header = vec!["label".to_owned()];
    header.extend(class_names.iter().cloned());
    let mut text = csv_line(&header);
    for (truth, name) in class_names.iter().enumerate() {
        let mut row = vec![name.clone()];
        row.extend((0..matrix.classes()).map(|class| matrix.count(truth, class).to_string()));
        text.push_str(&csv_line(&row));
    }
    text
}

fn predictions_csv(results: &Results<'_>) -> String {
    let mut text = csv_line(&["index", "path", "label", "prediction", "probability"]);
    for (index, row) in results.predictions.iter().enumerate() {
        text.push_str(&csv_line(&[
            &index.to_string(),
            results.eval_source,
            &row.label.to_string(),
            &row.prediction.to_string(),
            &row.probability.to_string(),
        ]));
    }
    text
}
