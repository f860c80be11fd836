//! What a finished run leaves: report, confusion matrix, predictions, and result.json last of all.

use super::writer::Writer;
use crate::config;
use crate::files;
use crate::metrics::{ConfusionMatrix, classification_report};
use crate::run_dir::format::events::Event;
use crate::run_dir::format::predictions_csv::{self, PredictionRow};
use crate::run_dir::format::{confusion_csv, result_json};
use crate::run_dir::layout::{self, EVAL_FILES, TEST_FILES};
use crate::run_dir::{Error, now};

/// What is left at the end of a run.
pub struct Results<'a> {
    /// What was said of the evaluation images.
    pub eval: SplitResults<'a>,
    /// What was said of the test images, where there are some.
    pub test: Option<SplitResults<'a>>,
    /// Optimizer steps done.
    pub step: u64,
    /// Which column says which epoch is best.
    pub monitor: &'a config::Checkpoint,
}

/// What the network says of one split.
pub struct SplitResults<'a> {
    /// One row for each image.
    pub predictions: Vec<PredictionRow<'a>>,
    /// Counts of (label, prediction).
    pub confusion: ConfusionMatrix,
    /// scikit-learn's classification report.
    pub report: String,
}

impl<'a> SplitResults<'a> {
    /// The results that follow from the predictions.
    ///
    /// # Panics
    ///
    /// If a label or a prediction is no class.
    pub fn new(predictions: Vec<PredictionRow<'a>>, class_names: &[String]) -> Self {
        let mut confusion = ConfusionMatrix::new(class_names.len());
        for row in &predictions {
            confusion.add(row.label as usize, row.prediction as usize);
        }
        Self {
            report: classification_report(&confusion, class_names),
            confusion,
            predictions,
        }
    }
}

impl Writer {
    /// Writes the report and its tables, then result.json, which makes the run finished.
    ///
    /// # Errors
    ///
    /// If a file cannot be written; the run is then not finished.
    pub fn finish(&self, results: &Results<'_>) -> Result<(), Error> {
        let path = |name: &str| self.folder().join(name);
        let splits = [
            (&EVAL_FILES, Some(&results.eval)),
            (&TEST_FILES, results.test.as_ref()),
        ];
        for (names, split) in splits {
            let Some(split) = split else { continue };
            files::replace(&path(names.report), split.report.as_bytes())?;
            let confusion = confusion_csv::text(&split.confusion, &self.identity().class_names);
            files::replace(&path(names.confusion), confusion.as_bytes())?;
            let predictions = predictions_csv::text(&split.predictions);
            files::replace(&path(names.predictions), predictions.as_bytes())?;
        }
        self.event(Event::Finished { step: results.step })?;
        let run_id = &self.identity().run_id;
        let mut result = result_json::of_rows(run_id, &self.metrics(), results.monitor);
        if let Some(test) = &results.test {
            result.insert("test".to_owned(), result_json::of_test(&test.confusion));
        }
        result.insert("reproducible".to_owned(), self.is_reproducible()?.into());
        result.insert("finished_at".to_owned(), now().into());
        let text = result_json::text(result);
        Ok(files::replace(&path(layout::RESULT), text.as_bytes())?)
    }
}
