//! Files that survive a crash, and I/O errors that say what was done to which file.
//!
//! A whole file is written beside its name, synced, renamed, and then its folder is synced. A crash before
//! the rename leaves the old state; a rename without the sync of the file could leave a name that points
//! at nothing. A line is appended and synced, and a torn last line is cut off first.
//!
//! Not every file system can do all of this. What is asked of one that cannot is done in the next best way, and
//! [`syncs_folders`] tells what is lost.

#![warn(missing_docs)]

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// The beginning of the names of unfinished files and folders. The next writer may remove them.
pub const TEMPORARY_PREFIX: &str = ".tmp-";

/// An operation on a file or folder that failed.
#[derive(Debug, thiserror::Error)]
#[error("cannot {action} {}: {source}{}", path.display(), remedy(source))]
pub struct IoError {
    /// What was to be done, as a verb.
    pub action: &'static str,
    /// The file or folder.
    pub path: PathBuf,
    /// What the system says.
    pub source: io::Error,
}

/// What to do about an error where that is known, in a line of its own.
fn remedy(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::Unsupported => {
            "\nthe file system cannot do this: choose a folder on another one"
        }
        _ => "",
    }
}

impl IoError {
    /// An operation on `path` that failed with `source`.
    pub fn new(action: &'static str, path: impl Into<PathBuf>, source: io::Error) -> Self {
        Self {
            action,
            path: path.into(),
            source,
        }
    }

    /// Whether the disk or the user's quota is full.
    pub fn is_disk_full(&self) -> bool {
        use io::ErrorKind::{QuotaExceeded, StorageFull};
        matches!(self.source.kind(), StorageFull | QuotaExceeded)
    }

    /// For `map_err`: adds the operation and the path to the system's error.
    pub fn at(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::new(action, path, source)
    }
}

/// Puts a new file at `path`, durably.
///
/// On a file system that has neither hard links nor renames that replace nothing, a file that another process puts
/// there in the same instant is replaced: the caller has to hold a lock.
///
/// # Errors
///
/// If there is a file already, or the system refuses.
pub fn create(path: &Path, bytes: &[u8]) -> Result<(), IoError> {
    create_with(path, |file| file.write_all(bytes))
}

/// As [`create`], of what `write` writes: for bytes that need not be in memory all at once. It is called a second time
/// if the first fails.
///
/// # Errors
///
/// If there is a file already, or the system refuses.
pub fn create_with(
    path: &Path,
    write: impl Fn(&mut dyn Write) -> io::Result<()>,
) -> Result<(), IoError> {
    let temporary = write_temporary(path, write)?;
    temporary
        .persist_noclobber(path)
        .or_else(|error| {
            let is_free = path.symlink_metadata().is_err();
            match is_free && cannot_link(&error.error) {
                true => error.file.persist(path),
                false => Err(error),
            }
        })
        .map_err(|error| IoError::new("create", path, error.error))?;
    sync_folder(folder_of(path))
}

/// Whether this may be the answer of a file system without hard links. Those of object stores and network drives have
/// many, an input/output error among them.
fn cannot_link(error: &io::Error) -> bool {
    const INPUT_OUTPUT: i32 = 5;
    matches!(
        error.kind(),
        io::ErrorKind::Unsupported
            | io::ErrorKind::InvalidInput
            | io::ErrorKind::PermissionDenied
            | io::ErrorKind::TooManyLinks
            | io::ErrorKind::CrossesDevices
    ) || cfg!(unix) && error.raw_os_error() == Some(INPUT_OUTPUT)
}

/// Creates a folder and its missing parents, durably. A folder that exists is not touched: the user may have no right
/// but to enter it.
///
/// # Errors
///
/// If the system refuses.
pub fn create_folders(folder: &Path) -> Result<(), IoError> {
    let missing: Vec<&Path> = folder.ancestors().take_while(|it| !it.exists()).collect();
    fs::create_dir_all(folder).map_err(IoError::at("create", folder))?;
    let made = missing.iter().filter(|made| !made.as_os_str().is_empty());
    made.rev().try_for_each(|made| sync_folder(folder_of(made)))
}

/// Puts a file at `path` in place of whatever is there, durably.
///
/// # Errors
///
/// If the system refuses; then the old file is still there.
pub fn replace(path: &Path, bytes: &[u8]) -> Result<(), IoError> {
    place(path, bytes)?;
    sync_folder(folder_of(path))
}

/// As [`replace`], but that the file has its name is durable only once the folder has been synced: for one of several
/// files, of which the last one is replaced.
///
/// # Errors
///
/// If the system refuses; then the old file is still there.
pub fn place(path: &Path, bytes: &[u8]) -> Result<(), IoError> {
    let temporary = write_temporary(path, |file| file.write_all(bytes))?;
    let placed = temporary.persist(path);
    placed.map_err(|error| IoError::new("replace", path, error.error))?;
    Ok(())
}

/// A failed sync says nothing about a second one on the same file, so only a new file is worth a
/// second try.
fn write_temporary(
    path: &Path,
    write: impl Fn(&mut dyn Write) -> io::Result<()>,
) -> Result<tempfile::NamedTempFile, IoError> {
    let attempt = || {
        let mut builder = tempfile::Builder::new();
        builder.prefix(TEMPORARY_PREFIX);
        // Readable like any other file of the user's, not only by its owner.
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
        let mut file = builder.tempfile_in(folder_of(path))?;
        write(&mut file)?;
        file.as_file().sync_all()?;
        Ok(file)
    };
    attempt()
        .or_else(|_: io::Error| attempt())
        .map_err(IoError::at("write", path))
}

/// Writes a file in place and waits until it is on disk; for one that gets its name by [`rename`].
///
/// # Errors
///
/// If the system refuses.
pub fn write_synced(path: &Path, bytes: &[u8]) -> Result<(), IoError> {
    let written = File::create(path).and_then(|mut file| {
        file.write_all(bytes)?;
        file.sync_all()
    });
    written.map_err(IoError::at("write", path))
}

/// Gives a file that is on disk its name. That is durable once the folder has been synced, by
/// [`sync_folder`].
///
/// # Errors
///
/// If the system refuses.
pub fn rename(from: &Path, to: &Path) -> Result<(), IoError> {
    fs::rename(from, to).map_err(IoError::at("write", to))
}

/// Appends text to a file of lines and waits until it is on disk.
///
/// A last line that a crash or a full disk has cut is taken away first: it was never acknowledged,
/// and the new line must not become its end. One that lacks only its newline, which an editor may have
/// taken, stays: `is_whole` says so of a last line without a newline.
///
/// # Errors
///
/// If the system refuses; part of the text may then be in the file.
pub fn append(path: &Path, text: &str, is_whole: fn(&str) -> bool) -> Result<(), IoError> {
    let append = || -> io::Result<()> {
        let mut file = OpenOptions::new()
            .create(true)
            .read(true)
            .append(true)
            .open(path)?;
        match end_last_line(&mut file, is_whole)? {
            true => file.write_all(text.as_bytes())?,
            false => file.write_all(format!("\n{text}").as_bytes())?,
        }
        file.sync_data()
    };
    append().map_err(IoError::at("append to", path))
}

/// Cuts off a torn last line; whether the file then ends with a newline, or is empty.
fn end_last_line(file: &mut File, is_whole: fn(&str) -> bool) -> io::Result<bool> {
    if file.metadata()?.len() == 0 {
        return Ok(true);
    }
    let mut last = [0];
    file.seek(SeekFrom::End(-1))?;
    file.read_exact(&mut last)?;
    if last == *b"\n" {
        return Ok(true);
    }
    let mut bytes = Vec::new();
    file.rewind()?;
    file.read_to_end(&mut bytes)?;
    let start = bytes.iter().rposition(|byte| *byte == b'\n');
    let start = start.map_or(0, |newline| newline + 1);
    if std::str::from_utf8(&bytes[start..]).is_ok_and(is_whole) {
        return Ok(false);
    }
    file.set_len(start as u64)?;
    Ok(true)
}

/// Syncs a folder, so that names added to or removed from it are durable, if its file system supports that; see
/// [`syncs_folders`].
///
/// # Errors
///
/// If the system refuses.
pub fn sync_folder(folder: &Path) -> Result<(), IoError> {
    match try_to_sync(folder) {
        Err(error) if !cannot_sync(&error) => Err(IoError::new("sync", folder, error)),
        _ => Ok(()),
    }
}

/// Whether names in a folder can be made durable: some file systems do not know how, and a folder that may not be read
/// cannot be opened for it.
pub fn syncs_folders(folder: &Path) -> bool {
    !try_to_sync(folder).is_err_and(|error| cannot_sync(&error))
}

fn try_to_sync(folder: &Path) -> io::Result<()> {
    File::open(folder).and_then(|folder| folder.sync_all())
}

fn cannot_sync(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::Unsupported | io::ErrorKind::InvalidInput | io::ErrorKind::PermissionDenied
    )
}

/// The folder that holds `path`; the current one for a bare name.
pub fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// Removes the unfinished files of a writer that was killed.
///
/// # Errors
///
/// If the folder cannot be read or a file not be removed.
pub fn remove_temporaries(folder: &Path) -> Result<(), IoError> {
    for entry in fs::read_dir(folder).map_err(IoError::at("read", folder))? {
        let entry = entry.map_err(IoError::at("read", folder))?;
        let name = entry.file_name();
        if name.to_string_lossy().starts_with(TEMPORARY_PREFIX) {
            let path = entry.path();
            fs::remove_file(&path).map_err(IoError::at("remove", &path))?;
        }
    }
    Ok(())
}
