//! What a finished run leaves: report, confusion matrix, predictions, and result.json last of all.

use std::fs;
use std::path::Path;

use super::writer::Writer;
use crate::config;
use crate::files::{self, IoError};
use crate::metrics::{ConfusionMatrix, classification_report};
use crate::run_dir::format::events::Event;
use crate::run_dir::format::predictions_csv::{self, PredictionRow};
use crate::run_dir::format::result_json::TestScores;
use crate::run_dir::format::{confusion_csv, result_json};
use crate::run_dir::layout::{self, EVAL_FILES, SplitFiles, TEST_FILES};
use crate::run_dir::{Error, now};

/// What is left at the end of a run.
pub struct Results<'a> {
    /// What was said of the evaluation images.
    pub eval: SplitResults<'a>,
    /// What was said of the test images, where there are some.
    pub test: Option<SplitResults<'a>>,
    /// What the best checkpoint says, where there is one.
    pub best: Option<BestResults<'a>>,
    /// Epochs that the run was to have.
    pub planned_epochs: u64,
    /// Optimizer steps done.
    pub step: u64,
    /// Which column says which epoch is best.
    pub monitor: &'a config::Checkpoint,
}

/// What the best checkpoint says of the images.
pub struct BestResults<'a> {
    /// The name of its file in the folder of checkpoints.
    pub checkpoint: String,
    /// A row for each evaluation image.
    pub eval: Vec<PredictionRow<'a>>,
    /// A row for each test image, where there are some.
    pub test: Option<Vec<PredictionRow<'a>>>,
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
        let confusion = count(&predictions, class_names.len());
        Self {
            report: classification_report(&confusion, class_names),
            confusion,
            predictions,
        }
    }
}

/// Counts of (label, prediction).
fn count(rows: &[PredictionRow<'_>], classes: usize) -> ConfusionMatrix {
    let mut confusion = ConfusionMatrix::new(classes);
    for row in rows {
        confusion.add(row.said.label as usize, row.said.prediction as usize);
    }
    confusion
}

/// Writes report, confusion matrix and predictions of a split.
pub(super) fn write_split(
    folder: &Path,
    names: &SplitFiles,
    split: &SplitResults<'_>,
    class_names: &[String],
) -> Result<(), Error> {
    let place = |name: &str, text: String| files::place(&folder.join(name), text.as_bytes());
    place(names.report, split.report.clone())?;
    place(
        names.confusion,
        confusion_csv::text(&split.confusion, class_names),
    )?;
    place(
        names.predictions,
        predictions_csv::text(&split.predictions, class_names),
    )?;
    Ok(())
}

impl Writer {
    /// Writes the report and its tables, then result.json, which makes the run finished.
    ///
    /// # Errors
    ///
    /// If a file cannot be written; the run is then not finished.
    pub fn finish(&self, results: &Results<'_>) -> Result<(), Error> {
        let path = |name: &str| self.folder().join(name);
        let class_names = &self.identity().class_names;
        let best = results.best.as_ref();
        let splits = [
            (
                &EVAL_FILES,
                Some(&results.eval),
                best.map(|best| &best.eval),
            ),
            (
                &TEST_FILES,
                results.test.as_ref(),
                best.and_then(|best| best.test.as_ref()),
            ),
        ];
        for (names, split, best) in splits {
            let Some(split) = split else { continue };
            write_split(self.folder(), names, split, class_names)?;
            let best_path = path(names.best_predictions);
            match best {
                Some(best) => {
                    let predictions = predictions_csv::text(best, class_names);
                    files::place(&best_path, predictions.as_bytes())?;
                }
                // What a shorter run has left would be taken for this one's.
                None if best_path.exists() => {
                    fs::remove_file(&best_path).map_err(IoError::at("remove", &best_path))?;
                }
                None => {}
            }
        }
        self.event(Event::Finished { step: results.step })?;
        let run_id = &self.identity().run_id;
        let mut result = result_json::of_rows(run_id, &self.metrics(), results.monitor);
        if let Some(test) = &results.test {
            result.insert("test".to_owned(), TestScores::new(&test.confusion).value());
        }
        result.insert("planned_epochs".to_owned(), results.planned_epochs.into());
        let checkpoint = best.map(|best| format!("{}/{}", layout::CHECKPOINTS, best.checkpoint));
        result.insert("best_checkpoint".to_owned(), checkpoint.into());
        if let Some(rows) = best.and_then(|best| best.test.as_ref()) {
            let scores = TestScores::new(&count(rows, class_names.len()));
            result.insert("best_test".to_owned(), scores.value());
        }
        result.insert("reproducible".to_owned(), self.is_reproducible()?.into());
        result.insert("finished_at".to_owned(), now().into());
        let text = result_json::text(result);
        // Where result.json is, all others are.
        files::sync_folder(self.folder())?;
        Ok(files::replace(&path(layout::RESULT), text.as_bytes())?)
    }
}
