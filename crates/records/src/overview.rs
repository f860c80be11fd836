//! One line per run, read from as few files as possible: a folder can hold thousands of runs.

use std::path::Path;

use rayon::prelude::*;

use crate::compare::Error;
use crate::run_dir::{self, Beginning, Run, Status, Summary, Tags};

/// What `runner list` says of a run.
#[derive(Debug, Clone, PartialEq)]
pub struct Overview {
    /// The name of its directory.
    pub run_id: String,
    /// At the time of reading.
    pub status: Status,
    /// Epochs that are done.
    pub epoch: Option<u64>,
    /// Epochs that it is to have.
    pub epochs: u64,
    /// Evaluation accuracy of its last epoch.
    pub eval_accuracy: Option<f64>,
    /// The highest evaluation accuracy, and its epoch.
    pub best: Option<(f64, u64)>,
    /// Accuracy on the test images.
    pub test_accuracy: Option<f64>,
    /// Why it is not finished, or what is special about it.
    pub note: Option<String>,
    /// What people say of it.
    pub tags: Tags,
}

const ACCURACY: &str = "eval_accuracy";

impl Overview {
    /// All runs of a folder in the order in which they were begun, or why one cannot be read.
    pub fn all(out: &Path) -> Vec<Result<Self, Error>> {
        run_dir::in_order(out)
            .into_par_iter()
            .map(|(beginning, folder)| Self::read(&folder, &beginning))
            .collect()
    }

    fn read(folder: &Path, beginning: &Beginning) -> Result<Self, Error> {
        // A run that is just writing its result, or about to be resumed, may count as finished for that moment: checking
        // its lock would double the cost.
        match Summary::read(folder) {
            Some(summary) if summary.monitor == ACCURACY && beginning.is_whole() => {
                let planned = || run_dir::planned_epochs(folder);
                match summary.planned_epochs.or_else(planned) {
                    Some(epochs) => {
                        let tags = Tags::read(folder)?;
                        Ok(Self::of_summary(summary, epochs, beginning, tags))
                    }
                    None => Self::of_run(&Run::open(folder)?),
                }
            }
            _ => Self::of_run(&Run::open(folder)?),
        }
    }

    fn of_summary(summary: Summary, epochs: u64, beginning: &Beginning, tags: Tags) -> Self {
        let best = summary.best.as_ref();
        Self {
            run_id: beginning.run_id.clone(),
            status: Status::Finished,
            epoch: Some(summary.last.epoch),
            epochs,
            eval_accuracy: summary.last.eval_accuracy,
            best: best.and_then(|row| Some((row.eval_accuracy?, row.epoch))),
            test_accuracy: summary.test.map(|scores| scores.accuracy),
            note: beginning.note(),
            tags,
        }
    }

    fn of_run(run: &Run) -> Result<Self, Error> {
        let metrics = run.metrics()?;
        let last = metrics.len().checked_sub(1);
        let best = metrics.best(ACCURACY);
        let value = |row: Option<usize>, column| row.and_then(|row| metrics.get(row, column));
        let epoch = |row| value(row, "epoch").map(|epoch| epoch as u64);
        Ok(Self {
            run_id: run.identity.run_id.clone(),
            status: run.status,
            epoch: epoch(last),
            epochs: run.experiment.training.epochs,
            eval_accuracy: value(last, ACCURACY),
            best: value(best, ACCURACY).zip(epoch(best)),
            test_accuracy: run.test_scores().map(|scores| scores.accuracy),
            note: run.note()?,
            tags: Tags::read(&run.folder)?,
        })
    }
}
