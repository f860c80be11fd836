//! A new run that begins with a checkpoint of another one.

use std::path::{Path, PathBuf};

use super::Error;
use super::begin::Branching;
use super::prepare::{Prepared, Start, prepare_for_checkpoint};
use super::unchanged::{Asked, Refusal, check_config, check_data, elsewhere, fork};
use crate::array;
use crate::config::{Change, Document, Experiment, LANGUAGE, OnResume, Problems};
use crate::data::{self, Watch};
use crate::run_dir::{
    self, Checkpoint, Identity, Moves, Parent, checkpoint_names, epoch_checkpoints, read_checkpoint,
};
use crate::train::Unfit;

/// What is asked of a fork.
#[derive(Debug, Clone, Copy)]
pub struct ForkRequest<'a> {
    /// The directory of the run to begin from.
    pub folder: &'a Path,
    /// After which of its epochs; with its newest checkpoint unless given.
    pub epoch: Option<u64>,
    /// `key=value`, of any keys that leave the shapes of the parameters as they are.
    pub overrides: &'a [String],
    /// Whether the optimizer begins without the state that it has in the checkpoint.
    pub fresh_optimizer: bool,
}

/// A run that is to begin with a checkpoint of another one, which is only read.
pub struct Fork {
    folder: PathBuf,
    /// Of the other run.
    identity: Identity,
    /// The epoch that was asked for.
    epoch: Option<u64>,
    overrides: Vec<String>,
    /// The config of the new run.
    pub document: Document,
    /// What that declares.
    pub experiment: Experiment,
    /// What is probably not as it was meant.
    pub warnings: Problems,
    /// In what it differs from the other run.
    pub branching: Branching,
    checkpoint: Checkpoint,
    digest: String,
    /// The other run in words: its directory and the epoch.
    pub origin: String,
}

/// A fork that is ready for its first step.
pub struct PreparedFork {
    /// What it needs in memory.
    pub prepared: Prepared,
    /// How the data differ from those of the other run, which may be meant.
    pub other_data: Option<Refusal>,
}

impl Fork {
    /// Reads the run and the checkpoint that the fork is to begin with. Where keys change that a resume may not change,
    /// that is one at the end of an epoch, so that each row of metrics.csv is of one config.
    ///
    /// # Errors
    /// Where it is no run, the config has errors, or there is no such checkpoint.
    pub fn open(request: ForkRequest<'_>) -> Result<Self, Error> {
        let ForkRequest {
            folder,
            epoch,
            overrides,
            fresh_optimizer,
        } = request;
        let identity = Identity::read(folder)?;
        let (mut document, before) = run_dir::document(folder)?;
        check_config(&identity, folder, &before)?;
        document.set_all(overrides);
        let (experiment, warnings) = document.check()?;
        let changes = before.changes(&experiment);
        let is_fixed = |change: &Change| LANGUAGE.on_resume(&change.key) == OnResume::Fixed;
        let between_epochs = fresh_optimizer || changes.iter().any(is_fixed);
        let name = choose(folder, epoch, between_epochs)?;
        let (checkpoint, digest) = read_checkpoint(folder, &name, &identity)?;
        let done = checkpoint.state.position.epoch - 1;
        if done >= experiment.training.epochs {
            return Err(Refusal::Change(format!(
                "{} has done all {} epochs of the fork: nothing is left to train\n\
                 set training.epochs to more, or begin after an earlier epoch: {}@EPOCH",
                folder.display(),
                experiment.training.epochs,
                fork(folder, None, &[])
            ))
            .into());
        }
        let changes = changes.into_iter().map(|Change { key, is, .. }| {
            let is = is.unwrap_or_else(|| "absent".to_owned());
            (key, is)
        });
        Ok(Self {
            folder: folder.to_owned(),
            identity,
            epoch,
            overrides: overrides.to_vec(),
            document,
            experiment,
            warnings,
            branching: Branching {
                changes: changes.collect(),
                fresh_optimizer,
            },
            origin: origin(folder, &checkpoint),
            checkpoint,
            digest,
        })
    }

    /// Prepares the new run, as [`prepare`](super::prepare), and restores the checkpoint.
    ///
    /// # Errors
    /// As [`prepare`](super::prepare); and where the checkpoint does not fit the network, the classes or the optimizer.
    pub fn prepare(&self, threads: Option<u16>, watch: Watch<'_>) -> Result<PreparedFork, Error> {
        let experiment = self.experiment.clone();
        let places = experiment.data.clone();
        let asked = Asked {
            command: "fork",
            folder: &self.folder,
            data: &places,
        };
        let mut prepared = match prepare_for_checkpoint(&self.document, experiment, threads, watch)
        {
            Err(Error::Data(error))
                if !self.changes_data()
                    && !matches!(error.error(), data::Error::OutOfMemory { .. }) =>
            {
                return Err(elsewhere(&error, &self.identity, asked).into());
            }
            other => other?,
        };
        let session = &mut prepared.session;
        self.check_classes(&session.data.class_names)?;
        let moves = Moves::new(&self.folder, &places)?;
        let other_data = check_data(&self.identity, &session.data, &moves, asked).err();
        let position = &self.checkpoint.state.position;
        let other_data = match other_data {
            // Half an epoch of one set and half of another would be an epoch of none.
            Some(refusal) if !position.is_epoch_end() => return Err(refusal.into()),
            other => other,
        };
        let adopted = session.adopt(&self.checkpoint, self.branching.fresh_optimizer);
        let checkpoint = adopted.map_err(|unfit| self.refusal(unfit))?;
        let parent = Parent {
            run_id: self.identity.run_id.clone(),
            epoch: position.epoch - 1,
            step: position.step,
            checkpoint: position.file_name(),
            digest: self.digest.clone(),
            arrays: array::digest(&checkpoint.arrays).hex(),
        };
        prepared.start = Some(Start { parent, checkpoint });
        Ok(PreparedFork {
            prepared,
            other_data,
        })
    }

    /// Whether the fork is to have other data, or the same in another place.
    fn changes_data(&self) -> bool {
        let mut keys = self.branching.changes.keys();
        keys.any(|key| key.starts_with("data."))
    }

    /// The outputs of the network must go on to stand for what they stood for.
    fn check_classes(&self, class_names: &[String]) -> Result<(), Refusal> {
        if class_names == self.identity.class_names {
            return Ok(());
        }
        Err(Refusal::Data(format!(
            "the classes are {}, but the outputs of the network of {} stand for {}\n\
             {}",
            class_names.join(", "),
            self.identity.run_id,
            self.identity.class_names.join(", "),
            self.weights_instead()
        )))
    }

    fn refusal(&self, unfit: Unfit) -> Refusal {
        Refusal::Change(match unfit {
            Unfit::Network(why) => format!(
                "the network is not that of {}: {why}\n{}",
                self.folder.display(),
                self.weights_instead()
            ),
            Unfit::Optimizer(why) => format!(
                "the optimizer is another than that of {}: {why}\n\
                 to begin without its state: {} --fresh-optimizer",
                self.folder.display(),
                fork(&self.folder, self.epoch, &self.overrides)
            ),
        })
    }

    /// What to do where not all of the checkpoint can be taken.
    fn weights_instead(&self) -> String {
        format!(
            "a fork takes the whole network; to begin a new run with the weights that fit, set in its config:\n\
             [model] weights = \"{}\"",
            self.folder.display()
        )
    }
}

/// The name of the checkpoint to begin with: of an epoch, or the newest; `between_epochs`: at the end of one.
fn choose(folder: &Path, epoch: Option<u64>, between_epochs: bool) -> Result<String, Error> {
    let newest = checkpoint_names(folder)?.pop();
    let Some(newest) = newest else {
        return Err(Refusal::Program(format!(
            "{}: there is no checkpoint to begin with\n\
             train the run until it has one: runner resume {0}",
            folder.display()
        ))
        .into());
    };
    let of_epochs = epoch_checkpoints(folder, &run_dir::metrics(folder)?)?;
    let found = match epoch {
        Some(epoch) => of_epochs.iter().find(|(of, _)| *of == epoch),
        None if between_epochs => of_epochs.last(),
        None => return Ok(newest),
    };
    if let Some((_, name)) = found {
        return Ok(name.clone());
    }
    let epochs: Vec<String> = of_epochs
        .iter()
        .map(|(epoch, _)| epoch.to_string())
        .collect();
    let shown = folder.display();
    let what = match epoch {
        Some(epoch) => format!("{shown} has no checkpoint of the end of epoch {epoch}"),
        None => {
            format!("{shown} has no checkpoint of the end of an epoch, where values can change")
        }
    };
    Err(Refusal::Change(match epochs.is_empty() {
        true => format!("{what}\ntrain the run until an epoch ends: runner resume {shown}"),
        false => format!(
            "{what}\nthere are checkpoints of the ends of these epochs: {}\n\
             checkpoint.keep_last and checkpoint.keep_best say how many are kept",
            epochs.join(", ")
        ),
    })
    .into())
}

/// Where the fork leaves its parent, in words.
fn origin(folder: &Path, checkpoint: &Checkpoint) -> String {
    let position = &checkpoint.state.position;
    let (folder, epoch) = (folder.display(), position.epoch - 1);
    match position.is_epoch_end() {
        true => format!("{folder} after epoch {epoch}"),
        false => format!(
            "{folder} after step {}, in epoch {}",
            position.step, position.epoch
        ),
    }
}
