//! The files of a data set, as a run directory records them.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::digest;

/// A file that was read, or a folder of them, as the run directory records it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataFile {
    pub path: String,
    /// Of all files together.
    pub bytes: u64,
    /// Of a folder, over the names and checksums of its files.
    pub sha256: String,
    /// How many there are, where it is a folder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub files: Option<usize>,
}

/// An image file of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedFile {
    /// The folder or list that it is part of.
    pub source: String,
    pub checksum: Checksum,
    /// `train`, `eval`, `test`; empty for one that is not used.
    pub split: &'static str,
    /// The name of its class.
    pub label: String,
    /// Why it is not used, if it cannot be.
    pub problem: String,
}

/// One image file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checksum {
    pub path: String,
    pub bytes: u64,
    pub sha256: String,
}

impl DataFile {
    /// A file that was read whole.
    pub fn of(path: &Path, bytes: &[u8]) -> Self {
        Self {
            path: path.display().to_string(),
            bytes: bytes.len() as u64,
            sha256: digest::of(bytes).hex(),
            files: None,
        }
    }
}
