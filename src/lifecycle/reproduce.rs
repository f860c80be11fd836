//! A run trained again from its directory alone, compared epoch by epoch.

use std::path::{Path, PathBuf};

use super::prepare::{Start, prepare_for_checkpoint};
use super::start::check_start;
use super::unchanged::{
    Asked, check_backend, check_config, check_data, check_only_moved, elsewhere,
};
use super::{Error, Prepared, prepare};
use crate::config::Document;
use crate::data::{self, Watch};
use crate::metrics::EpochRecord;
use crate::run_dir::{self, Identity, Moves, Timing, read_checkpoint};
use crate::train::{Interrupt, Observer, Progress};

/// A run that is to be done again.
pub struct Original {
    /// Its directory.
    folder: PathBuf,
    /// The content of its run.json.
    pub identity: Identity,
    /// Its config, with as many epochs as it has completed, if any, and without a time limit.
    pub document: Document,
    /// The lines of its metrics.csv.
    pub rows: Vec<String>,
}

impl Original {
    /// Reads a run; `overrides` may say where its data are now.
    ///
    /// # Errors
    /// Where it is no run, its config is not the one that it began with, or anything else is overridden.
    pub fn read(folder: &Path, overrides: &[String]) -> Result<Self, Error> {
        let identity = Identity::read(folder)?;
        let (mut document, before) = run_dir::document(folder)?;
        document.set_all(overrides);
        let experiment = document.experiment()?;
        check_only_moved(&before, &experiment, folder, overrides)?;
        let metrics = run_dir::metrics(folder)?;
        let rows: Vec<String> = metrics.lines().map(str::to_owned).collect();
        if !rows.is_empty() {
            check_config(&identity, folder, &experiment)?;
            document.set_all(&[
                format!("training.epochs={}", rows.len()),
                "training.max_minutes=0".to_owned(),
            ]);
        }
        Ok(Self {
            folder: folder.to_owned(),
            identity,
            document,
            rows,
        })
    }

    /// Prepares it anew, as [`prepare`].
    ///
    /// # Errors
    /// As [`prepare`]; and where backend or data are not those of the original.
    pub fn prepare(&self, threads: Option<u16>, watch: Watch<'_>) -> Result<Prepared, Error> {
        let experiment = self.document.experiment()?;
        let data = experiment.data.clone();
        let asked = Asked {
            command: "reproduce",
            folder: &self.folder,
            data: &data,
        };
        let prepared = match self.identity.parent {
            Some(_) => prepare_for_checkpoint(&self.document, experiment, threads, watch),
            None => prepare(&self.document, experiment, threads, watch),
        };
        let mut prepared = match prepared {
            Err(Error::Data(error))
                if !matches!(error.error(), data::Error::OutOfMemory { .. }) =>
            {
                return Err(elsewhere(&error, &self.identity, asked).into());
            }
            other => other?,
        };
        check_backend(&self.identity, prepared.device.backend, &self.folder)?;
        let moves = Moves::new(&self.folder, &data)?;
        check_data(&self.identity, &prepared.session.data, &moves, asked)?;
        check_start(&self.identity, &prepared.session)?;
        if let Some(parent) = &self.identity.parent {
            let (checkpoint, _) =
                read_checkpoint(&self.folder, &parent.checkpoint, &self.identity)?;
            let first_step = self.identity.first_step();
            prepared.session.load(&checkpoint, first_step)?;
            prepared.start = Some(Start {
                parent: parent.clone(),
                checkpoint,
            });
        }
        Ok(prepared)
    }

    /// Epochs that the run has from its parent, if it is a fork.
    pub fn inherited_epochs(&self) -> usize {
        let parent = self.identity.parent.as_ref();
        parent.map_or(0, |parent| parent.epoch as usize)
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
