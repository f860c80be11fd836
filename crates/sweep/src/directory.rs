//! A sweep on disk: made once, added to when it is extended, read by whoever looks.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use runner_config::{Document, Experiment, LANGUAGE, OnResume, Sweep, SweepFile};
use runner_files::{self as files, IoError, TEMPORARY_PREFIX};
use runner_records::run_dir::{self, Holder, Identity, Lock};
use serde::{Deserialize, Serialize};

use crate::layout;
use crate::plan::{Plan, Trial};
use crate::points::Point;
use crate::slurm::cluster;
use crate::state::{Lasting, Progress, TrialState};

/// The format of sweep directories that this program writes.
pub const FORMAT: u32 = 1;

/// What a sweep is, as sweep.json says it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// [`FORMAT`] of the program that made it.
    pub format: u32,
    /// The name of its directory.
    pub sweep_id: String,
    /// The sweep's name.
    pub name: String,
    /// RFC 3339, UTC.
    pub created_at: String,
    /// The version of the program whose trials these are.
    pub program_version: String,
    /// Where the paths of the data start.
    pub working_directory: PathBuf,
    /// The program and its arguments.
    pub command_line: Vec<String>,
    /// The sweep file as the user typed it; [`layout::SWEEP`] is a copy.
    pub sweep_text: String,
    /// The experiment that all trials share, as one text that depends on no other file; [`layout::BASE`] is a copy.
    pub base_text: String,
    /// Values of single layers, which go over those of base.toml.
    pub of_layers: Vec<String>,
    /// The trials so far, in the order of their points.
    pub trials: Vec<Trial>,
}

/// Why a sweep directory cannot be made, read or gone on with.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The system refused an operation on a file.
    #[error(transparent)]
    Io(#[from] IoError),
    /// There is no sweep directory, or it is not what the program wrote.
    #[error("{}: {why}\n`runner sweep run` prints the sweep directory; `runner sweep list` shows all of them", path.display())]
    NotASweep {
        /// As it was named.
        path: PathBuf,
        /// What is missing or wrong.
        why: String,
    },
    /// A name that stands for no sweep, or for several.
    #[error("{name}: {why}\n`runner sweep list` shows all sweeps")]
    NoSuchSweep {
        /// As it was typed.
        name: String,
        /// How many it could stand for.
        why: String,
    },
    /// There are no sweeps to choose from.
    #[error("there are no sweeps in {}\nwrite a sweep file to start from: runner sweep new sweep.toml", folder.display())]
    NoSweeps {
        /// Where they would be.
        folder: PathBuf,
    },
    /// Jobs of the cluster run the trials.
    #[error(
        "{}: {jobs} {} of this sweep {} pending or running on the cluster\n\
         wait for the end, or end them with: runner sweep cancel {}",
        path.display(),
        if *jobs == 1 { "job" } else { "jobs" },
        if *jobs == 1 { "is" } else { "are" },
        path.display()
    )]
    OnCluster {
        /// The sweep directory.
        path: PathBuf,
        /// How many.
        jobs: usize,
    },
    /// Another process runs the trials.
    #[error("{}: {holder} runs this sweep\nlook at it with: runner sweep status {}", path.display(), path.display())]
    Locked {
        /// The sweep directory.
        path: PathBuf,
        /// Which process, in words.
        holder: String,
    },
    /// The cluster does not do what it is to do.
    #[error(transparent)]
    Cluster(#[from] cluster::Error),
    /// The lock, or the run directory of a trial, cannot be had.
    #[error(transparent)]
    RunDir(run_dir::Error),
    /// The sweep is another one than is asked for, or of another program.
    #[error("{}: {why}", path.display())]
    Other {
        /// The sweep directory.
        path: PathBuf,
        /// What differs, and what to do.
        why: String,
    },
    /// The experiment or a trial is not as the program wrote it.
    #[error("{}: {why}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong, and what to do.
        why: String,
    },
}

/// The sweep directory that a run directory is a trial of; `None` for any other run.
pub fn sweep_of(run: &Path) -> Option<PathBuf> {
    let trials = run.parent()?;
    let sweep = trials.parent()?;
    let is_of_trials = trials.file_name()? == layout::RUNS;
    (is_of_trials && sweep.join(layout::RECORD).is_file()).then(|| sweep.to_owned())
}

/// A sweep directory.
#[derive(Debug, Clone)]
pub struct SweepDir {
    /// Where it is; absolute.
    pub folder: PathBuf,
    /// What it is.
    pub record: Record,
}

impl SweepDir {
    /// Makes the directory of a planned sweep in `out`, complete under a temporary name, then renamed into place.
    ///
    /// # Errors
    /// If it cannot be written; nothing of it is left then.
    pub fn create(
        out: &Path,
        plan: &Plan,
        file: &SweepFile,
        program_version: &str,
    ) -> Result<Self, Error> {
        let sweeps = out.join(layout::SWEEPS);
        files::create_folders(&sweeps)?;
        let sweeps = std::path::absolute(&sweeps).map_err(IoError::at("find", &sweeps))?;
        remove_stale(&sweeps);
        let snapshot = plan.base.snapshot();
        let now = run_dir::now();
        let mut record = Record {
            format: FORMAT,
            sweep_id: String::new(),
            name: plan.sweep.name.clone(),
            program_version: program_version.to_owned(),
            working_directory: std::env::current_dir().unwrap_or_default(),
            command_line: std::env::args().collect(),
            sweep_text: file.text().to_owned(),
            base_text: snapshot.text,
            of_layers: snapshot.of_layers,
            trials: plan.trials.clone(),
            created_at: now,
        };
        let temporary = tempfile::Builder::new()
            .prefix(TEMPORARY_PREFIX)
            .tempdir_in(&sweeps)
            .map_err(IoError::at("create a folder in", &sweeps))?;
        let inside = |name: &str| temporary.path().join(name);
        for folder in [layout::RUNS, layout::LOGS] {
            fs::create_dir(inside(folder)).map_err(IoError::at("create", &inside(folder)))?;
        }
        open_up(temporary.path());
        files::write_synced(&inside(layout::SWEEP), record.sweep_text.as_bytes())?;
        files::write_synced(&inside(layout::BASE), record.base_text.as_bytes())?;
        let stamp = stamp(&record.created_at);
        for attempt in 1.. {
            record.sweep_id = match attempt {
                1 => format!("{stamp}-{}", record.name),
                attempt => format!("{stamp}-{}-{attempt}", record.name),
            };
            files::write_synced(&inside(layout::RECORD), record.text().as_bytes())?;
            files::sync_folder(temporary.path())?;
            let folder = sweeps.join(&record.sweep_id);
            match fs::rename(temporary.path(), &folder) {
                Err(_) if folder.exists() => continue,
                Err(error) => return Err(IoError::new("create", folder, error).into()),
                Ok(()) => {
                    let _ = temporary.keep();
                    files::sync_folder(&sweeps)?;
                    return Ok(Self { folder, record });
                }
            }
        }
        unreachable!("some name is free")
    }

    /// Opens a sweep directory.
    ///
    /// # Errors
    /// If it is none, or of another format.
    pub fn open(folder: &Path) -> Result<Self, Error> {
        let not_a_sweep = |why: String| Error::NotASweep {
            path: folder.to_owned(),
            why,
        };
        let path = folder.join(layout::RECORD);
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(_) if !folder.exists() => return Err(not_a_sweep("no such sweep".to_owned())),
            Err(_) if !path.exists() => {
                return Err(not_a_sweep(format!(
                    "not a sweep directory: it has no {}",
                    layout::RECORD
                )));
            }
            Err(error) => return Err(IoError::new("read", path, error).into()),
        };
        let record: Record = serde_json::from_str(&text)
            .map_err(|error| not_a_sweep(format!("{} is damaged: {error}", layout::RECORD)))?;
        if record.format != FORMAT {
            let format = record.format;
            let why = format!("its format is {format}, but this program reads {FORMAT}");
            return Err(not_a_sweep(why));
        }
        let folder = std::path::absolute(folder).map_err(IoError::at("find", folder))?;
        Ok(Self { folder, record })
    }

    /// The sweep as it was planned.
    ///
    /// # Errors
    /// If its record is not as the program wrote it.
    pub fn plan(&self) -> Result<Plan, Error> {
        let (file, sweep) = self.sweep()?;
        let plan = Plan::recorded(&file, sweep, self.base(), &self.record.trials);
        plan.map_err(|why| self.damaged(&why))
    }

    /// The sweep file as it was when trials were planned last.
    fn sweep(&self) -> Result<(SweepFile, Sweep), Error> {
        let path = self.folder.join(layout::SWEEP);
        let file = SweepFile::parse(&path, self.record.sweep_text.clone());
        let sweep = file.check();
        let sweep = sweep.map_err(|error| self.damaged(&error.to_string()))?;
        Ok((file, sweep))
    }

    /// The experiment that all trials share.
    fn base(&self) -> Document {
        let path = self.folder.join(layout::BASE).display().to_string();
        let text = self.record.base_text.clone();
        let mut document = Document::parse(&path, text, &self.record.name);
        document.set_all(&self.record.of_layers);
        document
    }

    fn damaged(&self, why: &str) -> Error {
        Error::Damaged {
            path: self.folder.join(layout::RECORD),
            why: format!("this is not as the program wrote it: {why}"),
        }
    }

    /// What a trial is to run: its document and its experiment.
    ///
    /// # Errors
    /// If there is no such trial, or it is not the one that was planned.
    pub fn trial(&self, number: usize) -> Result<(Trial, Document, Experiment), Error> {
        let trial = self.record.trials.iter().find(|it| it.number == number);
        let trial = trial.ok_or_else(|| Error::NotASweep {
            path: self.folder.clone(),
            why: format!("it has no trial {number}"),
        })?;
        let (_, sweep) = self.sweep()?;
        let mut document = self.base();
        let keys = sweep.parameters.iter().flat_map(|it| &it.keys);
        let values = trial.values.iter().flatten();
        let mut overrides: Vec<String> = Vec::new();
        for (key, value) in keys.zip(values) {
            // Where there is nothing to unset, that is what is meant.
            if value != UNSET || document.has(key) {
                overrides.push(format!("{key}={value}"));
            }
        }
        overrides.push(format!("seed={}", trial.seed));
        document.set_all(&overrides);
        let experiment = document.experiment();
        let experiment = experiment.map_err(|error| self.damaged(&error.to_string()))?;
        if experiment.digest() != trial.config_digest {
            return Err(self.damaged(&format!("trial {number} is not what was planned")));
        }
        Ok((trial.clone(), document, experiment))
    }

    /// The run directory of a trial, whether or not it is there.
    pub fn run_folder(&self, number: usize) -> PathBuf {
        self.folder.join(layout::RUNS).join(self.run_id(number))
    }

    /// The name of a trial's run directory.
    pub fn run_id(&self, number: usize) -> String {
        format!("{}-{number:03}", self.record.name)
    }

    /// The digest of the data that the sweep's trials are trained on, where they are all on the same and one has begun.
    pub fn data_digest(&self) -> Option<String> {
        let (_, sweep) = self.sweep().ok()?;
        let mut keys = sweep.parameters.iter().flat_map(|it| &it.keys);
        if keys.any(|key| key == "data" || key.starts_with("data.")) {
            return None;
        }
        let trials = self.record.trials.iter();
        let mut runs = trials.filter_map(|it| Identity::read(&self.run_folder(it.number)).ok());
        runs.next().map(|identity| identity.data_digest)
    }

    /// Where a trial stands.
    ///
    /// # Errors
    /// If its run is damaged.
    pub fn state(&self, plan: &Plan, trial: &Trial) -> Result<TrialState, Error> {
        let folder = self.run_folder(trial.number);
        let state = TrialState::read(&folder, &plan.sweep.objective);
        let state = state.map_err(|error| Error::Damaged {
            why: format!(
                "the run of trial {} is damaged\n{error}\nfor more: runner verify {}; without the directory the trial is run again",
                trial.number,
                folder.display()
            ),
            path: folder,
        })?;
        Ok(match fs::read_to_string(self.refusal(trial.number)) {
            Ok(reason) if state.progress == Progress::Waiting => TrialState {
                progress: Progress::Failed {
                    reason: reason.trim_end().to_owned(),
                    lasts: Lasting::Refused,
                },
                ..state
            },
            _ => state,
        })
    }

    /// The file that says why a trial cannot begin, where that would come again: its config and the data do not go
    /// together.
    pub fn refusal(&self, number: usize) -> PathBuf {
        self.folder
            .join(layout::LOGS)
            .join(format!("{number:03}.refused"))
    }

    /// The file of what a trial's processes print.
    pub fn log(&self, number: usize) -> PathBuf {
        self.folder
            .join(layout::LOGS)
            .join(format!("{number:03}.log"))
    }

    /// Records further trials of the plan, durably.
    ///
    /// # Errors
    /// If the file cannot be written; then the old one is still there.
    pub fn add(&mut self, trials: &[Trial]) -> Result<(), Error> {
        let mut record = self.record.clone();
        record.trials.extend(trials.iter().cloned());
        self.replace(record)
    }

    /// Takes the trials of a plan that has all of these and more, which keep their numbers; how many are new.
    ///
    /// # Errors
    /// If the plan lacks a trial of this sweep, or the file cannot be written; then the sweep is as it was.
    pub fn extend(
        &mut self,
        mut plan: Plan,
        experiments: &[Experiment],
        file: &SweepFile,
    ) -> Result<usize, Error> {
        let chosen = self.chosen(&plan)?;
        plan.add(chosen)
            .map_err(|error| self.damaged(&error.to_string()))?;
        let known: BTreeMap<(&str, u64), usize> = self
            .record
            .trials
            .iter()
            .map(|trial| (trial.identity(), trial.number))
            .collect();
        let mut next = known.values().max().map_or(1, |last| last + 1);
        let mut trials = plan.trials.clone();
        let mut new = 0;
        for trial in &mut trials {
            trial.number = *known.get(&trial.identity()).unwrap_or(&next);
            if trial.number == next {
                next += 1;
                new += 1;
            }
        }
        let lost = known.len() - (trials.len() - new);
        if lost > 0 {
            let all = known.len();
            let has = |trial: &&Trial| trials.iter().any(|it| it.number == trial.number);
            let first = self.record.trials.iter().find(|it| !has(it));
            let differs = first.and_then(|it| self.difference(it.number, experiments));
            return Err(Error::Other {
                path: self.folder.clone(),
                why: format!(
                    "{file} lacks {lost} of the {all} trials of this sweep{}\n\
                     a sweep can only grow; begin another one: runner sweep run {file}",
                    differs.map_or_else(String::new, |it| format!("\n{it}")),
                    file = file.path().display(),
                ),
            });
        }
        let snapshot = plan.base.snapshot();
        let record = Record {
            sweep_text: file.text().to_owned(),
            base_text: snapshot.text,
            of_layers: snapshot.of_layers,
            trials,
            ..self.record.clone()
        };
        self.replace(record)?;
        Ok(new)
    }

    /// In what the experiment that is most like a trial differs from it, rather one that is new.
    fn difference(&self, number: usize, experiments: &[Experiment]) -> Option<String> {
        let (_, _, lost) = self.trial(number).ok()?;
        let known: BTreeSet<&str> = self
            .record
            .trials
            .iter()
            .map(|it| it.identity().0)
            .collect();
        let candidates = experiments.iter().map(|it| {
            let mut changes = lost.changes(it);
            changes.retain(|it| LANGUAGE.on_resume(&it.key) != OnResume::Free);
            (changes, known.contains(it.digest().as_str()))
        });
        let (least, _) = candidates.min_by_key(|(changes, is_known)| (changes.len(), *is_known))?;
        let told = |value: Option<String>| value.unwrap_or_else(|| "absent".to_owned());
        let all = least.len();
        let mut words: Vec<String> = least
            .into_iter()
            .take(MOST_TOLD)
            .map(|it| format!("`{}` was {}, and is {}", it.key, told(it.was), told(it.is)))
            .collect();
        if all > MOST_TOLD {
            words.push(format!("{} more", all - MOST_TOLD));
        }
        Some(format!(
            "what is most like trial {number} differs: {}",
            words.join("; ")
        ))
    }

    /// Takes the text of a file whose trials are these: what it says of where they run may be new.
    ///
    /// # Errors
    /// If it cannot be written; then the old one is still there.
    pub fn update(&mut self, file: &SweepFile) -> Result<(), Error> {
        if self.record.sweep_text == file.text() {
            return Ok(());
        }
        self.replace(Record {
            sweep_text: file.text().to_owned(),
            ..self.record.clone()
        })
    }

    /// The copies for people, each with what the record says.
    fn copies(&self) -> [(PathBuf, &str); 2] {
        [
            (self.folder.join(layout::SWEEP), &self.record.sweep_text),
            (self.folder.join(layout::BASE), &self.record.base_text),
        ]
    }

    /// The copies that someone has changed: nothing reads them, so that has no effect.
    pub fn edited(&self) -> Vec<PathBuf> {
        let copies = self.copies().into_iter();
        let edited = copies.filter(|(path, text)| {
            let there = fs::read(path);
            there.is_ok_and(|there| there != text.as_bytes())
        });
        edited.map(|(path, _)| path).collect()
    }

    /// Refuses copies that someone has changed, and writes anew those that are gone.
    ///
    /// # Errors
    /// Which one was changed, and what to do.
    pub fn check_copies(&self) -> Result<(), Error> {
        if let Some(path) = self.edited().into_iter().next() {
            return Err(Error::Damaged {
                path,
                why: format!(
                    "this copy was changed, which has no effect: the sweep goes by {}\n\
                     delete it, and it is written anew; to change the sweep: runner sweep extend {} FILE",
                    layout::RECORD,
                    self.record.sweep_id
                ),
            });
        }
        for (path, text) in self.copies() {
            if !path.exists() {
                files::replace(&path, text.as_bytes())?;
            }
        }
        Ok(())
    }

    /// Points after those of a plan that a search by results has chosen; they stay what they are.
    fn chosen(&self, plan: &Plan) -> Result<Vec<Point>, Error> {
        let (first, wanted) = (plan.points.len(), plan.wanted() as usize);
        let known = self.plan()?.points;
        let later = known.iter().take(wanted).skip(first);
        let later = later.map_while(|point| {
            let values = plan.sweep.parameters.iter().zip(point);
            values.map(|(it, value)| it.value(&value.texts)).collect()
        });
        Ok(later.collect())
    }

    /// Makes another record this one's. A crash on the way may leave copies away, never such that look edited.
    fn replace(&mut self, record: Record) -> Result<(), Error> {
        let new = Self {
            folder: self.folder.clone(),
            record,
        };
        let changed = |((path, old), (_, new)): ((PathBuf, &str), (PathBuf, &str))| {
            (old != new).then_some((path, new.to_owned()))
        };
        let copies = self.copies().into_iter().zip(new.copies());
        let copies: Vec<(PathBuf, String)> = copies.filter_map(changed).collect();
        for (path, _) in &copies {
            let _ = fs::remove_file(path);
        }
        let path = self.folder.join(layout::RECORD);
        files::replace(&path, new.record.text().as_bytes())?;
        for (path, text) in copies {
            files::replace(&path, text.as_bytes())?;
        }
        *self = new;
        Ok(())
    }

    /// Removes what trials that were killed before an instant have left of run directories that were to be made. The
    /// caller knows that no process makes one since before then.
    pub fn clear(&self, before: SystemTime) {
        remove_unfinished(&self.folder.join(layout::RUNS), before);
    }

    /// Takes the right to decide what runs next.
    ///
    /// # Errors
    /// If another process has it.
    pub fn lock(&self) -> Result<Lock, Error> {
        Lock::acquire(&self.folder).map_err(|error| match error {
            run_dir::Error::Locked { holder, .. } => Error::Locked {
                path: self.folder.clone(),
                holder,
            },
            other => Error::RunDir(other),
        })
    }

    /// The process that decides what runs next, if there is one.
    pub fn holder(&self) -> Option<Holder> {
        Lock::holder(&self.folder).filter(|_| Lock::is_held(&self.folder))
    }
}

/// Values that are told of experiments that differ in more.
const MOST_TOLD: usize = 5;

/// The value of a key that is left out.
const UNSET: &str = "{ unset = true }";

impl Record {
    fn text(&self) -> String {
        let mut text = serde_json::to_string_pretty(self).expect("a record is plain data");
        text.push('\n');
        text
    }
}

/// `2026-11-28T10:11:12Z` as `20261128-101112`.
fn stamp(time: &str) -> String {
    let digits = |text: &str| {
        text.chars()
            .filter(char::is_ascii_digit)
            .collect::<String>()
    };
    let (day, hour) = time.split_once('T').unwrap_or((time, ""));
    format!("{}-{}", digits(day), digits(hour))
}

/// The age from which a new sweep removes the unfinished directory of another one that was killed.
const STALE: Duration = Duration::from_secs(3600);

/// Removes what killed processes have left of directories that were to be made, as far as it can.
fn remove_stale(sweeps: &Path) {
    if let Some(before) = SystemTime::now().checked_sub(STALE) {
        remove_unfinished(sweeps, before);
    }
}

/// Removes unfinished directories that were last worked on before an instant, as far as it can.
fn remove_unfinished(folder: &Path, before: SystemTime) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let modified = entry.metadata().and_then(|metadata| metadata.modified());
        let is_unfinished = name.to_string_lossy().starts_with(TEMPORARY_PREFIX);
        if is_unfinished && modified.is_ok_and(|modified| modified < before) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

/// Temporary folders are made for the owner alone; a sweep directory is like any other, as far as the file system
/// has permissions.
fn open_up(folder: &Path) {
    #[cfg(unix)]
    {
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        let _ = fs::set_permissions(folder, mode);
    }
}
