//! Files that are either whole or not there, also after a power cut.
//!
//! Written beside the target, synced, then renamed into place, then the folder synced: a crash
//! before the rename leaves the old state, and a rename without the sync of the file could leave
//! a name that points at nothing.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;

use super::Error;
use super::layout::TEMPORARY_PREFIX;

/// Puts a new file at `path`; fails if there is one already.
pub fn create(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let temporary = write_temporary(path, bytes)?;
    temporary
        .persist_noclobber(path)
        .map_err(|error| Error::io("create", path, error.error))?;
    sync_folder_of(path)
}

/// Puts a file at `path` in place of whatever is there.
pub fn replace(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let temporary = write_temporary(path, bytes)?;
    temporary
        .persist(path)
        .map_err(|error| Error::io("replace", path, error.error))?;
    sync_folder_of(path)
}

/// A failed sync says nothing about a second one on the same file, so only a new file is worth a
/// second try.
fn write_temporary(path: &Path, bytes: &[u8]) -> Result<tempfile::NamedTempFile, Error> {
    let attempt = || {
        let mut builder = tempfile::Builder::new();
        builder.prefix(TEMPORARY_PREFIX);
        // Readable like any other file of the user's, not only by its owner.
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
        let mut file = builder.tempfile_in(folder_of(path))?;
        file.write_all(bytes)?;
        file.as_file().sync_all()?;
        Ok(file)
    };
    attempt()
        .or_else(|_: std::io::Error| attempt())
        .map_err(|error| Error::io("write", path, error))
}

/// Makes names that were added to or removed from a folder durable.
pub fn sync_folder(folder: &Path) -> Result<(), Error> {
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(|error| Error::io("sync", folder, error))
}

fn sync_folder_of(path: &Path) -> Result<(), Error> {
    sync_folder(folder_of(path))
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// Removes what a writer that was killed has left in a folder.
pub fn remove_temporaries(folder: &Path) -> Result<(), Error> {
    let entries = fs::read_dir(folder).map_err(|error| Error::io("read", folder, error))?;
    for entry in entries {
        let entry = entry.map_err(|error| Error::io("read", folder, error))?;
        if entry
            .file_name()
            .to_string_lossy()
            .starts_with(TEMPORARY_PREFIX)
        {
            let path = entry.path();
            fs::remove_file(&path).map_err(|error| Error::io("remove", &path, error))?;
        }
    }
    Ok(())
}
