//! From a config to a session: device, data and network, with all that can be wrong found on the way.

use std::path::{Path, PathBuf};

use super::Error;
use super::start::start;
use crate::config::{self, Document, Experiment, SourceKind};
use crate::data::{self, LoadError, Splits, Watch};
use crate::device::{self, Chosen};
use crate::memory::{self, Available, Bound};
use crate::run_dir::{Checkpoint, Parent};
use crate::train::Session;

/// What a run needs in memory, and what computes it.
pub struct Prepared {
    /// The session, before its first step.
    pub session: Session,
    /// The device that computes.
    pub device: Chosen,
    /// What the run begins with, if it is a fork; the session has taken it over.
    pub start: Option<Start>,
}

/// The checkpoint that a fork begins with, and where it is from.
pub struct Start {
    /// The other run.
    pub parent: Parent,
    /// As the fork stores it, but for whose it is.
    pub checkpoint: Checkpoint,
}

/// Prepares what a document declares: chooses the device, loads the data, builds the network. Whatever is
/// wrong with it is found here, before a run directory is made. `watch` is told how many images are read.
///
/// # Errors
/// Where the device cannot be used, the data cannot be loaded, or the batch size is too large for the data or
/// the memory.
pub fn prepare(
    document: &Document,
    experiment: Experiment,
    threads: Option<u16>,
    watch: Watch<'_>,
) -> Result<Prepared, Error> {
    let device = device::choose(experiment.device, threads)?;
    check_memory(document, &experiment, device.backend)?;
    let (data, model) = (&experiment.data, &experiment.model);
    let data = Splits::load(data, model.input, experiment.classes(), watch)
        .map_err(|error| DataError::new(document, error))?;
    if let Some((message, help)) = too_large(experiment.training.batch_size, data.train.len()) {
        return Err(document.error_at(BATCH_SIZE, message, &help).into());
    }
    let mut session = Session::new(experiment, data, device.device.clone());
    check_groups(document, &session)?;
    start(&mut session)?;
    Ok(Prepared {
        session,
        device,
        start: None,
    })
}

/// As [`prepare`], for a run whose parameters a checkpoint will bring: known weights that the config names need not be there.
///
/// # Errors
/// As [`prepare`].
pub(super) fn prepare_for_checkpoint(
    document: &Document,
    mut experiment: Experiment,
    threads: Option<u16>,
    watch: Watch<'_>,
) -> Result<Prepared, Error> {
    let weights = experiment.model.weights.take();
    let mut prepared = prepare(document, experiment, threads, watch)?;
    prepared.session.experiment.model.weights = weights;
    Ok(prepared)
}

/// Every group of parameters has some, and some parameter is trained.
fn check_groups(document: &Document, session: &Session) -> Result<(), Error> {
    let groups = &session.experiment.training.groups;
    let sizes = session.network.group_sizes(groups);
    let mut numbered = groups.iter().enumerate();
    if let Some((index, group)) = numbered.find(|(index, _)| sizes[*index] == 0) {
        let mut names = Vec::new();
        session.network.visit_parameters(|parameter| {
            if !parameter.is_statistic {
                names.push(parameter.name);
            }
        });
        let message = match names.iter().any(|name| group.matches(name)) {
            true => "this group has no parameters: all that it matches belong to groups before it",
            false => "this group has no parameters: no name matches",
        };
        let shown = names.iter().take(MOST_NAMES).map(String::as_str);
        let shown = shown.collect::<Vec<_>>().join(", ");
        let more = match names.len().checked_sub(MOST_NAMES) {
            Some(more @ 1..) => format!(" and {more} more"),
            _ => String::new(),
        };
        let help = format!(
            "`*` stands for any text, and the first group that matches a parameter has it; the names are {shown}{more}"
        );
        let path = format!("training.groups[{index}].match");
        return Err(document.error_at(&path, message.to_owned(), &help).into());
    }
    if session.parameter_count() == 0 && !groups.is_empty() {
        let message = "all parameters are frozen, so there is nothing to train".to_owned();
        let help = "leave at least the last layer out of the frozen groups";
        return Err(document.error_at("training.groups", message, help).into());
    }
    Ok(())
}

/// How many names of parameters a message lists.
const MOST_NAMES: usize = 10;

pub(super) const BATCH_SIZE: &str = "training.batch_size";

/// What is wrong with a batch that is larger than all training images, and what to do.
pub(super) fn too_large(batch_size: usize, images: usize) -> Option<(String, String)> {
    let message = format!("batch size {batch_size} is larger than the {images} training images");
    let help = format!("choose a `batch_size` of at most {images}");
    (batch_size > images).then_some((message, help))
}

/// Refuses a step that cannot fit into memory: the system would kill this process, or others.
fn check_memory(document: &Document, experiment: &Experiment, backend: &str) -> Result<(), Error> {
    let needed = experiment.step_bytes();
    match memory::available() {
        Some(Available { bytes, bound }) if backend != "cuda" && needed > bytes => {
            let message = format!(
                "a step needs more than {} MiB of memory, but {} MiB are {bound}",
                needed >> 20,
                bytes >> 20
            );
            let help = match bound {
                Bound::Machine => "choose a smaller `batch_size`, smaller layers or less padding",
                _ => {
                    "choose a smaller `batch_size`, smaller layers or less padding, or give the job more memory"
                }
            };
            Err(document.error_at(BATCH_SIZE, message, help).into())
        }
        _ => Ok(()),
    }
}

/// Where a preset has the number of its classes.
const PRESET_CLASSES: &str = "model.classes";

/// Something is wrong with the data that a config names.
#[derive(Debug, thiserror::Error)]
#[error("{error}{place}{}", others.iter().map(|it| format!("\nerror: {it}")).collect::<String>())]
pub struct DataError {
    error: Box<data::Error>,
    /// A line of its own, or nothing.
    place: String,
    /// What is wrong with other keys.
    others: Vec<DataError>,
}

impl DataError {
    /// What is wrong.
    pub fn error(&self) -> &data::Error {
        &self.error
    }

    /// Whether nothing is wrong but that files or folders are not there.
    pub fn is_missing(&self) -> bool {
        let is_missing = matches!(*self.error, data::Error::NotFound { .. });
        is_missing && self.others.iter().all(Self::is_missing)
    }

    /// The same, with the trial of a sweep that it is of, in words.
    pub(super) fn of(mut self, trial: &str) -> Self {
        self.place += &format!("\n({trial})");
        self
    }

    /// An error of loading the data of a document, with the place of the key that it has to do with.
    pub fn new(document: &Document, loaded: LoadError) -> Self {
        let LoadError {
            mut error,
            key,
            others,
        } = loaded;
        let mut key = format!("data.{key}");
        if let data::Error::Classes { setting, .. } = &mut error
            && document.place(PRESET_CLASSES).is_some()
        {
            *setting = "set model.classes";
            key = PRESET_CLASSES.to_owned();
        }
        if let data::Error::NotFound { path, remedy, .. } = &mut error
            && let Some(folder) = folder_with(path, document)
        {
            *remedy = format!(
                "paths are relative to the current folder; try: cd {}",
                folder.display()
            );
        }
        let place = document.place(&key);
        Self {
            error: Box::new(error),
            place: place.map_or_else(String::new, |place| {
                format!("\n(`{key}` is set at {place})")
            }),
            others: others
                .into_iter()
                .map(|other| Self::new(document, other))
                .collect(),
        }
    }
}

/// The places of data that a document names and that are not there, with the errors of the document, which has some:
/// so both are known at once.
pub fn with_missing_places(document: &Document, mut error: config::Error) -> config::Error {
    for (key, place) in document.data_places() {
        if let Err(missing) = data::check_place(Path::new(&place)) {
            let told = DataError::new(document, LoadError::at(key)(missing)).error;
            let told = told.to_string();
            let (message, help) = told.split_once('\n').unwrap_or((&told, ""));
            error = document.with_error(error, &format!("data.{key}"), message.to_owned(), help);
        }
    }
    error
}

/// The folder around the experiment file from which a path leads somewhere.
fn folder_with(path: &Path, document: &Document) -> Option<PathBuf> {
    let files = document.sources().iter();
    let mut files = files.filter(|source| source.kind == SourceKind::File);
    let file = std::path::absolute(&files.next()?.name).ok()?;
    let mut folders = file.ancestors().skip(1);
    let folder = folders.find(|folder| path.is_relative() && folder.join(path).exists())?;
    Some(folder.to_owned())
}
