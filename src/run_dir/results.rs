//! What a finished run leaves: report, confusion matrix, predictions, and result.json last of all.

use super::events::Event;
use super::table::MetricsTable;
use super::writer::{Writer, csv_line};
use super::{Error, atomic, layout, now};
use crate::config;
use crate::data::Dataset;
use crate::metrics::{COLUMNS, ConfusionMatrix, ValueType};

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
    pub eval: SplitResults<'a>,
    pub test: Option<SplitResults<'a>>,
    pub step: u64,
    pub monitor: &'a config::Checkpoint,
}

/// What the network says of one split.
pub struct SplitResults<'a> {
    pub report: String,
    pub confusion: ConfusionMatrix,
    pub predictions: &'a [Prediction],
    /// The images, one a prediction.
    pub images: &'a Dataset,
}

/// The files that hold the results of a split.
pub(super) struct Files {
    pub report: &'static str,
    pub confusion: &'static str,
    pub predictions: &'static str,
}

pub(super) const EVAL: Files = Files {
    report: layout::REPORT,
    confusion: layout::CONFUSION,
    predictions: layout::PREDICTIONS,
};
pub(super) const TEST: Files = Files {
    report: layout::TEST_REPORT,
    confusion: layout::TEST_CONFUSION,
    predictions: layout::TEST_PREDICTIONS,
};

impl Writer {
    /// Writes the report and its tables, then result.json, which makes the run finished.
    pub fn finish(&self, results: &Results<'_>) -> Result<(), Error> {
        let path = |name: &str| self.folder().join(name);
        let splits = [(&EVAL, Some(&results.eval)), (&TEST, results.test.as_ref())];
        for (files, split) in splits {
            let Some(split) = split else { continue };
            atomic::replace(&path(files.report), split.report.as_bytes())?;
            let confusion = confusion_csv(&split.confusion, &self.identity().class_names);
            atomic::replace(&path(files.confusion), confusion.as_bytes())?;
            let predictions = predictions_csv(split);
            atomic::replace(&path(files.predictions), predictions.as_bytes())?;
        }
        self.event(Event::Finished { step: results.step })?;
        let run_id = &self.identity().run_id;
        let mut result = result_of(run_id, &self.metrics(), results.monitor);
        if let Some(test) = &results.test {
            result.insert("test".to_owned(), test_result(&test.confusion));
        }
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
        let members = COLUMNS.iter().filter_map(|column| {
            let value = table.get(row, column.name);
            let value: serde_json::Value = match (column.value_type(), value) {
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

/// What result.json says of the last evaluation.
pub(super) fn test_result(confusion: &ConfusionMatrix) -> serde_json::Value {
    let scores = confusion.scores(0.0);
    let pairs = [
        ("accuracy", scores.accuracy),
        ("precision", scores.precision),
        ("recall", scores.recall),
        ("f1", scores.f1),
    ];
    let scores = pairs.map(|(name, score)| (name.to_owned(), score.into()));
    serde_json::Value::Object(scores.into_iter().collect())
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

fn predictions_csv(results: &SplitResults<'_>) -> String {
    let mut text = csv_line(&["index", "path", "label", "prediction", "probability"]);
    for (place, row) in results.predictions.iter().enumerate() {
        let (number, path) = results.images.origin(place);
        text.push_str(&csv_line(&[
            &number.to_string(),
            path,
            &row.label.to_string(),
            &row.prediction.to_string(),
            &row.probability.to_string(),
        ]));
    }
    text
}
