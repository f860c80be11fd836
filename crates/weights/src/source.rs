//! Where known weights come from: a run, or a file of this or another program.

use std::fs;
use std::path::{Path, PathBuf};

use crate::array::Arrays;
use crate::config::Layer;
use crate::error::{Error, listed};
use crate::files::IoError;
use crate::names::{Naming, Translation};
use crate::run_dir::{Checkpoint, Choice, Part, Run, Weights};
use crate::{digest, pytorch, tensors};

/// Known weights under our names.
#[derive(Debug, Clone)]
pub struct Source {
    /// The file; of a run, its checkpoint.
    pub file: PathBuf,
    /// SHA-256 (hex) of the file.
    pub sha256: String,
    /// Parameters and running statistics. Those that have no name in the network are under the names of the file.
    pub arrays: Arrays,
}

impl Source {
    /// Reads the weights at `path` for a network of these layers: those of a run's best epoch, where that is kept; a checkpoint; a
    /// safetensors file; a state dict of PyTorch. Names of torchvision and timm become ours.
    ///
    /// # Errors
    /// Where there is nothing at the path, or what is there has no weights.
    pub fn read(path: &Path, layers: &[Layer]) -> Result<Self, Error> {
        let not_found = |advice| Error::NotFound {
            path: path.to_owned(),
            advice,
        };
        let file = match (path.is_dir(), path.try_exists()) {
            (true, _) => Weights::of_run(&Run::open(path)?, &Choice::BestOrLast)?.file,
            (false, Ok(true)) => path.to_owned(),
            (false, _) => {
                return Err(not_found(
                    "paths are relative to the current folder; `runner list` shows all runs",
                ));
            }
        };
        let bytes = fs::read(&file).map_err(IoError::at("read", &file))?;
        let arrays = arrays(&bytes).map_err(|why| Error::Format {
            path: file.clone(),
            why,
        })?;
        Ok(Self {
            sha256: digest::of(&bytes).hex(),
            arrays: under_our_names(arrays, layers),
            file,
        })
    }
}

impl Source {
    /// The error where nothing of it is the network's, whose parameters have the names `here`.
    pub fn misfit<'a>(&self, here: impl Iterator<Item = &'a str>) -> Error {
        Error::Misfit {
            path: self.file.clone(),
            there: self.arrays.len(),
            here: listed(here),
            known: listed(self.arrays.keys().map(String::as_str)),
        }
    }
}

/// The weights in the bytes of a file, under its own names.
fn arrays(bytes: &[u8]) -> Result<Arrays, String> {
    let arrays = if bytes.starts_with(pytorch::ZIP) || bytes.starts_with(pytorch::LEGACY) {
        pytorch::read(bytes)?
    } else {
        match (Checkpoint::decode(bytes), tensors::read(bytes)?) {
            (Ok((checkpoint, _)), _) => checkpoint.evaluated(),
            (Err(damage), arrays) if arrays.keys().any(|name| is_of_checkpoint(name)) => {
                return Err(format!("a checkpoint that is damaged: {damage}"));
            }
            (Err(_), arrays) => arrays,
        }
    };
    match arrays.is_empty() {
        true => Err("it has no floats".to_owned()),
        false => Ok(arrays),
    }
}

fn is_of_checkpoint(name: &str) -> bool {
    name.starts_with(Part::Model.prefix())
}

/// The names of whoever has the most of the network's layers.
fn under_our_names(arrays: Arrays, layers: &[Layer]) -> Arrays {
    let is_ours = |name: &String| name.starts_with("layers.");
    if arrays.keys().any(is_ours) {
        return arrays;
    }
    let translated = [Naming::Torchvision, Naming::Timm]
        .into_iter()
        .filter_map(|naming| Translation::of(layers, naming))
        .map(|translation| translation.to_ours(arrays.clone()));
    let most = translated.max_by_key(|arrays| arrays.keys().filter(|name| is_ours(name)).count());
    most.unwrap_or(arrays)
}
