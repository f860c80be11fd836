//! Taking a run directory away, or those of its checkpoints that nobody needs.

use std::fs;
use std::path::{Path, PathBuf};

use super::create::link_latest;
use super::writer::Writer;
use crate::files::{self, IoError, TEMPORARY_PREFIX};
use crate::run_dir::format::events::Event;
use crate::run_dir::lock::Lock;
use crate::run_dir::read::checkpoints::{best_checkpoint, checkpoint_names};
use crate::run_dir::read::resolve::in_order;
use crate::run_dir::{Error, Run, Status, layout};

/// Removes a run directory. It first gets a hidden name, so that it is there as a whole or not at all; what a crash leaves
/// under that name goes with the next run of the folder.
///
/// # Errors
///
/// [`Error::NotARun`]; [`Error::Locked`] if a process works on the run; [`Error::Io`].
pub fn remove(folder: &Path) -> Result<(), Error> {
    let folder = &fs::canonicalize(folder).map_err(IoError::at("find", folder))?;
    if !folder.join(layout::IDENTITY).is_file() {
        return Err(Error::NotARun {
            path: folder.clone(),
            why: format!("not a run directory: it has no {}", layout::IDENTITY),
        });
    }
    let _lock = Lock::acquire(folder)?;
    let out = files::folder_of(folder);
    let hidden = tempfile::Builder::new()
        .prefix(TEMPORARY_PREFIX)
        .rand_bytes(4)
        .tempdir_in(out)
        .map_err(IoError::at("create a folder in", out))?;
    let renamed = fs::rename(folder, hidden.path().join("run"));
    renamed.map_err(IoError::at("remove", folder))?;
    relink(out, folder);
    files::sync_folder(out)?;
    let path = hidden.keep();
    fs::remove_dir_all(&path).map_err(IoError::at("remove", &path))?;
    Ok(())
}

/// Lets the link to the newest run lead to the newest of those that are left, if it led to this one.
fn relink(out: &Path, removed: &Path) {
    let link = out.join(layout::LATEST);
    if fs::read_link(&link).ok().as_deref() != removed.file_name().map(Path::new) {
        return;
    }
    let mut runs = in_order(out).into_iter().rev();
    match runs.find(|(beginning, _)| !beginning.is_repetition()) {
        Some((beginning, _)) => link_latest(out, &beginning.run_id),
        // It is a convenience.
        None => drop(fs::remove_file(link)),
    }
}

/// The checkpoints of a finished run that are not needed any more, oldest first, with their sizes: all but the newest, the one
/// that a fork began with and, if it is to be kept, the best. Of a run that is not finished, none: a resume may need them.
///
/// # Errors
///
/// If the run's rows or its folder of checkpoints cannot be read.
pub fn unneeded_checkpoints(run: &Run, keep_best: bool) -> Result<Vec<(PathBuf, u64)>, Error> {
    if run.status != Status::Finished {
        return Ok(Vec::new());
    }
    let mut names = checkpoint_names(&run.folder)?;
    names.pop();
    let metrics = run.metrics().map_err(|error| Error::Damaged {
        path: run.folder.clone(),
        why: error.to_string(),
    })?;
    let best = match keep_best {
        true => best_checkpoint(&run.folder, &metrics, &run.experiment.checkpoint.monitor)?,
        false => None,
    };
    let start = run
        .identity
        .parent
        .as_ref()
        .map(|parent| &parent.checkpoint);
    names.retain(|name| Some(name) != best.as_ref() && Some(name) != start);
    let folder = run.folder.join(layout::CHECKPOINTS);
    let paths = names.into_iter().map(|name| folder.join(name));
    let sized = paths.map(|path| {
        let size = fs::metadata(&path).map_or(0, |metadata| metadata.len());
        (path, size)
    });
    Ok(sized.collect())
}

/// Deletes the checkpoints that [`unneeded_checkpoints`] names, under the run's lock, and notes it in the events.
///
/// # Errors
///
/// [`Error::Locked`] if a process works on the run; [`Error::Io`].
pub fn prune(folder: &Path, keep_best: bool) -> Result<(), Error> {
    let writer = Writer::lock(folder)?;
    let mut run = Run::open(folder)?;
    // With its lock held by this process, the run counts as running.
    if Status::is_finished(folder) {
        run.status = Status::Finished;
    }
    let unneeded = unneeded_checkpoints(&run, keep_best)?;
    if unneeded.is_empty() {
        return Ok(());
    }
    let names = unneeded.iter().filter_map(|(path, _)| path.file_name());
    let names = names.map(|name| name.to_string_lossy().into_owned());
    writer.event(Event::Pruned {
        checkpoints: names.collect(),
    })?;
    for (path, _) in &unneeded {
        fs::remove_file(path).map_err(IoError::at("remove", path))?;
    }
    Ok(files::sync_folder(&folder.join(layout::CHECKPOINTS))?)
}
