//! Why a fetch failed, and why one try did.

use std::path::PathBuf;

use crate::data::download::archive;
use crate::files::IoError;

/// Why a set could not be fetched. Every message says what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(
        "cannot fetch {file} of {set}:{}\n\
         try again later, which continues where this stopped; or use a mirror: runner data fetch \
         {set} --mirror URL",
        listed(failures)
    )]
    /// No mirror gave the right file.
    Mirrors {
        /// The name of the set.
        set: &'static str,
        /// The name of the file.
        file: &'static str,
        /// The address and what was wrong with it.
        failures: Vec<(String, String)>,
    },
    #[error(
        "no public source is known for {set}: {description}\n\
         name one that has it: runner data fetch {set} --mirror URL"
    )]
    /// The set has no public mirror, and none was named.
    NoMirror {
        /// The name of the set.
        set: &'static str,
        /// What the set is.
        description: &'static str,
    },
    /// A file of the same name and another content is in the folder.
    #[error("{}: already exists, but is not part of {set}: {why}\n\
             move it away, or fetch into another folder with --to", path.display())]
    Occupied {
        /// The name of the set.
        set: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// How it differs.
        why: String,
    },
    /// Another process holds the lock of the partial file.
    #[error("{}: another process is fetching into this folder\nwait until it ends, or stop it", path.display())]
    Busy {
        /// The file or folder.
        path: PathBuf,
    },
    /// An archive could not be unpacked.
    #[error(transparent)]
    Archive(archive::Error),
    /// The disk is too full.
    #[error("{}: {needed} bytes are needed, but only {free} are free\n\
             free some space, or fetch into another folder with --to", path.display())]
    NoSpace {
        /// The file or folder.
        path: PathBuf,
        /// Bytes.
        needed: u64,
        /// Bytes.
        free: u64,
    },
    /// This machine failed to read or write a file.
    #[error(transparent)]
    Io(#[from] IoError),
}

impl Error {
    /// Whether this machine is at fault, and not what was fetched or where from.
    pub fn is_local(&self) -> bool {
        matches!(
            self,
            Error::Io(_) | Error::NoSpace { .. } | Error::Archive(archive::Error::Io(_))
        )
    }
}

fn listed(failures: &[(String, String)]) -> String {
    let lines = failures
        .iter()
        .map(|(url, why)| format!("\n  {url}: {why}"));
    lines.collect()
}

/// Why a try did not succeed.
pub(super) enum Failure {
    /// This mirror will not do.
    Mirror(String),
    /// The connection broke; the rest may come with another.
    Broken(String),
    /// The bytes are whole and wrong.
    Wrong(String),
    /// Nothing that another mirror could help.
    Local(Error),
}

impl Failure {
    /// The reason for a message; an error that no other mirror could help with stays one.
    pub(super) fn why(self) -> Result<String, Error> {
        match self {
            Failure::Local(error) => Err(error),
            Failure::Mirror(why) | Failure::Broken(why) | Failure::Wrong(why) => Ok(why),
        }
    }
}
