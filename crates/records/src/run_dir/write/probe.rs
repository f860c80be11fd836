//! Whether a folder can hold run directories: everything that a run does to its files is tried out.

use std::fs;
use std::path::Path;

use crate::files::{self, IoError, TEMPORARY_PREFIX};
use crate::run_dir::lock::Lock;
use crate::run_dir::lost::Lost;
use crate::run_dir::{Error, layout};

/// The guarantees that a run in `folder` would lack. Leaves nothing behind.
///
/// # Errors
///
/// If an operation that every run needs fails there.
pub fn probe(folder: &Path) -> Result<Vec<Lost>, Error> {
    let tried = tempfile::Builder::new()
        .prefix(TEMPORARY_PREFIX)
        .tempdir_in(folder)
        .map_err(IoError::at("write to", folder))?;
    let [before, after] = ["before", "after"].map(|name| tried.path().join(name));
    fs::create_dir(&before).map_err(IoError::at("create", &before))?;
    let lock = Lock::acquire(&before)?;
    let file = before.join(layout::METRICS);
    files::create(&file, b"\n")?;
    // A run directory gets its name once it is whole.
    fs::rename(&before, &after).map_err(IoError::at("create", &after))?;
    let file = after.join(layout::METRICS);
    files::append(&file, "\n", |_| false)?;
    files::replace(&file, b"\n")?;
    lock.confirm(&after)?;
    Ok(Lost::of(&after, &lock))
}
