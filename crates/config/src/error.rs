//! Why there is no experiment.

use std::io;
use std::path::PathBuf;

use crate::text::diagnostic::Problems;

/// Why there is no experiment.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The experiment file itself could not be read.
    #[error("cannot read the config {}: {source}\n{remedy}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
        /// What to do about it.
        remedy: String,
    },
    /// The document is wrong, in all the ways listed here.
    #[error(transparent)]
    Invalid(#[from] Problems),
}
