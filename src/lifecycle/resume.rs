//! A run that goes on as if it had never stopped, or not at all.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::start::{check_start, start};
use super::unchanged::{
    Asked, check_backend, check_changes, check_config, check_data, check_version, elsewhere,
};
use super::{Error, Extension};
use crate::config::Experiment;
use crate::data::{self, Splits, Watch};
use crate::device::{self, Chosen};
use crate::memory;
use crate::run_dir::{self, Event, Moves, Recovered, Status, Writer};
use crate::train::{self, Interrupt, Session};

/// What is asked of a run.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// Its directory.
    pub folder: &'a Path,
    /// `key=value`, of keys that a resume may change.
    pub overrides: &'a [String],
    /// Whether it may go on with another version of the program, and lose its reproducibility.
    pub allow_other_version: bool,
    /// Threads that compute; one a processor unless stated.
    pub threads: Option<u16>,
}

/// A run that is locked, and whose config and program are those that it began with.
pub struct Resumable {
    folder: PathBuf,
    run: Writer,
    /// The experiment, with the changes.
    pub experiment: Experiment,
    /// The keys that change, with their new values.
    pub changes: BTreeMap<String, String>,
    /// The number of epochs before the changes.
    epochs_before: u64,
    device: Chosen,
    other_version: Option<(String, String)>,
}

/// A run that is ready for its next step.
pub struct Resumed {
    /// Everything that the run has in memory, from its newest good checkpoint; from the start without one.
    pub session: Session,
    /// Its directory, locked.
    pub run: Writer,
    /// What computes and why, in one line.
    pub device: String,
    /// Names of checkpoints that were put aside, and why.
    pub damaged: Vec<(String, String)>,
    /// What it is extended by, where the learning rate follows a schedule.
    pub extension: Option<Extension>,
}

/// A run that has nothing left to do.
pub struct Finished {
    /// Epochs that are done.
    pub epochs: u64,
    /// What twice as many epochs would add, where the learning rate follows a schedule.
    pub extension: Option<Extension>,
}

const EPOCHS: &str = "training.epochs";

impl Resumable {
    /// Locks a run and looks at what would change.
    ///
    /// # Errors
    /// Where it is no run, another process has it, or it would no longer be the same run.
    pub fn open(request: Request<'_>) -> Result<Self, Error> {
        let Request {
            folder,
            overrides,
            allow_other_version,
            threads,
        } = request;
        let run = Writer::lock(folder)?;
        memory::before_the_end(run.out_of_memory());
        let (mut document, before) = run_dir::document(folder)?;
        document.set_all(overrides);
        let experiment = document.experiment()?;
        let changes = check_changes(&before, &experiment, folder, overrides)?;
        check_config(run.identity(), folder, &experiment)?;
        let other_version = check_version(run.identity(), allow_other_version, folder, overrides)?;
        let device = device::choose(experiment.device, threads)?;
        check_backend(run.identity(), device.backend, folder)?;
        Ok(Self {
            folder: folder.to_owned(),
            run,
            experiment,
            changes,
            epochs_before: before.training.epochs,
            device,
            other_version,
        })
    }

    /// What is done where the run is finished and is not extended; otherwise `None`.
    ///
    /// # Errors
    /// Where the metrics of a finished run cannot be read.
    pub fn finished(&self) -> Result<Option<Finished>, Error> {
        if !Status::is_finished(&self.folder) || self.changes.contains_key(EPOCHS) {
            return Ok(None);
        }
        let metrics = run_dir::metrics(&self.folder)?;
        let epochs = metrics.len() as u64;
        // Of the last epoch: those before it may be of a parent whose epochs are longer.
        let step = |row: usize| metrics.get(row, "step");
        let last = metrics.len().checked_sub(1);
        let steps = last.and_then(|last| {
            let before = last.checked_sub(1).map_or(Some(0.0), step);
            Some(step(last)? - before?)
        });
        let mut longer = self.experiment.clone();
        longer.training.epochs *= 2;
        let extension =
            steps.and_then(|steps| Extension::new(&longer, self.epochs_before, steps as u64));
        Ok(Some(Finished { epochs, extension }))
    }

    /// Loads data and newest good checkpoint; notes in the events that the run goes on.
    ///
    /// # Errors
    /// Where the data are not those that the run began with, or no checkpoint fits.
    pub fn go_on(self, interrupt: &mut Interrupt, watch: Watch<'_>) -> Result<Resumed, Error> {
        let Self {
            folder,
            mut run,
            experiment,
            changes,
            epochs_before,
            device,
            other_version,
        } = self;
        let (input, classes) = (experiment.model.input, experiment.classes());
        let asked = Asked {
            command: "resume",
            folder: &folder,
            data: &experiment.data,
        };
        let data = Splits::load(&experiment.data, input, classes, watch).map_err(|error| {
            match error.error {
                // They are where they were.
                data::Error::OutOfMemory { .. } => train::Error::Data(error.error).into(),
                _ => Error::from(elsewhere(&error, run.identity(), asked)),
            }
        })?;
        let moves = Moves::new(&folder, asked.data)?;
        check_data(run.identity(), &data, &moves, asked)?;
        interrupt.limit(experiment.training.max_minutes);
        let Recovered {
            checkpoint,
            damaged,
        } = run.recover(&experiment.checkpoint)?;
        let mut session = Session::new(experiment, data, device.device);
        match &checkpoint {
            Some(checkpoint) => session.load(checkpoint, run.identity().first_step())?,
            None => {
                start(&mut session)?;
                check_start(run.identity(), &session)?;
            }
        }
        run.reopen()?;
        if let Some((from, to)) = other_version {
            run.event(Event::VersionChanged { from, to })?;
        }
        let position = &session.position;
        run.event(Event::Resumed {
            step: position.step,
            checkpoint: checkpoint.as_ref().map(|_| position.file_name()),
            changes,
        })?;
        let steps_per_epoch = session.steps_per_epoch();
        Ok(Resumed {
            extension: Extension::new(&session.experiment, epochs_before, steps_per_epoch),
            session,
            run,
            device: device.reason,
            damaged,
        })
    }
}
