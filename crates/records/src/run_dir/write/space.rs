//! Whether the disk has room for what a run will keep.

use std::fs;
use std::io;
use std::path::Path;

use crate::config;
use crate::files::IoError;
use crate::run_dir::Error;

/// Everything in a run directory but its checkpoints and predictions, for a run of usual length.
const REST_BYTES: u64 = 256 << 10;

/// A row of predictions.csv.
const PREDICTION_BYTES: u64 = 100;

/// Bytes that a run directory takes at most: the checkpoints that the policy keeps, the one being
/// written, and the predictions for so many images. `checkpoint_bytes` is the size of one.
pub fn needed(checkpoint_bytes: u64, eval_images: usize, policy: &config::Checkpoint) -> u64 {
    let kept = (policy.keep_last as u64).saturating_add(policy.keep_best as u64);
    checkpoint_bytes
        .saturating_mul(kept.saturating_add(1))
        .saturating_add(PREDICTION_BYTES * eval_images as u64)
        .saturating_add(REST_BYTES)
}

/// Refuses to start where what is [`needed`] would not fit.
///
/// # Errors
///
/// [`Error::NoSpace`], or if the folder cannot be made.
pub fn check(
    out: &Path,
    checkpoint_bytes: u64,
    eval_images: usize,
    policy: &config::Checkpoint,
) -> Result<(), Error> {
    fs::create_dir_all(out).map_err(IoError::at("create", out))?;
    compare(out, needed(checkpoint_bytes, eval_images, policy))
}

/// Holds the bytes that are needed against those that are free in a folder, which need not be there yet.
///
/// # Errors
///
/// [`Error::NoSpace`], or if a file is in the place of the folder.
pub fn compare(out: &Path, needed: u64) -> Result<(), Error> {
    let there = out.ancestors().find(|path| path.exists());
    if let Some(file) = there.filter(|path| !path.is_dir()) {
        let source = io::ErrorKind::NotADirectory.into();
        return Err(IoError::new("create", file, source).into());
    }
    match available(out) {
        Some(available) if available < needed => Err(Error::NoSpace {
            path: out.to_owned(),
            needed,
            available,
        }),
        _ => Ok(()),
    }
}

/// Bytes that this user may still write to a folder, or where it would be made; `None` where the
/// system does not say.
#[cfg(unix)]
pub fn available(folder: &Path) -> Option<u64> {
    let folder = folder.ancestors().find(|folder| folder.is_dir());
    let folder = folder.unwrap_or(Path::new("."));
    let status = rustix::fs::statvfs(folder).ok()?;
    Some(status.f_bavail.saturating_mul(status.f_frsize))
}

#[cfg(not(unix))]
pub fn available(_folder: &Path) -> Option<u64> {
    None
}
