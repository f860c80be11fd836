//! Where a trial stands. Nothing of it is stored: all follows from its run directory.

use std::path::Path;

use runner_config::{Objective, Score};
use runner_metrics::best_first;
use runner_records::run_dir::{self, Event, MetricsTable, Run, Status, TableError};

/// Where a trial stands.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct TrialState {
    /// What its run is doing.
    pub progress: Progress,
    /// The epochs that are done, each with the value of the objective's column.
    pub values: Vec<Option<f64>>,
}

/// What the run of a trial is doing.
#[derive(Debug, Clone, Default, PartialEq)]
pub enum Progress {
    /// There is no run yet.
    #[default]
    Waiting,
    /// A process works on it.
    Running,
    /// It can go on from its checkpoint.
    Interrupted,
    /// All epochs are done, or as many as were worth it.
    Finished,
    /// It ended with an error.
    Failed {
        /// Why, in a line.
        reason: String,
        /// Whether it would fail again.
        lasts: Lasting,
    },
}

/// Whether a trial that has failed would fail again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lasting {
    /// It diverged, and would again at the same step.
    Diverged,
    /// Its config and the data do not go together.
    Refused,
    /// It may go well the next time.
    No,
}

impl TrialState {
    /// Reads where the run in `folder` stands; a folder that is not there is one that waits.
    ///
    /// # Errors
    /// If metrics.csv is not as the program wrote it: nothing can be decided by such scores.
    pub fn read(folder: &Path, objective: &Objective) -> Result<Self, TableError> {
        if !folder.is_dir() {
            return Ok(Self::default());
        }
        let metrics = run_dir::metrics(folder)?;
        Ok(Self {
            progress: progress(folder),
            values: values(&metrics, objective),
        })
    }

    /// Epochs that are done.
    pub fn epochs(&self) -> u64 {
        self.values.len() as u64
    }

    /// Whether the trial is done with an epoch, or will never be.
    pub fn has_reached(&self, epoch: u64) -> bool {
        self.progress == Progress::Finished || self.has_failed() || self.epochs() >= epoch
    }

    /// Whether its error would come again.
    pub fn has_failed(&self) -> bool {
        matches!(&self.progress, Progress::Failed { lasts, .. } if *lasts != Lasting::No)
    }

    /// Whether its loss or a gradient was not finite.
    pub fn has_diverged(&self) -> bool {
        matches!(&self.progress, Progress::Failed { lasts, .. } if *lasts == Lasting::Diverged)
    }

    /// The score by an epoch; `None` where it is not measured, or the trial has failed for good before that epoch. What
    /// comes later does not change it.
    pub fn score(&self, objective: &Objective, epoch: u64) -> Option<f64> {
        if self.has_failed() && self.epochs() < epoch {
            return None;
        }
        let values = self.values.iter().take(epoch as usize).copied();
        match objective.score {
            Score::Last => values.flatten().next_back().filter(|value| !value.is_nan()),
            Score::Best => {
                let values: Vec<Option<f64>> = values.collect();
                let best = *best_first(objective.mode, values.iter().copied()).first()?;
                values[best]
            }
        }
    }
}

fn progress(folder: &Path) -> Progress {
    match Status::of(folder) {
        Status::Running => Progress::Running,
        Status::Finished => Progress::Finished,
        Status::Interrupted => Progress::Interrupted,
        Status::Failed => {
            let run = Run::open(folder);
            let last = run.as_ref().ok().and_then(|run| run.events().ok()?.pop());
            let note = run.ok().and_then(|run| run.note().ok()?);
            Progress::Failed {
                reason: note.unwrap_or_else(|| "failed".to_owned()),
                lasts: match last.is_some_and(|event: Event| event.lasting_failure().is_some()) {
                    true => Lasting::Diverged,
                    false => Lasting::No,
                },
            }
        }
    }
}

fn values(metrics: &MetricsTable, objective: &Objective) -> Vec<Option<f64>> {
    let rows = 0..metrics.len();
    rows.map(|row| metrics.get(row, &objective.monitor))
        .collect()
}
