//! The one process that writes to a run.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::checkpoint::{Checkpoint, Damage, Position, State, order_of};
use super::events::{self, Event, append_durably};
use super::identity::{FORMAT, Identity};
use super::lock::Lock;
use super::retention::{RankedCheckpoint, Retention, superfluous};
use super::table::MetricsTable;
use super::{Error, atomic, layout};
use crate::array::Arrays;
use crate::config;
use crate::metrics::{COLUMNS, EpochRecord};

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
    lock: Lock,
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

/// What a run goes on from, and what it could not go on from.
#[derive(Debug, Default)]
pub struct Recovered {
    /// `None`: from the start.
    pub checkpoint: Option<Checkpoint>,
    /// Files that were put aside, with the reason.
    pub damaged: Vec<(String, String)>,
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

impl Writer {
    /// Takes the lock of a run and reads who it is; changes nothing else yet.
    pub fn lock(folder: &Path) -> Result<Self, Error> {
        let identity = Identity::read(folder)?;
        let lock = Lock::acquire(folder)?;
        let attempt = events::read(folder)?
            .iter()
            .filter(|event| matches!(event, Event::Created | Event::Resumed { .. }))
            .count();
        Ok(Self::new(folder.to_owned(), identity, lock, attempt + 1))
    }

    pub(super) fn new(folder: PathBuf, identity: Identity, lock: Lock, attempt: usize) -> Self {
        Self {
            folder,
            identity,
            metrics: metrics_header(),
            previous: None,
            attempt,
            lock,
        }
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
    /// Without one the run was stopped before its first; where one must have been, it refuses.
    /// Safe to be killed anywhere.
    pub fn recover(&mut self, policy: &config::Checkpoint) -> Result<Recovered, Error> {
        let checkpoints = self.folder.join(layout::CHECKPOINTS);
        let names = checkpoint_names(&self.folder)?;
        atomic::remove_temporaries(&self.folder)?;
        atomic::remove_temporaries(&checkpoints)?;
        let mut recovered = Recovered::default();
        for name in names.iter().rev() {
            let path = checkpoints.join(name);
            let reason = match Checkpoint::read(&path) {
                Ok((checkpoint, digest)) => match checkpoint.misplaced(name, &self.identity) {
                    None => {
                        self.metrics.clone_from(&checkpoint.state.metrics);
                        self.previous = Some(digest);
                        recovered.checkpoint = Some(checkpoint);
                        break;
                    }
                    Some(reason) => reason,
                },
                // That it cannot be read now does not say that it is damaged.
                Err(Damage::Unreadable(error)) => return Err(Error::io("read", &path, error)),
                Err(damage) => damage.to_string(),
            };
            self.quarantine(name)?;
            self.event(Event::FellBack {
                damaged: name.clone(),
                reason: reason.clone(),
            })?;
            recovered.damaged.push((name.clone(), reason));
        }
        if recovered.checkpoint.is_none() {
            self.refuse_to_start_over(policy)?;
        }
        self.restore_metrics()?;
        Ok(recovered)
    }

    /// A run without checkpoints may begin again only if it cannot have had any.
    fn refuse_to_start_over(&self, policy: &config::Checkpoint) -> Result<(), Error> {
        let damaged = self.folder.join(layout::CHECKPOINTS).join(layout::DAMAGED);
        let quarantined = fs::read_dir(damaged).is_ok_and(|mut entries| entries.next().is_some());
        let rows = MetricsTable::read(&self.folder.join(layout::METRICS));
        let rows = rows.map_or(0, |rows| rows.len()) as u64;
        let what = if quarantined {
            format!(
                "none of its checkpoints is whole; they lie in {}/{}",
                layout::CHECKPOINTS,
                layout::DAMAGED
            )
        } else if rows > policy.every_epochs {
            format!("its checkpoints are gone, though it has {rows} epochs")
        } else {
            return Ok(());
        };
        Err(Error::Damaged {
            path: self.folder.clone(),
            why: format!(
                "{what}\nput a good copy of one into {}, or start a new run",
                layout::CHECKPOINTS
            ),
        })
    }

    /// metrics.csv as it stands.
    pub fn metrics(&self) -> MetricsTable {
        MetricsTable::parse(&self.folder, &self.metrics).expect("the program wrote it itself")
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

    /// Whether one program version did all of it.
    pub fn is_reproducible(&self) -> Result<bool, Error> {
        let events = events::read(&self.folder)?;
        let changed = |event: &Event| matches!(event, Event::VersionChanged { .. });
        Ok(!events.iter().any(changed))
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
        self.lock.confirm(&self.folder)?;
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
                class_names: self.identity.class_names.clone(),
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
        let (written, digest) = Checkpoint::read(&path).map_err(|damage| match damage {
            Damage::Unreadable(error) => Error::io("read back", &path, error),
            damage => Error::Damaged {
                path: path.clone(),
                why: format!(
                    "the checkpoint just written does not read back: {damage}\ncheck the disk"
                ),
            },
        })?;
        if written != checkpoint {
            return Err(Error::Damaged {
                path,
                why: "the checkpoint just written reads back differently\ncheck the disk"
                    .to_owned(),
            });
        }
        self.previous = Some(digest);
        self.rotate(policy)
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
        let table = self.metrics();
        let ranked: Vec<RankedCheckpoint> = checkpoint_names(&self.folder)?
            .into_iter()
            .map(|file_name| {
                let value = match order_of(&file_name) {
                    Some((step, u64::MAX)) => (0..table.len())
                        .find(|row| table.get(*row, "step") == Some(step as f64))
                        .and_then(|row| table.get(row, &policy.monitor)),
                    _ => None,
                };
                RankedCheckpoint { file_name, value }
            })
            .collect();
        let retention = Retention {
            keep_last: policy.keep_last,
            keep_best: policy.keep_best,
            mode: policy.mode,
        };
        for name in superfluous(&ranked, retention) {
            let path = checkpoints.join(name);
            fs::remove_file(&path).map_err(|error| Error::io("remove", &path, error))?;
        }
        Ok(())
    }
}

/// The names of all checkpoint files, in the order of writing.
pub fn checkpoint_names(folder: &Path) -> Result<Vec<String>, Error> {
    let checkpoints = folder.join(layout::CHECKPOINTS);
    let unreadable = |error: io::Error| match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => Error::Damaged {
            path: folder.to_owned(),
            why: format!(
                "its folder {} is gone\nput it back, or start a new run",
                layout::CHECKPOINTS
            ),
        },
        _ => Error::io("read", &checkpoints, error),
    };
    let mut names = Vec::new();
    for entry in fs::read_dir(&checkpoints).map_err(unreadable)? {
        let name = entry.map_err(unreadable)?.file_name();
        let name = name.to_string_lossy().into_owned();
        if order_of(&name).is_some() {
            names.push(name);
        }
    }
    names.sort_by_key(|name| order_of(name));
    Ok(names)
}

pub(super) fn metrics_header() -> String {
    let names: Vec<&str> = COLUMNS.iter().map(|column| column.name).collect();
    csv_line(&names)
}

pub(super) fn csv_line<T: AsRef<[u8]>>(cells: &[T]) -> String {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer
        .write_record(cells)
        .expect("a vector takes any bytes");
    let bytes = writer.into_inner().expect("a vector takes any bytes");
    String::from_utf8(bytes).expect("CSV of text is text")
}
