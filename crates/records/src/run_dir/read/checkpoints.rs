//! The checkpoints of a run by their names.

use std::fs;
use std::io;
use std::path::Path;

use crate::files::IoError;
use crate::run_dir::format::checkpoint::{Stage, WrittenAt};
use crate::run_dir::format::metrics_csv::MetricsTable;
use crate::run_dir::{Error, layout};

/// The name of the checkpoint file of the epoch with the best value of a column of metrics.csv; `None` where no epoch
/// has one, or the file was deleted.
///
/// # Errors
///
/// If the folder of checkpoints is gone or cannot be read.
pub fn best_checkpoint(
    folder: &Path,
    metrics: &MetricsTable,
    monitor: &str,
) -> Result<Option<String>, Error> {
    let row = metrics.best(monitor);
    let Some(step) = row.and_then(|row| metrics.get(row, "step")) else {
        return Ok(None);
    };
    let best = WrittenAt {
        step: step as u64,
        stage: Stage::Done,
    };
    let mut names = checkpoint_names(folder)?.into_iter();
    Ok(names.find(|name| WrittenAt::of_file_name(name) == Some(best)))
}

/// The names of all checkpoint files of a run directory, in the order of writing.
///
/// # Errors
///
/// If the folder of checkpoints is gone or cannot be read.
pub fn checkpoint_names(folder: &Path) -> Result<Vec<String>, Error> {
    let checkpoints = folder.join(layout::CHECKPOINTS);
    let unreadable = |error: io::Error| match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => Error::Damaged {
            path: folder.to_owned(),
            why: format!(
                "its folder {} is missing\nput it back, or start a new run",
                layout::CHECKPOINTS
            ),
        },
        _ => IoError::new("read", &checkpoints, error).into(),
    };
    let mut names = Vec::new();
    for entry in fs::read_dir(&checkpoints).map_err(unreadable)? {
        let name = entry.map_err(unreadable)?.file_name();
        let name = name.to_string_lossy().into_owned();
        if WrittenAt::of_file_name(&name).is_some() {
            names.push(name);
        }
    }
    names.sort_by_key(|name| WrittenAt::of_file_name(name));
    Ok(names)
}
