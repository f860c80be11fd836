//! run.json: who a run is. A resume goes on only with the same.

use std::fs;
use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::{Error, layout};
use crate::config::{Moments, Source};
use crate::data::DataFile;

/// The format of run directories and checkpoints that this program writes.
pub const FORMAT: u32 = 1;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Identity {
    pub format: u32,
    pub run_id: String,
    pub name: String,
    /// RFC 3339, UTC.
    pub created_at: String,
    pub seed: u64,
    /// SHA-256 over every value of the config that a resume may not change.
    pub config_digest: String,
    /// SHA-256 over the checksums of all data files.
    pub data_digest: String,
    pub data_files: Vec<DataFile>,
    pub class_names: Vec<String>,
    /// What is subtracted from each channel and what it is divided by, where that is done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub normalize: Option<Moments>,
    /// Trainable numbers in the network.
    pub parameters: usize,
    pub program_version: String,
    pub burn_version: String,
    /// `flex`, `ndarray` or `cuda`: each rounds in its own way, so a run stays with one.
    pub backend: String,
    /// Instruction sets that kernels may choose between.
    pub cpu_features: Vec<String>,
    pub command_line: Vec<String>,
    /// Everything that values of the config came from; those of older versions have none.
    #[serde(default)]
    pub config_sources: Vec<Source>,
    /// Where the paths of the command line and the config start.
    pub working_directory: String,
}

impl Identity {
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
                    "no run directory, it has no {}",
                    layout::IDENTITY
                )));
            }
            Err(error) => return Err(Error::io("read", &path, error)),
        };
        let identity: Self = serde_json::from_str(&text)
            .map_err(|error| not_a_run(format!("{} is damaged: {error}", layout::IDENTITY)))?;
        if identity.format != FORMAT {
            return Err(not_a_run(format!(
                "its format is {}, this program reads {FORMAT}",
                identity.format
            )));
        }
        Ok(identity)
    }
}
