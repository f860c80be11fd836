//! One writer a run, for as long as its process lives.
//!
//! The lock is the operating system's, on an open file: it goes with the process however that
//! ends. What the file says (who holds it, since when) is information only, but on a file system without
//! locks: there a [`Heartbeat`] takes the lock's place.

#[cfg(unix)]
use std::fs::Metadata;
use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::path::Path;
use std::thread::sleep;
use std::time::Duration;

use super::heartbeat::{Heartbeat, Holder, is_beating};
use super::{Error, layout};
use crate::files::{self, IoError};

/// The lock of a run, held while this value lives.
#[derive(Debug)]
pub struct Lock {
    file: File,
    /// Where the file system has no locks.
    heartbeat: Option<Heartbeat>,
}

/// A reader that asks whether a run is running holds the lock for microseconds; a writer that
/// meets one tries again instead of giving up.
const ATTEMPTS: u32 = 20;
const PAUSE: Duration = Duration::from_millis(10);

impl Lock {
    /// Takes the lock of a run directory, or of a sweep directory.
    ///
    /// # Errors
    ///
    /// [`Error::Locked`] if another process has it; [`Error::Io`] if the system refuses.
    pub fn acquire(folder: &Path) -> Result<Self, Error> {
        let path = folder.join(layout::LOCK);
        let io = |error| Error::from(IoError::new("lock", &path, error));
        let mut file = open(&path).map_err(io)?;
        let mut attempt = 1;
        loop {
            match file.try_lock() {
                Ok(()) => break,
                Err(TryLockError::WouldBlock) if attempt < ATTEMPTS => {
                    attempt += 1;
                    sleep(PAUSE);
                }
                Err(TryLockError::WouldBlock) => return Err(locked(folder, &mut file)),
                Err(TryLockError::Error(error)) if has_no_locks(&error) => {
                    let heartbeat = Heartbeat::start(&file).map_err(io)?;
                    if heartbeat.is_none() {
                        return Err(locked(folder, &mut file));
                    }
                    return Ok(Self { file, heartbeat });
                }
                Err(TryLockError::Error(error)) => return Err(io(error)),
            }
        }
        Holder::this().write(&mut file).map_err(io)?;
        let lock = Self {
            file,
            heartbeat: None,
        };
        lock.confirm(folder)?;
        Ok(lock)
    }

    /// Takes the lock from whoever holds it, who finds that out before the next commit: for one who knows that the holder
    /// is to have ended, and cannot be asked. The lock is free after it.
    ///
    /// # Errors
    ///
    /// If the system refuses.
    pub fn take_from_holder(folder: &Path) -> Result<(), Error> {
        Ok(files::replace(&folder.join(layout::LOCK), b"")?)
    }

    /// Refuses if the locked file is no longer the run's: another file in its place could be locked by
    /// another process.
    #[cfg(unix)]
    pub fn confirm(&self, folder: &Path) -> Result<(), Error> {
        use std::os::unix::fs::MetadataExt;

        let path = folder.join(layout::LOCK);
        let io = |error| Error::from(IoError::new("confirm", &path, error));
        let ours = self.file.metadata().map_err(io)?;
        // The text of the file says more than its number, which not every file system keeps.
        let is_ours = |there: &Metadata| match &self.heartbeat {
            Some(heartbeat) => heartbeat.is_ours(&path),
            None => (there.dev(), there.ino()) == (ours.dev(), ours.ino()),
        };
        match std::fs::metadata(&path) {
            Ok(there) if is_ours(&there) => Ok(()),
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(io(error)),
            Ok(_) if self.heartbeat.is_some() => {
                Err(locked(folder, &mut File::open(&path).map_err(io)?))
            }
            _ => Err(Error::Locked {
                path: folder.to_owned(),
                holder: "whoever removed the lock file while it was held".to_owned(),
            }),
        }
    }

    /// Files have no identity here that could be compared; only what a heartbeat has written can be.
    #[cfg(not(unix))]
    pub fn confirm(&self, folder: &Path) -> Result<(), Error> {
        let path = folder.join(layout::LOCK);
        match (&self.heartbeat, File::open(&path)) {
            (Some(heartbeat), Ok(mut file)) if !heartbeat.is_ours(&path) => {
                Err(locked(folder, &mut file))
            }
            _ => Ok(()),
        }
    }

    /// Who holds the lock of a directory, or has held it last.
    pub fn holder(folder: &Path) -> Option<Holder> {
        Holder::read(&mut File::open(folder.join(layout::LOCK)).ok()?)
    }

    /// Whether a heartbeat stands in for it.
    pub fn is_heartbeat(&self) -> bool {
        self.heartbeat.is_some()
    }

    /// Whether a writer holds the run's lock. Never waits.
    pub fn is_held(folder: &Path) -> bool {
        File::open(folder.join(layout::LOCK)).is_ok_and(|mut file| match file.try_lock_shared() {
            Err(TryLockError::WouldBlock) => true,
            Err(TryLockError::Error(error)) => has_no_locks(&error) && is_beating(&mut file),
            Ok(()) => false,
        })
    }
}

/// Whether an error of locking says that the file system has no locks.
pub fn has_no_locks(error: &io::Error) -> bool {
    #[cfg(unix)]
    let is_none_left = rustix::io::Errno::from_io_error(error) == Some(rustix::io::Errno::NOLCK);
    #[cfg(not(unix))]
    let is_none_left = false;
    is_none_left || error.kind() == io::ErrorKind::Unsupported
}

/// Opens a file that is to be locked, as it is; makes it where it is not there.
pub(super) fn open(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    options.open(path)
}

fn locked(folder: &Path, file: &mut File) -> Error {
    Error::Locked {
        path: folder.to_owned(),
        holder: match Holder::read(file) {
            Some(holder) => format!(
                "process {} on {} since {}",
                holder.pid, holder.host, holder.since
            ),
            None => "another process".to_owned(),
        },
    }
}
