//! A run trained again from its directory alone, compared epoch by epoch.

use std::path::Path;

use super::unchanged::{check_backend, check_config, check_data};
use super::{Error, Prepared};
use crate::config::Document;
use crate::metrics::EpochRecord;
use crate::run_dir::layout::METRICS;
use crate::run_dir::{self, Identity, MetricsTable, Timing};
use crate::train::{Interrupt, Observer, Progress};

/// A run that is to be done again.
pub struct Original {
    /// The content of its run.json.
    pub identity: Identity,
    /// Its config, with as many epochs as it has completed, if any, and without a time limit.
    pub document: Document,
    /// The lines of its metrics.csv.
    pub rows: Vec<String>,
}

impl Original {
    /// Reads a run.
    ///
    /// # Errors
    /// Where it is no run, or its config is not the one that it began with.
    pub fn read(folder: &Path) -> Result<Self, Error> {
        let identity = Identity::read(folder)?;
        let (mut document, experiment) = run_dir::document(folder)?;
        let metrics = MetricsTable::read(&folder.join(METRICS))?;
        let rows: Vec<String> = metrics.lines().map(str::to_owned).collect();
        if !rows.is_empty() {
            check_config(&identity, &experiment)?;
            document.set_all(&[
                format!("training.epochs={}", rows.len()),
                "training.max_minutes=0".to_owned(),
            ]);
        }
        Ok(Self {
            identity,
            document,
            rows,
        })
    }

    /// Whether what is prepared has the backend and the data of the original, which is in `folder`.
    ///
    /// # Errors
    /// What is different.
    pub fn check(&self, folder: &Path, prepared: &Prepared) -> Result<(), Error> {
        check_backend(&self.identity, prepared.device.backend)?;
        check_data(&self.identity, folder, &prepared.session.data)?;
        Ok(())
    }
}

/// Compares a training with the original, and stops it at the first epoch whose row is different.
pub struct Comparer<O> {
    /// The observer that shows the training.
    pub observer: O,
    /// Stops the training at the first difference.
    pub interrupt: Interrupt,
    /// The lines of the original's metrics.csv.
    pub rows: Vec<String>,
    /// Epochs that came out equal.
    pub equal: usize,
    /// The first epoch that did not, 1-based.
    pub different: Option<u64>,
}

impl<O: Observer> Observer for Comparer<O> {
    fn batch(&mut self, progress: Progress) {
        self.observer.batch(progress);
    }

    fn epoch(&mut self, record: &EpochRecord, timing: &Timing) {
        self.observer.epoch(record, timing);
        if self.rows.get(self.equal) == Some(&record.cells().join(",")) {
            self.equal += 1;
        } else {
            self.different.get_or_insert(record.epoch);
            self.interrupt.request();
        }
    }
}
