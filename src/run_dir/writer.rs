//! The one process that writes to a run.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use serde::Serialize;

use super::checkpoint::{Checkpoint, Position, State, order_of};
use super::events::{self, Event, append_durably};
use super::identity::{FORMAT, Identity};
use super::lock::Lock;
use super::retention::{Candidate, superfluous};
use super::table::MetricsTable;
use super::{Error, atomic, layout, now};
use crate::array::Arrays;
use crate::config;
use crate::metrics::{COLUMNS, ConfusionMatrix, EpochRecord};

/// Holds the run's lock while it lives.
#[derive(Debug)]
pub struct Writer {
    folder: PathBuf,
    identity: Identity,
    /// The whole of metrics.csv.
    metrics: String,
    /// Digest of the newest checkpoint.
    previous: Option<String>,
    /// How many processes have worked on the run, this one included.
    attempt: usize,
    _lock: Lock,
}

/// What a run directory is made from.
pub struct NewRun<'a> {
    /// The folder that holds the run directories.
    pub out: &'a Path,
    /// Complete but for the run's id.
    pub identity: Identity,
    pub config_text: &'a str,
    pub resolved_text: &'a str,
}

/// One row of timing.csv: what an epoch cost. Images and seconds are of this attempt alone.
#[derive(Debug, Clone, Serialize)]
pub struct Timing {
    pub epoch: u64,
    pub attempt: usize,
    pub train_seconds: f64,
    pub train_images_per_second: f64,
    pub eval_seconds: f64,
    pub eval_images_per_second: f64,
    /// Empty where the epoch ended without a checkpoint.
    pub checkpoint_seconds: Option<f64>,
    /// Of the process so far; empty where the system does not say.
    pub peak_memory_bytes: Option<u64>,
    pub finished_at: String,
}

/// What the network says of one evaluation image.
#[derive(Debug, Clone, PartialEq)]
pub struct Prediction {
    pub label: u32,
    pub prediction: u32,
    /// The softmax probability of the prediction.
    pub probability: f32,
}

/// train.log. It is a convenience: a failure to write it stops nothing.
#[derive(Debug)]
pub struct Log(Option<fs::File>);

impl Log {
    pub fn line(&mut self, text: &str) {
        if let Some(file) = &mut self.0 {
            let _ = writeln!(file, "{text}");
        }
    }
}

/// What is left at the end of a run.
pub struct Results<'a> {
    pub report: &'a str,
    pub confusion: &'a ConfusionMatrix,
    pub predictions: &'a [Prediction],
    /// The file that the evaluation images came from.
    pub eval_source: &'a str,
    pub epochs: u64,
    pub step: u64,
    pub monitor: &'a config::Checkpoint,
}

/// A folder that a killed `run` left half-made is removed by a later one when it is this old.
const STALE: Duration = Duration::from_secs(3600);

impl Writer {
    /// Makes a run directory: complete under a temporary name, then renamed into place.
    pub fn create(new: NewRun<'_>) -> Result<Self, Error> {
        let NewRun {
            out,
            mut identity,
            config_text,
            resolved_text,
        } = new;
        fs::create_dir_all(out).map_err(|error| Error::io("create", out, error))?;
        remove_stale(out);
        let time = chrono::Utc::now();
        loop {
            let tail = tempfile::Builder::new()
                .prefix(layout::TEMPORARY_PREFIX)
                .rand_bytes(4)
                .tempdir_in(out)
                .map_err(|error| Error::io("create a folder in", out, error))?;
            let unique = tail.path().to_string_lossy();
            let unique = unique[unique.len() - 4..].to_lowercase();
            identity.run_id = format!(
                "{}-{}-{unique}",
                time.format("%Y%m%d-%H%M%S"),
                identity.name
            );
            identity.created_at = now();
            let temporary = tail.path();
            let lock = fill(temporary, &identity, config_text, resolved_text)?;
            let folder = out.join(&identity.run_id);
            match fs::rename(temporary, &folder) {
                // Another run took the same second and the same four letters.
                Err(error)
                    if matches!(
                        error.kind(),
                        io::ErrorKind::AlreadyExists | io::ErrorKind::DirectoryNotEmpty
                    ) => {}
                Err(error) => return Err(Error::io("create", &folder, error)),
                Ok(()) => {
                    let _ = tail.keep();
                    atomic::sync_folder(out)?;
                    link_latest(out, &identity.run_id);
                    return Ok(Self {
                        folder,
                        identity,
                        metrics: metrics_header(),
                        previous: None,
                        attempt: 1,
                        _lock: lock,
                    });
                }
            }
        }
    }

    /// Takes the lock of a run and reads who it is; changes nothing else yet.
    pub fn lock(folder: &Path) -> Result<Self, Error> {
        let identity = Identity::read(folder)?;
        let lock = Lock::acquire(folder)?;
        let attempt = events::read(folder)
            .iter()
            .filter(|event| matches!(event, Event::Created | Event::Resumed { .. }))
            .count();
        Ok(Self {
            folder: folder.to_owned(),
            identity,
            metrics: metrics_header(),
            previous: None,
            attempt: attempt + 1,
            _lock: lock,
        })
    }

    pub fn folder(&self) -> &Path {
        &self.folder
    }

    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    pub fn attempt(&self) -> usize {
        self.attempt
    }

    /// Brings the directory into the state of its newest good checkpoint and gives that.
    ///
    /// `None`: the run was stopped before its first one. Safe to be killed anywhere.
    pub fn recover(&mut self) -> Result<Option<Checkpoint>, Error> {
        let checkpoints = self.folder.join(layout::CHECKPOINTS);
        atomic::remove_temporaries(&self.folder)?;
        atomic::remove_temporaries(&checkpoints)?;
        let names = checkpoint_names(&self.folder)?;
        let mut newest = None;
        for name in names.iter().rev() {
            let path = checkpoints.join(name);
            let reason = match Checkpoint::read(&path) {
                Ok((checkpoint, digest)) => match self.foreign(&checkpoint.state) {
                    None => {
                        newest = Some((checkpoint, digest));
                        break;
                    }
                    Some(reason) => reason,
                },
                Err(damage) => damage.to_string(),
            };
            self.quarantine(name)?;
            self.event(Event::FellBack {
                damaged: name.clone(),
                reason,
            })?;
        }
        let quarantined = fs::read_dir(checkpoints.join(layout::DAMAGED))
            .is_ok_and(|mut entries| entries.next().is_some());
        if newest.is_none() && quarantined {
            return Err(Error::Damaged {
                path: self.folder.clone(),
                why: format!(
                    "none of its checkpoints is whole; they lie in {}/{}\nput a good copy of one \
                     back into {}, or start a new run",
                    layout::CHECKPOINTS,
                    layout::DAMAGED,
                    layout::CHECKPOINTS,
                ),
            });
        }
        let checkpoint = newest.map(|(checkpoint, digest)| {
            self.metrics.clone_from(&checkpoint.state.metrics);
            self.previous = Some(digest);
            checkpoint
        });
        self.restore_metrics()?;
        Ok(checkpoint)
    }

    /// Adds a row to metrics.csv.
    pub fn append_epoch(&mut self, record: &EpochRecord) -> Result<(), Error> {
        let row = csv_line(&record.cells());
        append_durably(&self.folder.join(layout::METRICS), &row)?;
        self.metrics.push_str(&row);
        Ok(())
    }

    /// Adds a row to timing.csv.
    pub fn append_timing(&self, timing: &Timing) -> Result<(), Error> {
        let mut writer = csv::WriterBuilder::new()
            .has_headers(false)
            .from_writer(Vec::new());
        writer.serialize(timing).expect("a timing is plain data");
        let row = writer.into_inner().expect("a vector takes any bytes");
        let row = String::from_utf8(row).expect("CSV of text is text");
        append_durably(&self.folder.join(layout::TIMING), &row)
    }

    /// train.log, for whoever shows what goes on.
    pub fn log(&self) -> Log {
        let path = self.folder.join(layout::LOG);
        let file = fs::OpenOptions::new().create(true).append(true).open(path);
        Log(file.ok())
    }

    pub fn event(&self, event: Event) -> Result<(), Error> {
        events::append(&self.folder, event)
    }

    /// Writes a checkpoint, reads it back, and only then deletes those it makes superfluous.
    pub fn commit(
        &mut self,
        position: &Position,
        arrays: Arrays,
        policy: &config::Checkpoint,
    ) -> Result<(), Error> {
        if let Some((name, _)) = arrays.iter().find(|(_, array)| !array.is_finite()) {
            return Err(Error::NotFinite {
                array: name.clone(),
            });
        }
        let path = self
            .folder
            .join(layout::CHECKPOINTS)
            .join(position.file_name());
        let checkpoint = Checkpoint {
            state: State {
                format: FORMAT,
                run_id: self.identity.run_id.clone(),
                config_digest: self.identity.config_digest.clone(),
                data_digest: self.identity.data_digest.clone(),
                position: position.clone(),
                metrics: self.metrics.clone(),
                previous: self.previous.clone(),
            },
            arrays,
        };
        if path.exists() {
            return self.confirm_existing(&path, &checkpoint);
        }
        atomic::create(&path, &checkpoint.encode())?;
        let (written, digest) = Checkpoint::read(&path).map_err(|damage| Error::Damaged {
            path: path.clone(),
            why: format!(
                "the checkpoint just written does not read back: {damage}\ncheck the disk"
            ),
        })?;
        debug_assert_eq!(written, checkpoint);
        self.previous = Some(digest);
        self.rotate(policy)
    }

    /// Writes the report and its tables, then result.json, which makes the run finished.
    pub fn finish(&self, results: &Results<'_>) -> Result<(), Error> {
        let path = |name: &str| self.folder.join(name);
        atomic::replace(&path(layout::REPORT), results.report.as_bytes())?;
        let confusion = confusion_csv(results.confusion, &self.identity.class_names);
        atomic::replace(&path(layout::CONFUSION), confusion.as_bytes())?;
        let predictions = predictions_csv(results);
        atomic::replace(&path(layout::PREDICTIONS), predictions.as_bytes())?;
        self.event(Event::Finished { step: results.step })?;
        let text = self.result_json(results)?;
        atomic::replace(&path(layout::RESULT), text.as_bytes())
    }

    /// Takes the finished mark away, because the run is to go on.
    pub fn reopen(&self) -> Result<(), Error> {
        let path = self.folder.join(layout::RESULT);
        match fs::remove_file(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(Error::io("remove", &path, error)),
            Ok(()) => atomic::sync_folder(&self.folder),
        }
    }

    /// Why a whole checkpoint is not this run's.
    fn foreign(&self, state: &State) -> Option<String> {
        let identity = &self.identity;
        [
            ("run", &state.run_id, &identity.run_id),
            ("config", &state.config_digest, &identity.config_digest),
            ("data set", &state.data_digest, &identity.data_digest),
        ]
        .into_iter()
        .find(|(_, its, ours)| its != ours)
        .map(|(what, ..)| format!("it belongs to another {what}"))
    }

    fn quarantine(&self, name: &str) -> Result<(), Error> {
        let checkpoints = self.folder.join(layout::CHECKPOINTS);
        let damaged = checkpoints.join(layout::DAMAGED);
        fs::create_dir_all(&damaged).map_err(|error| Error::io("create", &damaged, error))?;
        // The same step may have been damaged before; nothing is ever overwritten.
        let target = (0..)
            .map(|n| match n {
                0 => damaged.join(name),
                n => damaged.join(format!("{name}.{n}")),
            })
            .find(|target| !target.exists())
            .expect("the numbers do not end");
        let path = checkpoints.join(name);
        fs::rename(&path, &target).map_err(|error| Error::io("put aside", &path, error))?;
        atomic::sync_folder(&damaged)?;
        atomic::sync_folder(&checkpoints)
    }

    /// Rows after the checkpoint, or a row that a crash has cut, will be written again.
    fn restore_metrics(&self) -> Result<(), Error> {
        let path = self.folder.join(layout::METRICS);
        if fs::read(&path).is_ok_and(|bytes| bytes == self.metrics.as_bytes()) {
            return Ok(());
        }
        atomic::replace(&path, self.metrics.as_bytes())?;
        self.event(Event::MetricsRestored {
            rows: self.metrics.lines().count() - 1,
        })
    }

    /// A position whose checkpoint is there already must have come out the same.
    fn confirm_existing(&self, path: &Path, checkpoint: &Checkpoint) -> Result<(), Error> {
        let same = Checkpoint::read(path).is_ok_and(|(existing, _)| {
            existing.arrays == checkpoint.arrays
                && existing.state.position == checkpoint.state.position
        });
        if same {
            return Ok(());
        }
        Err(Error::Damaged {
            path: path.to_owned(),
            why: "this step came out differently before; the run is not reproducible here\n\
                  start a new run, and report the machine if it happens again"
                .to_owned(),
        })
    }

    fn rotate(&self, policy: &config::Checkpoint) -> Result<(), Error> {
        let checkpoints = self.folder.join(layout::CHECKPOINTS);
        let table = MetricsTable::parse(&self.folder, &self.metrics).unwrap_or_default();
        let candidates: Vec<Candidate> = checkpoint_names(&self.folder)?
            .into_iter()
            .map(|file_name| {
                let value = match order_of(&file_name) {
                    Some((step, u64::MAX)) => (0..table.len())
                        .find(|row| table.get(*row, "step") == Some(step as f64))
                        .and_then(|row| table.get(row, &policy.monitor)),
                    _ => None,
                };
                Candidate { file_name, value }
            })
            .collect();
        for name in superfluous(&candidates, policy) {
            let path = checkpoints.join(name);
            fs::remove_file(&path).map_err(|error| Error::io("remove", &path, error))?;
        }
        Ok(())
    }

    fn result_json(&self, results: &Results<'_>) -> Result<String, Error> {
        let table = MetricsTable::parse(&self.folder, &self.metrics).unwrap_or_default();
        let row = |row: usize| -> serde_json::Map<String, serde_json::Value> {
            COLUMNS
                .iter()
                .filter(|column| **column != "digest")
                .map(|column| {
                    let value = table.get(row, column);
                    let count = value.filter(|_| matches!(*column, "epoch" | "step"));
                    let value = match count {
                        Some(count) => (count as u64).into(),
                        None => value.into(),
                    };
                    ((*column).to_owned(), value)
                })
                .collect()
        };
        let policy = results.monitor;
        let best = table.best(&policy.monitor, policy.mode == "max");
        let value = serde_json::json!({
            "run_id": self.identity.run_id,
            "epochs": results.epochs,
            "step": results.step,
            "last": table.len().checked_sub(1).map(row),
            "monitor": policy.monitor,
            "best": best.map(row),
            "finished_at": now(),
        });
        Ok(format!("{value:#}\n"))
    }
}

impl Identity {
    pub fn read(folder: &Path) -> Result<Self, Error> {
        let path = folder.join(layout::IDENTITY);
        let not_a_run = |why: String| Error::NotARun {
            path: folder.to_owned(),
            why,
        };
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(_) if !folder.exists() => return Err(not_a_run("no such run".to_owned())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(not_a_run(format!(
                    "no run directory, it has no {}",
                    layout::IDENTITY
                )));
            }
            Err(error) => return Err(Error::io("read", &path, error)),
        };
        let identity: Self = serde_json::from_str(&text)
            .map_err(|error| not_a_run(format!("{} is damaged: {error}", layout::IDENTITY)))?;
        if identity.format != FORMAT {
            return Err(not_a_run(format!(
                "its format is {}, this program reads {FORMAT}",
                identity.format
            )));
        }
        Ok(identity)
    }
}

/// Everything a run begins with, and its lock.
fn fill(
    folder: &Path,
    identity: &Identity,
    config_text: &str,
    resolved_text: &str,
) -> Result<Lock, Error> {
    let lock = Lock::acquire(folder)?;
    let mut json = serde_json::to_string_pretty(identity).expect("an identity is plain data");
    json.push('\n');
    let timing = "epoch,attempt,train_seconds,train_images_per_second,eval_seconds,\
                  eval_images_per_second,checkpoint_seconds,peak_memory_bytes,finished_at\n";
    for (name, text) in [
        (layout::CONFIG, config_text),
        (layout::RESOLVED, resolved_text),
        (layout::IDENTITY, &json),
        (layout::METRICS, &metrics_header()),
        (layout::TIMING, timing),
    ] {
        atomic::create(&folder.join(name), text.as_bytes())?;
    }
    events::append(folder, Event::Created)?;
    let checkpoints = folder.join(layout::CHECKPOINTS);
    fs::create_dir(&checkpoints).map_err(|error| Error::io("create", &checkpoints, error))?;
    #[cfg(unix)]
    {
        // Temporary folders are made for the owner alone; a run directory is like any other.
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        fs::set_permissions(folder, mode).map_err(|error| Error::io("open up", folder, error))?;
    }
    atomic::sync_folder(folder)?;
    Ok(lock)
}

/// Best effort: what cannot be removed now is left for later.
fn remove_stale(out: &Path) {
    for entry in fs::read_dir(out).into_iter().flatten().flatten() {
        let temporary = entry
            .file_name()
            .to_string_lossy()
            .starts_with(layout::TEMPORARY_PREFIX);
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

/// Best effort: the link is a convenience.
fn link_latest(out: &Path, run_id: &str) {
    #[cfg(unix)]
    {
        let temporary = out.join(format!("{}{run_id}", layout::TEMPORARY_PREFIX));
        let linked = std::os::unix::fs::symlink(run_id, &temporary)
            .and_then(|()| fs::rename(&temporary, out.join(layout::LATEST)));
        if linked.is_err() {
            let _ = fs::remove_file(&temporary);
        }
    }
}

/// The names of all checkpoint files, in the order of writing.
fn checkpoint_names(folder: &Path) -> Result<Vec<String>, Error> {
    let checkpoints = folder.join(layout::CHECKPOINTS);
    let entries =
        fs::read_dir(&checkpoints).map_err(|error| Error::io("read", &checkpoints, error))?;
    let mut names: Vec<String> = entries
        .flatten()
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .filter(|name| order_of(name).is_some())
        .collect();
    names.sort_by_key(|name| order_of(name));
    Ok(names)
}

fn metrics_header() -> String {
    csv_line(&COLUMNS)
}

fn csv_line<T: AsRef<[u8]>>(cells: &[T]) -> String {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer
        .write_record(cells)
        .expect("a vector takes any bytes");
    let bytes = writer.into_inner().expect("a vector takes any bytes");
    String::from_utf8(bytes).expect("CSV of text is text")
}

/// Rows are the truth, columns the prediction.
fn confusion_csv(matrix: &ConfusionMatrix, class_names: &[String]) -> String {
    let mut header = vec!["label".to_owned()];
    header.extend(class_names.iter().cloned());
    let mut text = csv_line(&header);
    for (truth, name) in class_names.iter().enumerate() {
        let mut row = vec![name.clone()];
        row.extend((0..matrix.classes()).map(|class| matrix.count(truth, class).to_string()));
        text.push_str(&csv_line(&row));
    }
    text
}

fn predictions_csv(results: &Results<'_>) -> String {
    let mut text = csv_line(&["index", "path", "label", "prediction", "probability"]);
    for (index, row) in results.predictions.iter().enumerate() {
        text.push_str(&csv_line(&[
            &index.to_string(),
            results.eval_source,
            &row.label.to_string(),
            &row.prediction.to_string(),
            &row.probability.to_string(),
        ]));
    }
    text
}
