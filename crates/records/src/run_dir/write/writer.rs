//! The one process that writes to a run.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use crate::files;
use crate::metrics::EpochRecord;
use crate::run_dir::format::checkpoint::Checkpoint;
use crate::run_dir::format::events::{self, Event};
use crate::run_dir::format::metrics_csv::{self, MetricsTable};
use crate::run_dir::format::run_json::Identity;
use crate::run_dir::format::timing_csv::Timing;
use crate::run_dir::lock::Lock;
use crate::run_dir::{Error, Lost, layout};

/// A run directory that this process writes to. Holds the run's lock while it lives.
#[derive(Debug)]
pub struct Writer {
    pub(super) folder: PathBuf,
    pub(super) identity: Identity,
    /// The whole of metrics.csv.
    pub(super) metrics: String,
    /// Digest of the newest checkpoint.
    pub(super) previous: Option<String>,
    /// How many processes have worked on the run, this one included.
    attempt: usize,
    pub(super) lock: Lock,
    /// What its file system cannot do.
    lost: Vec<Lost>,
}

/// What a run goes on from, and what it could not go on from.
#[derive(Debug, Default)]
pub struct Recovered {
    /// `None` if the run starts over.
    pub checkpoint: Option<Checkpoint>,
    /// Files that were put aside, with the reason.
    pub damaged: Vec<(String, String)>,
}

/// train.log. It is a convenience: a failure to write it stops nothing.
#[derive(Debug)]
pub struct Log(Option<fs::File>);

impl Log {
    /// Adds a line.
    pub fn line(&mut self, text: &str) {
        if let Some(file) = &mut self.0 {
            let _ = writeln!(file, "{text}");
        }
    }
}

impl Writer {
    /// Takes the lock of a run and reads what it is; changes nothing else yet.
    ///
    /// # Errors
    ///
    /// [`Error::NotARun`], [`Error::Locked`], or if a file cannot be read.
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
            lost: Lost::of(&folder, &lock),
            folder,
            identity,
            metrics: metrics_csv::header(),
            previous: None,
            attempt,
            lock,
        }
    }

    /// The run directory.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// What its run.json says.
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// How many processes have worked on the run, this one included.
    pub fn attempt(&self) -> usize {
        self.attempt
    }

    /// What the file system of the run directory cannot do.
    pub fn lost(&self) -> &[Lost] {
        &self.lost
    }

    /// metrics.csv as it stands.
    ///
    /// # Panics
    ///
    /// Never: the program wrote the text itself.
    pub fn metrics(&self) -> MetricsTable {
        MetricsTable::parse(&self.folder, &self.metrics).expect("the program wrote it itself")
    }

    /// Adds a row to metrics.csv, durably.
    ///
    /// # Errors
    ///
    /// If it cannot be written, or the lock was lost.
    pub fn append_epoch(&mut self, record: &EpochRecord) -> Result<(), Error> {
        self.lock.confirm(&self.folder)?;
        let row = metrics_csv::line(record);
        // A row without its newline was never acknowledged; the run writes it again.
        files::append(&self.folder.join(layout::METRICS), &row, |_| false)?;
        self.metrics.push_str(&row);
        Ok(())
    }

    /// Adds a row to timing.csv, durably.
    ///
    /// # Errors
    ///
    /// If it cannot be written.
    pub fn append_timing(&self, timing: &Timing) -> Result<(), Error> {
        Ok(files::append(
            &self.folder.join(layout::TIMING),
            &timing.line(),
            Timing::is_whole,
        )?)
    }

    /// Whether one version of the program did all of it.
    ///
    /// # Errors
    ///
    /// If the events cannot be read.
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

    /// Notes that the system had no more memory; for the process that has the run and is about to end.
    pub fn out_of_memory(&self) -> impl FnOnce(usize) + Send + use<> {
        let folder = self.folder.clone();
        move |bytes| {
            // That it ends is told already, whether or not this can be noted.
            let bytes = bytes as u64;
            let _ = events::append(&folder, Event::OutOfMemory { bytes });
        }
    }

    /// Notes an event, durably.
    ///
    /// # Errors
    ///
    /// If it cannot be written, or the lock was lost: the events are then another process's.
    pub fn event(&self, event: Event) -> Result<(), Error> {
        self.lock.confirm(&self.folder)?;
        events::append(&self.folder, event)
    }
}
