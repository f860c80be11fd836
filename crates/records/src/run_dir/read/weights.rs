//! What a run has learned, as whoever uses it takes it: its best epoch, its newest checkpoint, or one that is named.

use std::convert::Infallible;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use super::checkpoints::{best_checkpoint, checkpoint_names};
use super::run::{Run, Status};
use crate::array::Arrays;
use crate::files::IoError;
use crate::run_dir::format::checkpoint::{Checkpoint, Damage};
use crate::run_dir::{Error, layout};

/// Which checkpoint of a run is used.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Choice {
    /// That of the best epoch, if it is still there; else the newest.
    #[default]
    BestOrLast,
    /// That of the best epoch.
    Best,
    /// The newest.
    Last,
    /// A file, by its path or by its name in the folder of checkpoints.
    File(PathBuf),
}

impl FromStr for Choice {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(match text {
            "best" => Self::Best,
            "last" => Self::Last,
            path => Self::File(path.into()),
        })
    }
}

/// The weights of a trained network.
#[derive(Debug)]
pub struct Weights {
    /// The checkpoint's file.
    pub file: PathBuf,
    /// Whether it is that of the best epoch.
    pub is_best: bool,
    /// Whether they are averages over training (`training.ema_decay`), as evaluation uses them.
    pub is_averaged: bool,
    /// Optimizer steps before it was written.
    pub step: u64,
    /// SHA-256 (hex) of the checkpoint.
    pub digest: String,
    /// Parameters and running statistics by PyTorch's names and in PyTorch's layouts.
    pub arrays: Arrays,
}

impl Weights {
    /// Reads the weights of a run.
    ///
    /// # Errors
    ///
    /// [`Error::NoSuchCheckpoint`] where the run does not have what is asked for; [`Error::Damaged`] where the file is
    /// not what the program wrote, or is another run's; [`Error::Io`] where it cannot be read.
    pub fn of_run(run: &Run, choice: &Choice) -> Result<Self, Error> {
        let folder = &run.folder;
        let missing = |why: String| Error::NoSuchCheckpoint {
            folder: folder.clone(),
            why,
        };
        let best = best(run)?;
        let inside = |name: &str| folder.join(layout::CHECKPOINTS).join(name);
        let file = match (choice, &best) {
            (Choice::File(path), _) => located(folder, path)?,
            (Choice::BestOrLast | Choice::Best, Some(best)) => inside(best),
            (Choice::Best, None) => {
                return Err(missing(format!(
                    "the checkpoint of its best epoch, by {}, is not there\n\
                     use the newest one with --checkpoint last; a run keeps its best with checkpoint.keep_best = 1",
                    run.experiment.checkpoint.monitor
                )));
            }
            (Choice::BestOrLast | Choice::Last, _) => {
                let newest = checkpoint_names(folder)?.pop();
                let newest = newest.ok_or_else(|| match run.status {
                    Status::Finished => Error::Damaged {
                        path: folder.clone(),
                        why: format!(
                            "its checkpoints are gone, although it is finished\n\
                             put one back, or train it again: runner reproduce {}",
                            folder.display()
                        ),
                    },
                    _ => missing(format!(
                        "it has no checkpoint yet\nlet it train until the first one: runner resume {}",
                        folder.display()
                    )),
                })?;
                inside(&newest)
            }
        };
        let is_best = best.is_some_and(|best| file.ends_with(best));
        Self::read(run, &file, is_best)
    }

    fn read(run: &Run, file: &Path, is_best: bool) -> Result<Self, Error> {
        let damaged = |why: String| Error::Damaged {
            path: file.to_owned(),
            why: format!(
                "{why}\nchoose another one with --checkpoint; `runner verify` checks all of them"
            ),
        };
        let (checkpoint, digest) = Checkpoint::read(file).map_err(|damage| match damage {
            Damage::Unreadable(error) => IoError::new("read", file, error).into(),
            damage => damaged(damage.to_string()),
        })?;
        if let Some(why) = checkpoint.state.foreign_to(&run.identity) {
            return Err(damaged(why));
        }
        Ok(Self {
            file: file.to_owned(),
            is_best,
            is_averaged: checkpoint.is_averaged(),
            step: checkpoint.state.position.step,
            digest,
            arrays: checkpoint.evaluated(),
        })
    }
}

/// The name of the checkpoint of the best epoch, if it is still there.
fn best(run: &Run) -> Result<Option<String>, Error> {
    // A run that has no epoch yet has no best one; what is wrong with metrics.csv is for `verify`.
    let Ok(metrics) = run.metrics() else {
        return Ok(None);
    };
    best_checkpoint(&run.folder, &metrics, &run.experiment.checkpoint.monitor)
}

/// The path of a checkpoint that is named by its path, or by its name in the run with or without the ending.
fn located(folder: &Path, named: &Path) -> Result<PathBuf, Error> {
    let inside = folder.join(layout::CHECKPOINTS).join(named);
    let with_ending = inside.with_extension("safetensors");
    let mut places = [named.to_owned(), inside, with_ending].into_iter();
    if let Some(place) = places.find(|place| place.is_file()) {
        return Ok(place);
    }
    let names = checkpoint_names(folder)?;
    Err(Error::NoSuchCheckpoint {
        folder: folder.to_owned(),
        why: format!(
            "there is no checkpoint {}\nsay best, last, the path of a checkpoint, or one of: {}",
            named.display(),
            match names.as_slice() {
                [] => "none is there".to_owned(),
                names => names.join(", "),
            }
        ),
    })
}
