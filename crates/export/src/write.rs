//! From a network to files that are there whole or not at all.

use std::fs;
use std::path::{Path, PathBuf};

use runner_weights::names::Naming;

use crate::files;
use crate::{Error, Trained, onnx, pytorch, safetensors};

/// A format with what can be chosen about it.
#[derive(Debug, Clone, Copy)]
pub enum Target {
    /// A graph with weights.
    Onnx(onnx::Options),
    /// Weights alone, perhaps under another program's names.
    Safetensors(Option<Naming>),
    /// A Python program, and the weights that it loads.
    PyTorch,
}

impl Target {
    /// What names of its files end in.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Onnx(_) => "onnx",
            Self::Safetensors(_) => "safetensors",
            Self::PyTorch => "py",
        }
    }
}

/// Writes a network to `path`, and for [`Target::PyTorch`] its weights beside it; gives all files. `replaces`: files that are
/// there already are replaced.
///
/// # Errors
/// Where the format does not have what the network is made of, a file is there already, or the system refuses. Then no new file
/// is there.
pub fn write(
    trained: &Trained<'_>,
    target: Target,
    path: &Path,
    replaces: bool,
) -> Result<Vec<PathBuf>, Error> {
    let files = match target {
        Target::Onnx(options) => vec![(path.to_owned(), onnx::encode(trained, options)?)],
        Target::Safetensors(names) => vec![(path.to_owned(), safetensors::encode(trained, names)?)],
        Target::PyTorch => pytorch::encode(trained, path)?,
    };
    let is_there = |path: &Path| path.symlink_metadata().is_ok();
    if !replaces && let Some((path, _)) = files.iter().find(|(path, _)| is_there(path)) {
        return Err(Error::Exists(path.clone()));
    }
    let mut written: Vec<PathBuf> = Vec::new();
    for (path, bytes) in files {
        let put = if replaces {
            files::replace
        } else {
            files::create
        };
        if let Err(error) = put(&path, &bytes) {
            if !replaces {
                // What is new goes again; the error that is told is the first.
                let _ = written.iter().try_for_each(fs::remove_file);
            }
            return Err(error.into());
        }
        written.push(path);
    }
    Ok(written)
}
