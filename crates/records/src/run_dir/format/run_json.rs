//! run.json: what a run is. A resume goes on only with the same.

use std::fs;
use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::data_csv::DataFile;
use crate::config::{Moments, Source};
use crate::files::IoError;
use crate::run_dir::{Error, layout};

/// The format of run directories and checkpoints that this program writes.
pub const FORMAT: u32 = 1;

/// What a run is: everything that must be the same for it to go on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Identity {
    /// [`FORMAT`] of the program that began it.
    pub format: u32,
    /// The name of its directory: time, name and four letters; of a trial the sweep's name and its number.
    pub run_id: String,
    /// The experiment's.
    pub name: String,
    /// RFC 3339, UTC.
    pub created_at: String,
    /// The order in which the runs of a folder were begun, whatever the clock said: microseconds since 1970, or
    /// one more than the run before has where that is larger. 0 in runs of older versions.
    #[serde(default)]
    pub sequence: u64,
    /// The id of the run that this one was made to repeat.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reproduces: Option<String>,
    /// The run whose checkpoint this one began with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<Parent>,
    /// All random draws follow from it.
    pub seed: u64,
    /// SHA-256 over every value of the config that a resume may not change.
    pub config_digest: String,
    /// SHA-256 over the checksums of all data files.
    pub data_digest: String,
    /// Training before evaluation before test, images before labels.
    pub data_files: Vec<DataFile>,
    /// What the outputs of the network stand for, in their order.
    pub class_names: Vec<String>,
    /// Mean and standard deviation of each channel, where images are normalized.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub normalize: Option<Moments>,
    /// Of samples of 16 bits so many are used, where the training images say so and not the config. Runs of older
    /// versions do not say it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub found_bits: Option<u32>,
    /// The known weights that the network began with, if it did not begin at random.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weights: Option<WeightsFile>,
    /// Trainable numbers in the network.
    pub parameters: usize,
    /// The version of the program that began the run.
    pub program_version: String,
    /// The version of the framework that the program was built with.
    pub burn_version: String,
    /// `flex`, `ndarray` or `cuda`: each rounds in its own way, so a run stays with one.
    pub backend: String,
    /// Instruction sets that kernels may choose between.
    pub cpu_features: Vec<String>,
    /// The program and its arguments.
    pub command_line: Vec<String>,
    /// Everything that values of the config came from; empty in runs of older versions.
    #[serde(default)]
    pub config_sources: Vec<Source>,
    /// Where the paths of the command line and the config start.
    pub working_directory: String,
}

/// A file of known weights.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WeightsFile {
    /// Where it was.
    pub path: String,
    /// SHA-256 (hex) of its bytes.
    pub sha256: String,
}

/// The checkpoint of another run that a fork began with. It is stored as the fork's own first checkpoint, under the same
/// name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parent {
    /// The id of the other run.
    pub run_id: String,
    /// Epochs that were done: the first rows of metrics.csv are the other run's.
    pub epoch: u64,
    /// Optimizer steps that were done.
    pub step: u64,
    /// The name of the checkpoint's file.
    pub checkpoint: String,
    /// SHA-256 over all arrays and the state of the other run's checkpoint.
    pub digest: String,
    /// SHA-256 over the arrays that the fork took from it.
    pub arrays: String,
}

/// Which run a run repeats or is a fork of, in words.
fn origin(reproduces: Option<&str>, parent: Option<&Parent>) -> Option<String> {
    match (reproduces, parent) {
        (Some(run_id), _) => Some(format!("repeats {run_id}")),
        (None, Some(Parent { run_id, epoch, .. })) => {
            Some(format!("fork of {run_id} after epoch {epoch}"))
        }
        (None, None) => None,
    }
}

impl Identity {
    /// Which run it repeats or is a fork of, in words.
    pub fn origin(&self) -> Option<String> {
        origin(self.reproduces.as_deref(), self.parent.as_ref())
    }

    /// The number of optimizer steps that were done when the run began: those of its parent, if it is a fork.
    pub fn first_step(&self) -> u64 {
        self.parent.as_ref().map_or(0, |parent| parent.step)
    }

    /// The text of the file.
    pub(in crate::run_dir) fn text(&self) -> String {
        let mut text = serde_json::to_string_pretty(self).expect("an identity is plain data");
        text.push('\n');
        text
    }

    /// Reads the run.json of a run directory.
    ///
    /// # Errors
    ///
    /// [`Error::NotARun`] if there is none, or of another format; [`Error::Io`] if it cannot be read.
    pub fn read(folder: &Path) -> Result<Self, Error> {
        let path = folder.join(layout::IDENTITY);
        let not_a_run = |why: String| Error::NotARun {
            path: folder.to_owned(),
            why,
        };
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(_) if !folder.exists() => return Err(not_a_run("no such run".to_owned())),
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::NotFound
                        | io::ErrorKind::NotADirectory
                        | io::ErrorKind::IsADirectory
                ) =>
            {
                return Err(not_a_run(format!(
                    "not a run directory: it has no {}",
                    layout::IDENTITY
                )));
            }
            Err(error) => return Err(IoError::new("read", path, error).into()),
        };
        let identity: Self = serde_json::from_str(&text)
            .map_err(|error| not_a_run(format!("{} is damaged: {error}", layout::IDENTITY)))?;
        if identity.format != FORMAT {
            return Err(not_a_run(format!(
                "its format is {}, but this program reads {FORMAT}",
                identity.format
            )));
        }
        Ok(identity)
    }
}

/// What run.json says of when and why a run was begun, without the rest of the file.
#[derive(Debug, Default, Deserialize)]
pub struct Beginning {
    /// [`Identity::run_id`]; empty where the file is damaged.
    #[serde(default)]
    pub run_id: String,
    #[serde(default)]
    format: u32,
    /// [`Identity::sequence`]; of runs of older versions the time of their creation.
    #[serde(default)]
    pub sequence: u64,
    #[serde(default)]
    created_at: String,
    reproduces: Option<String>,
    parent: Option<Parent>,
    #[serde(default)]
    command_line: Vec<String>,
}

impl Beginning {
    /// Reads it; a run whose file is damaged comes before all others. `None` where there is no such file.
    pub fn read(folder: &Path) -> Option<Self> {
        let text = fs::read(folder.join(layout::IDENTITY)).ok()?;
        let mut beginning: Self = serde_json::from_slice(&text).unwrap_or_default();
        if beginning.sequence == 0 {
            let time = chrono::DateTime::parse_from_rfc3339(&beginning.created_at);
            let time = time.map_or(0, |time| time.timestamp_micros());
            beginning.sequence = time.try_into().unwrap_or(0);
        }
        Some(beginning)
    }

    /// Whether the file could be read, and is of this program's format.
    pub fn is_whole(&self) -> bool {
        self.format == FORMAT
    }

    /// What is special about the run, in a line.
    pub fn note(&self) -> Option<String> {
        origin(self.reproduces.as_deref(), self.parent.as_ref())
    }

    /// Whether the run was made to repeat another one.
    pub fn is_repetition(&self) -> bool {
        // Older versions did not write `reproduces`.
        self.reproduces.is_some() || self.command_line.get(1).is_some_and(|it| it == "reproduce")
    }
}
