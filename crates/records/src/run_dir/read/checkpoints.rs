//! The checkpoints of a run by their names.

use std::fs;
use std::io;
use std::path::Path;

use crate::files::IoError;
use crate::run_dir::format::checkpoint::{Checkpoint, Damage, Stage, WrittenAt};
use crate::run_dir::format::metrics_csv::MetricsTable;
use crate::run_dir::format::run_json::Identity;
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

/// The epochs at whose end there is a checkpoint, with the name of its file, in the order of writing; 0 stands for the
/// time before the first step.
///
/// # Errors
///
/// If the folder of checkpoints is gone or cannot be read.
pub fn epoch_checkpoints(
    folder: &Path,
    metrics: &MetricsTable,
) -> Result<Vec<(u64, String)>, Error> {
    let epoch_after = |step: u64| match step {
        0 => Some(0),
        step => (0..metrics.len())
            .find(|row| metrics.get(*row, "step") == Some(step as f64))
            .map(|row| row as u64 + 1),
    };
    let names = checkpoint_names(folder)?.into_iter();
    let of_epochs = names.filter_map(|name| match WrittenAt::of_file_name(&name)? {
        WrittenAt {
            step,
            stage: Stage::Done,
        } => Some((epoch_after(step)?, name)),
        _ => None,
    });
    Ok(of_epochs.collect())
}

/// A checkpoint of a run by the name of its file, with its digest.
///
/// # Errors
///
/// [`Error::Damaged`] if it is missing, damaged, or of another run; [`Error::Io`] if it cannot be read.
pub fn read_checkpoint(
    folder: &Path,
    name: &str,
    identity: &Identity,
) -> Result<(Checkpoint, String), Error> {
    let path = folder.join(layout::CHECKPOINTS).join(name);
    let why = match Checkpoint::read(&path) {
        Ok((checkpoint, digest)) => match checkpoint.misplaced(name, identity) {
            None => return Ok((checkpoint, digest)),
            Some(why) => why,
        },
        Err(Damage::Unreadable(error)) if error.kind() != io::ErrorKind::NotFound => {
            return Err(IoError::new("read", path, error).into());
        }
        Err(damage) => damage.to_string(),
    };
    Err(Error::Damaged {
        path,
        why: format!("{why}\nput an intact copy in its place, or use another checkpoint"),
    })
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
