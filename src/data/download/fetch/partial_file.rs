//! The file that a download grows in, which a later fetch goes on with.

use std::fs::{self, File, TryLockError};
use std::io::Write;
use std::path::{Path, PathBuf};

use super::error::{Error, Failure};
use super::verify::verify;
use crate::data::download::catalog::Remote;
use crate::files::{IoError, TEMPORARY_PREFIX};

/// The beginning of a file, locked by this process.
pub(super) struct PartialFile {
    /// Opened to read and to append.
    pub file: File,
    /// Its temporary name.
    pub path: PathBuf,
    /// Its length.
    pub bytes: u64,
}

impl PartialFile {
    /// Opens what an earlier fetch left, or a new file, and locks it.
    pub fn open(folder: &Path, name: &str) -> Result<Self, Error> {
        let path = part_path(folder, name);
        let failed = |error| IoError::new("write", &path, error);
        let mut options = File::options();
        let options = options.read(true).append(true).create(true);
        let file = options.open(&path).map_err(failed)?;
        // Some file systems have no locks: then without. And another process may have given the
        // part its name since it was opened.
        let is_locked = matches!(file.try_lock(), Err(TryLockError::WouldBlock));
        if is_locked || !path.exists() {
            return Err(Error::Busy { path });
        }
        let bytes = file.metadata().map_err(failed)?.len();
        Ok(Self { file, path, bytes })
    }

    /// Adds bytes at its end.
    pub fn append(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        self.file
            .write_all(bytes)
            .map_err(|error| Failure::Local(IoError::new("write", &self.path, error).into()))?;
        self.bytes += bytes.len() as u64;
        Ok(())
    }

    /// Starts anew.
    pub fn clear(&mut self) -> Result<(), Failure> {
        self.file
            .set_len(0)
            .map_err(|error| Failure::Local(IoError::new("write", &self.path, error).into()))?;
        self.bytes = 0;
        Ok(())
    }

    /// Compares the whole file with the catalog's checksum.
    pub fn verify(&self, file: &Remote) -> Result<(), Failure> {
        verify(&self.file, &self.path, file.checksum)
    }

    /// A part of nothing would be of no use to anybody.
    pub fn remove_if_empty(&self) {
        if self.bytes == 0 {
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Where the download of a file is until it is whole.
pub(super) fn part_path(folder: &Path, name: &str) -> PathBuf {
    folder.join(format!("{TEMPORARY_PREFIX}{name}.part"))
}
