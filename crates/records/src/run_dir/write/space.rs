//! Whether the disk has room for what a run will keep.

use std::io;
use std::path::Path;

use super::probe::probe;
use crate::config;
use crate::files::{self, IoError};
use crate::run_dir::{Error, Lost};

/// Everything in a run directory but its checkpoints and predictions, for a run of usual length.
const REST_BYTES: u64 = 256 << 10;

/// A row of predictions.csv, without the probability of every class.
const PREDICTION_BYTES: u64 = 120;

/// The probability of a class in it.
const PROBABILITY_BYTES: u64 = 14;

/// Bytes of the predictions for `images` images, of the last epoch and of the best network, with a probability for each
/// of `classes` classes.
pub fn prediction_bytes(images: usize, classes: usize) -> u64 {
    2 * images as u64 * (PREDICTION_BYTES + PROBABILITY_BYTES * classes as u64)
}

/// Bytes that a run directory takes at most: the checkpoints that the policy keeps, the one being
/// written, and the predictions. `checkpoint_bytes` is the size of one.
pub fn needed(checkpoint_bytes: u64, prediction_bytes: u64, policy: &config::Checkpoint) -> u64 {
    let kept = (policy.keep_last as u64).saturating_add(policy.keep_best as u64);
    checkpoint_bytes
        .saturating_mul(kept.saturating_add(1))
        .saturating_add(prediction_bytes)
        .saturating_add(REST_BYTES)
}

/// Refuses to start where what is [`needed`] would not fit.
///
/// # Errors
///
/// [`Error::NoSpace`], or if the folder cannot be made.
pub fn check(out: &Path, needed: u64) -> Result<(), Error> {
    files::create_folders(out)?;
    compare(out, needed)
}

/// Whether a run could be made in a folder, which need not be there yet, and what it would not have there. Makes nothing
/// that stays.
///
/// # Errors
///
/// [`Error::NoSpace`], or if the folder cannot be made or written to.
pub fn check_room(out: &Path, needed: u64) -> Result<Vec<Lost>, Error> {
    let there = out.ancestors().find(|path| path.exists());
    if let Some(file) = there.filter(|path| !path.is_dir()) {
        let source = io::ErrorKind::NotADirectory.into();
        return Err(IoError::new("create", file, source).into());
    }
    let lost = probe(there.unwrap_or(Path::new(".")))?;
    compare(out, needed)?;
    Ok(lost)
}

/// Compares the bytes that are needed with those that are free.
fn compare(out: &Path, needed: u64) -> Result<(), Error> {
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
