//! What the file system of a run directory cannot do.

use std::fmt;
use std::path::Path;

use super::lock::Lock;
use crate::files;

/// A guarantee that the file system of a run does not give; displayed as what that means for the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lost {
    /// Only a file that names its owner keeps other processes away from the run.
    Locks,
    /// New files of the run may be lost in a power cut.
    FolderSyncs,
}

impl fmt::Display for Lost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Locks => {
                "this file system has no locks: a file that the run writes every 10 seconds keeps other processes \
                 away, but two that resume the run within the same second could both train, until the next checkpoint \
                 of one of them"
            }
            Self::FolderSyncs => {
                "this file system does not sync folders: a power cut can lose the newest checkpoints and results \
                 (stopping or killing the run cannot)"
            }
        })
    }
}

impl Lost {
    /// The guarantees that a run in `folder` lacks.
    pub(super) fn of(folder: &Path, lock: &Lock) -> Vec<Self> {
        let mut lost = Vec::new();
        if lock.is_heartbeat() {
            lost.push(Self::Locks);
        }
        if !files::syncs_folders(folder) {
            lost.push(Self::FolderSyncs);
        }
        lost
    }
}
