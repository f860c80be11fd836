//! A new run directory.

use std::fs;
use std::io;
use std::path::Path;
use std::time::{Duration, SystemTime};

use super::sequence::Turn;
use super::writer::Writer;
use crate::files::{self, IoError, TEMPORARY_PREFIX};
use crate::run_dir::format::checkpoint::{Checkpoint, State};
use crate::run_dir::format::data_csv::{self, ImageFile};
use crate::run_dir::format::events::{self, Event};
use crate::run_dir::format::run_json::Identity;
use crate::run_dir::format::{metrics_csv, timing_csv};
use crate::run_dir::lock::Lock;
use crate::run_dir::{Error, layout, now, time};

/// What a run directory is made from.
pub struct NewRun<'a> {
    /// The folder that holds the run directories.
    pub out: &'a Path,
    /// Its id, which is the name of its directory; made of the time, the name and four letters unless given.
    pub id: Option<&'a str>,
    /// Complete but for the id, the time of creation and the place among other runs.
    pub identity: Identity,
    /// The config as the user typed it.
    pub config_text: &'a str,
    /// The config with every value spelled out.
    pub resolved_text: &'a str,
    /// The image files, where each image has one.
    pub images: &'a [ImageFile],
    /// What a fork begins with; its [`State`] but for rows and position is made the new run's.
    pub start: Option<&'a Checkpoint>,
}

/// The age from which a run removes the unfinished folder of another one that was killed.
const STALE: Duration = Duration::from_secs(3600);

impl Writer {
    /// Makes a run directory: complete under a temporary name, then renamed into place.
    ///
    /// # Errors
    ///
    /// If it cannot be written; nothing of it is left then.
    pub fn create(new: NewRun<'_>) -> Result<Self, Error> {
        let (out, id) = (new.out, new.id);
        let mut identity = new.identity.clone();
        files::create_folders(out)?;
        remove_stale(out);
        let time = time();
        identity.created_at = now();
        loop {
            let tail = tempfile::Builder::new()
                .prefix(TEMPORARY_PREFIX)
                .rand_bytes(4)
                .tempdir_in(out)
                .map_err(IoError::at("create a folder in", out))?;
            let unique = tail.path().to_string_lossy();
            let unique = unique[unique.len() - 4..].to_lowercase();
            identity.run_id = match id {
                Some(id) => id.to_owned(),
                None => {
                    let time = time.format("%Y%m%d-%H%M%S");
                    format!("{time}-{}-{unique}", identity.name)
                }
            };
            let temporary = tail.path();
            let lock = fill(temporary, &new)?;
            let start = new.start.map(|start| adopted(start, &identity));
            if let Some(start) = &start {
                write_start(temporary, start)?;
            }
            let turn = Turn::take(out)?;
            identity.sequence = turn.sequence;
            let text = identity.text();
            files::write_synced(&temporary.join(layout::IDENTITY), text.as_bytes())?;
            files::sync_folder(temporary)?;
            let folder = out.join(&identity.run_id);
            match fs::rename(temporary, &folder) {
                // Another run took the same second and the same four letters.
                Err(error)
                    if id.is_none()
                        && matches!(
                            error.kind(),
                            io::ErrorKind::AlreadyExists | io::ErrorKind::DirectoryNotEmpty
                        ) => {}
                Err(error) => return Err(IoError::new("create", folder, error).into()),
                Ok(()) => {
                    let _ = tail.keep();
                    files::sync_folder(out)?;
                    if identity.reproduces.is_none() {
                        link_latest(out, &identity.run_id);
                    }
                    let mut run = Self::new(folder, identity, lock, 1);
                    if let Some(start) = start {
                        run.previous = Some(start.digest());
                        run.metrics = start.state.metrics;
                    }
                    return Ok(run);
                }
            }
        }
    }
}

/// Writes everything a run begins with but for its run.json, and takes its lock.
fn fill(folder: &Path, new: &NewRun<'_>) -> Result<Lock, Error> {
    let lock = Lock::acquire(folder)?;
    for (name, text) in [
        (layout::CONFIG, new.config_text),
        (layout::RESOLVED, new.resolved_text),
        (layout::METRICS, &metrics_csv::header()),
        (layout::TIMING, &timing_csv::header()),
    ] {
        files::write_synced(&folder.join(name), text.as_bytes())?;
    }
    if !new.images.is_empty() {
        let text = data_csv::text(new.images);
        files::write_synced(&folder.join(layout::DATA), text.as_bytes())?;
    }
    events::append(folder, Event::Created)?;
    let checkpoints = folder.join(layout::CHECKPOINTS);
    fs::create_dir(&checkpoints).map_err(IoError::at("create", &checkpoints))?;
    open_up(folder)?;
    Ok(lock)
}

/// Lets others read a temporary folder, which is made for the owner alone, as any other folder.
pub(super) fn open_up(folder: &Path) -> Result<(), Error> {
    #[cfg(unix)]
    {
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        match fs::set_permissions(folder, mode) {
            // The file system has permissions of its own.
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::Unsupported | io::ErrorKind::PermissionDenied
                ) => {}
            other => other.map_err(IoError::at("open up", folder))?,
        }
    }
    Ok(())
}

/// The checkpoint of another run as the first of this one.
fn adopted(start: &Checkpoint, identity: &Identity) -> Checkpoint {
    Checkpoint {
        state: State {
            format: identity.format,
            run_id: identity.run_id.clone(),
            config_digest: identity.config_digest.clone(),
            data_digest: identity.data_digest.clone(),
            class_names: identity.class_names.clone(),
            position: start.state.position.clone(),
            metrics: start.state.metrics.clone(),
            previous: identity.parent.as_ref().map(|parent| parent.digest.clone()),
        },
        arrays: start.arrays.clone(),
    }
}

/// Writes the first checkpoint of a fork and the rows that are in it.
fn write_start(folder: &Path, start: &Checkpoint) -> Result<(), Error> {
    let rows = start.state.metrics.as_bytes();
    files::write_synced(&folder.join(layout::METRICS), rows)?;
    let checkpoints = folder.join(layout::CHECKPOINTS);
    let name = start.state.position.file_name();
    files::write_synced(&checkpoints.join(name), &start.encode())?;
    Ok(files::sync_folder(&checkpoints)?)
}

/// Removes the unfinished folders of runs that were killed, as far as it can.
pub(super) fn remove_stale(out: &Path) {
    for entry in fs::read_dir(out).into_iter().flatten().flatten() {
        let temporary = entry
            .file_name()
            .to_string_lossy()
            .starts_with(TEMPORARY_PREFIX);
        let age = entry
            .metadata()
            .and_then(|metadata| metadata.modified())
            .ok()
            .and_then(|modified| SystemTime::now().duration_since(modified).ok());
        if temporary && age.is_some_and(|age| age > STALE) && !Lock::is_held(&entry.path()) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

/// Makes the link to the newest run, if it can: it is a convenience.
pub(super) fn link_latest(out: &Path, run_id: &str) {
    #[cfg(unix)]
    {
        let temporary = out.join(format!("{}{run_id}", TEMPORARY_PREFIX));
        let linked = std::os::unix::fs::symlink(run_id, &temporary)
            .and_then(|()| fs::rename(&temporary, out.join(layout::LATEST)));
        if linked.is_err() {
            let _ = fs::remove_file(&temporary);
        }
    }
}
