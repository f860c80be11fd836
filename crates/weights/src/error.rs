//! What can be wrong with a file of weights.

use std::path::PathBuf;

use crate::files::IoError;
use crate::run_dir;

/// Why weights cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is nothing at the place that is named.
    #[error("{}: no such file or run directory\n{advice}", path.display())]
    NotFound {
        /// As it was named.
        path: PathBuf,
        /// What to do.
        advice: &'static str,
    },
    /// The bytes are no weights that this program reads.
    #[error(
        "{}: {why}\nweights are a run directory, a checkpoint, a safetensors file, or a state dict of PyTorch (.pth, .pt)",
        path.display()
    )]
    Format {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// Nothing of them is the network's.
    #[error(
        "{}: none of its {there} arrays fits the network\nthe network has {here}\nthe file has {known}",
        path.display()
    )]
    Misfit {
        /// The file.
        path: PathBuf,
        /// How many arrays it has.
        there: usize,
        /// The first names of the network.
        here: String,
        /// The first names of the file.
        known: String,
    },
    /// The run that is named has no weights, or is damaged.
    #[error(transparent)]
    Run(#[from] run_dir::Error),
    /// The system refuses.
    #[error(transparent)]
    Io(#[from] IoError),
}

/// The first ten names, and how many more there are.
pub fn listed<'a>(names: impl Iterator<Item = &'a str>) -> String {
    const MOST: usize = 10;
    let names: Vec<&str> = names.collect();
    let first = names[..names.len().min(MOST)].join(", ");
    match names.len().checked_sub(MOST) {
        None | Some(0) => first,
        Some(more) => format!("{first} and {more} more"),
    }
}
