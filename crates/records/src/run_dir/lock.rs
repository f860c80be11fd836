//! One writer a run, for as long as its process lives.
//!
//! The lock is the operating system's, on an open file: it goes with the process however that
//! ends. What the file says (who holds it, since when) is information only.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::path::Path;
use std::thread::sleep;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Error, layout, now};
use crate::files::IoError;

/// The lock of a run, held while this value lives.
#[derive(Debug)]
pub struct Lock {
    file: File,
}

#[derive(Debug, Serialize, Deserialize)]
struct Holder {
    pid: u32,
    host: String,
    since: String,
}

/// A reader that asks whether a run is running holds the lock for microseconds; a writer that
/// meets one tries again instead of giving up.
const ATTEMPTS: u32 = 20;
const PAUSE: Duration = Duration::from_millis(10);

impl Lock {
    /// Takes the lock of a run directory.
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
                Err(TryLockError::Error(error)) => return Err(io(error)),
            }
        }
        let holder = Holder {
            pid: std::process::id(),
            host: host(),
            since: now(),
        };
        let text = serde_json::to_string(&holder).expect("a holder is plain data");
        file.set_len(0).map_err(io)?;
        file.write_all(format!("{text}\n").as_bytes()).map_err(io)?;
        let lock = Self { file };
        lock.confirm(folder)?;
        Ok(lock)
    }

    /// Refuses if the locked file is no longer the run's: another file in its place could be locked by
    /// another process.
    #[cfg(unix)]
    pub fn confirm(&self, folder: &Path) -> Result<(), Error> {
        use std::os::unix::fs::MetadataExt;

        let path = folder.join(layout::LOCK);
        let io = |error| Error::from(IoError::new("confirm", &path, error));
        let ours = self.file.metadata().map_err(io)?;
        match std::fs::metadata(&path) {
            Ok(there) if (there.dev(), there.ino()) == (ours.dev(), ours.ino()) => Ok(()),
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(io(error)),
            _ => Err(Error::Locked {
                path: folder.to_owned(),
                holder: "whoever took the lock file away while it was held".to_owned(),
            }),
        }
    }

    /// Files have no identity here that could be compared.
    #[cfg(not(unix))]
    pub fn confirm(&self, _folder: &Path) -> Result<(), Error> {
        Ok(())
    }

    /// Whether a writer holds the run's lock. Never waits.
    pub fn is_held(folder: &Path) -> bool {
        File::open(folder.join(layout::LOCK))
            .is_ok_and(|file| matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)))
    }
}

/// Opens a file that is to be locked, as it is; makes it where it is not there.
pub(super) fn open(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    options.open(path)
}

fn locked(folder: &Path, file: &mut File) -> Error {
    let mut text = String::new();
    let holder = file
        .rewind()
        .and_then(|()| file.read_to_string(&mut text))
        .ok()
        .and_then(|_| serde_json::from_str::<Holder>(&text).ok());
    Error::Locked {
        path: folder.to_owned(),
        holder: match holder {
            Some(holder) => format!(
                "process {} on {} since {}",
                holder.pid, holder.host, holder.since
            ),
            None => "another process".to_owned(),
        },
    }
}

/// The name of this machine, for people.
fn host() -> String {
    #[cfg(unix)]
    let name = rustix::system::uname()
        .nodename()
        .to_str()
        .ok()
        .map(str::to_owned);
    #[cfg(not(unix))]
    let name = std::env::var("HOSTNAME").ok();
    name.unwrap_or_else(|| "this machine".to_owned())
}
