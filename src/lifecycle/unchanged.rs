//! Whether a run that goes on, or is done again, is still the same run.

use std::collections::BTreeMap;
use std::env;
use std::fmt::Display;
use std::path::{Path, PathBuf};

use super::Error;
use crate::config::{self, Change, Experiment, LANGUAGE, OnResume};
use crate::data::Splits;
use crate::run_dir::{self, DataFile, Identity, Moves, Status, layout, listed_images};

/// Why a run does not go on, or is not done again. Every message says what to do instead.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// A key would change that makes the run what it is.
    #[error("{0}")]
    Change(String),
    /// The data are not those the run began with.
    #[error("{0}")]
    Data(String),
    /// Config, program version or backend are not those the run began with.
    #[error("{0}")]
    Program(String),
}

/// The keys that change, with their new values; refuses those that make the run what it is.
pub fn check_changes(
    before: &Experiment,
    after: &Experiment,
    folder: &Path,
    overrides: &[String],
) -> Result<BTreeMap<String, String>, Refusal> {
    let mut allowed = BTreeMap::new();
    for Change { key, was, is } in before.changes(after) {
        let told = |value: &Option<String>| value.clone().unwrap_or_else(|| "absent".to_owned());
        let lowered = after.training.epochs < before.training.epochs;
        let rule = LANGUAGE.on_resume(&key);
        if rule == OnResume::Fixed {
            return Err(Refusal::Change(format!(
                "`{key}` cannot change from {} to {}: it is part of what the run is\n\
                 a resume may change {}\n\
                 to go on from here with other values, in a run of its own: {}\n\
                 to start over: {}",
                told(&was),
                told(&is),
                LANGUAGE.changeable().join(", "),
                further(before, after, folder, overrides),
                instead(folder, overrides)
            )));
        }
        if rule == OnResume::Upward && lowered {
            return Err(Refusal::Change(format!(
                "`{key}` can only increase from {}; {} is less\nfor a shorter run: {}",
                told(&was),
                told(&is),
                instead(folder, overrides)
            )));
        }
        if rule == OnResume::SameData && (was.is_none() || is.is_none()) {
            let set = before.data.places().into_iter();
            let set = set.filter_map(|(key, place)| place.map(|_| key));
            return Err(Refusal::Change(format!(
                "`{key}` cannot change from {} to {}: the run takes its images from {}\n\
                 if the data have moved, set only that",
                told(&was),
                told(&is),
                set.collect::<Vec<_>>().join(" and ")
            )));
        }
        allowed.insert(key, told(&is));
    }
    Ok(allowed)
}

/// The command for a fork that has something left to train.
fn further(before: &Experiment, after: &Experiment, folder: &Path, overrides: &[String]) -> String {
    let epochs = before.training.epochs;
    let mut overrides = overrides.to_vec();
    if Status::is_finished(folder) && after.training.epochs == epochs {
        overrides.push(format!("training.epochs={}", 2 * epochs));
    }
    fork(folder, None, &overrides)
}

/// Refuses all changes but those of where the data are, for a command that leaves the run as it is.
pub fn check_only_moved(
    before: &Experiment,
    after: &Experiment,
    folder: &Path,
    overrides: &[String],
) -> Result<(), Refusal> {
    let changes = before.changes(after).into_iter();
    let mut keys = changes.map(|change| change.key);
    if let Some(key) = keys.find(|key| LANGUAGE.on_resume(key) != OnResume::SameData) {
        return Err(Refusal::Change(format!(
            "`{key}` cannot change here: the run is used as it is\n\
             only data.path, data.train, data.eval and data.test can be set, if the data have moved"
        )));
    }
    check_changes(before, after, folder, overrides).map(|_| ())
}

/// Refuses changes that an evaluation does not heed, since whoever types them expects something of them.
pub fn check_evaluable(before: &Experiment, after: &Experiment) -> Result<(), Refusal> {
    const HEEDED: [&str; 3] = ["data.", "metrics.", "log."];
    let is_heeded = |key: &str| {
        let is_within = HEEDED.iter().any(|table| key.starts_with(table));
        is_within || ["device", "training.batch_size"].contains(&key)
    };
    let changes = before.changes(after);
    match changes.iter().find(|change| !is_heeded(&change.key)) {
        None => Ok(()),
        Some(Change { key, .. }) => Err(Refusal::Change(format!(
            "`{key}` says nothing to an evaluation: the network is that of the run\n\
             what can be set are the keys of data, metrics and log, training.batch_size and device"
        ))),
    }
}

/// Where the data of a run are now; `overrides` may say so and nothing else.
///
/// # Errors
/// Where they say anything else, or the run's config is damaged.
pub fn moves(folder: &Path, overrides: &[String]) -> Result<Moves, Error> {
    let (mut document, before) = match run_dir::document(folder) {
        // Whoever looks at the run tells of that.
        Err(_) if overrides.is_empty() => return Ok(Moves::default()),
        other => other?,
    };
    document.set_all(overrides);
    let after = document.experiment()?;
    check_only_moved(&before, &after, folder, overrides)?;
    Ok(Moves::new(folder, &after.data)?)
}

/// A command about a run, to which it can be said where the run's data are now.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// `resume` or `reproduce`.
    pub command: &'static str,
    /// The run directory.
    pub folder: &'a Path,
    /// What the run says of its data now.
    pub data: &'a config::Data,
}

impl Asked<'_> {
    /// How to say where the data are, in a line of its own; nothing where the run has no files.
    fn say_where(self) -> String {
        let places = self.data.places().into_iter();
        let keys: Vec<String> = places
            .filter_map(|(key, place)| place.map(|_| format!(" {key}=PLACE")))
            .collect();
        match keys.is_empty() {
            true => String::new(),
            false => format!(
                "\nif the same data are elsewhere now: runner {} {}{}",
                self.command,
                self.folder.display(),
                keys.concat()
            ),
        }
    }

    /// What to do where other data are wanted.
    fn otherwise(self) -> String {
        match self.command {
            "reproduce" => "start a new run with these".to_owned(),
            _ => format!(
                "go on with these in a run of its own: {}",
                fork(self.folder, None, &[])
            ),
        }
    }
}

/// The command for a fork with these values.
pub fn fork(folder: &Path, epoch: Option<u64>, overrides: &[String]) -> String {
    let epoch = epoch.map_or_else(String::new, |epoch| format!("@{epoch}"));
    // Braces and brackets mean something to a shell.
    let quoted = overrides.iter().map(|value| {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "._-=/:,".contains(c);
        match value.chars().all(is_plain) {
            true => format!(" {value}"),
            false => format!(" '{value}'"),
        }
    });
    format!(
        "runner fork {}{epoch}{}",
        folder.display(),
        quoted.collect::<String>()
    )
}

/// The command for a new run with these values.
fn instead(folder: &Path, overrides: &[String]) -> String {
    let config = folder.join(layout::RESOLVED);
    format!("runner run {} {}", config.display(), overrides.join(" "))
}

/// resolved.toml must be what the run began with.
pub fn check_config(
    identity: &Identity,
    folder: &Path,
    experiment: &Experiment,
) -> Result<(), Error> {
    if run_dir::config_digest(folder, experiment)? == identity.config_digest {
        return Ok(());
    }
    let refusal = Refusal::Program(format!(
        "{}: resolved.toml differs from the config the run started with\n\
         put the original back, or start a new run with this one",
        identity.run_id
    ));
    Err(refusal.into())
}

/// The change of version, if there is one and it is allowed.
pub fn check_version(
    identity: &Identity,
    allowed: bool,
    folder: &Path,
    overrides: &[String],
) -> Result<Option<(String, String)>, Refusal> {
    let (began, this) = (&identity.program_version, env!("CARGO_PKG_VERSION"));
    if began == this {
        return Ok(None);
    }
    if allowed {
        return Ok(Some((began.clone(), this.to_owned())));
    }
    Err(Refusal::Program(format!(
        "{} was started by version {began}, but this is {this}: results may differ\n\
         use version {began}, or allow this one with --allow-other-version (the run is then \
         marked as no longer reproducible)\n\
         or go on in a run of its own: {}",
        identity.run_id,
        fork(folder, None, overrides)
    )))
}

/// The backend must be the one the run began with: backends round differently.
pub fn check_backend(identity: &Identity, backend: &str, folder: &Path) -> Result<(), Refusal> {
    if identity.backend == backend {
        return Ok(());
    }
    Err(Refusal::Program(format!(
        "{} was started on backend {}, but this would be {backend}: they round differently\n\
         use device={}, or go on with {backend} in a run of its own: {}",
        identity.run_id,
        identity.backend,
        identity.backend,
        fork(folder, None, &[])
    )))
}

/// The data cannot be loaded: perhaps because they have moved, or this is another folder than the run was begun in.
pub fn elsewhere(error: &impl Display, identity: &Identity, asked: Asked<'_>) -> Refusal {
    let home = Path::new(&identity.working_directory);
    let shown = home.display();
    let advice = match env::current_dir().is_ok_and(|here| here == home) {
        true => "put the data back where they were when the run began".to_owned(),
        false if home.is_dir() => format!(
            "they are not in {shown} either, where the run began and to which the paths of its data are relative\n\
             put them back there"
        ),
        false => format!(
            "the paths of its data are relative to {shown}, where the run began, which does not exist here\n\
             cd to the folder that has them, and resume from there"
        ),
    };
    Refusal::Data(format!("{error}\n{advice}{}", asked.say_where()))
}

/// Every data file must be the one the run began with; the first that is not is named.
pub fn check_data(
    identity: &Identity,
    data: &Splits,
    moves: &Moves,
    asked: Asked<'_>,
) -> Result<(), Refusal> {
    let (say_where, otherwise) = (asked.say_where(), asked.otherwise());
    if identity.class_names != data.class_names {
        return Err(Refusal::Data(format!(
            "the classes are {}, but the run started with {}\n\
             put the original data back, or {otherwise}{say_where}",
            data.class_names.join(", "),
            identity.class_names.join(", ")
        )));
    }
    let (then, now) = (distinct(&identity.data_files), distinct(&data.files));
    let mut pairs = then.iter().copied().zip(now.iter().copied());
    match pairs.find(|(then, now)| then.sha256 != now.sha256) {
        None if then.len() == now.len() => Ok(()),
        None => Err(Refusal::Data(format!(
            "there are {} files or folders of data, but the run started with {}\n\
             put the original data back, or {otherwise}{say_where}",
            now.len(),
            then.len()
        ))),
        Some((then, now)) if now.files.is_some() => Err(Refusal::Data(format!(
            "the images of {} differ from those the run started with: {}\n\
             put the originals back, or {otherwise}{say_where}",
            now.path,
            first_change(asked.folder, [then, now], data, moves)
        ))),
        Some((then, now)) => Err(Refusal::Data(format!(
            "{} differs from the file the run started with ({}, {} bytes)\n\
             then sha256 {}\n\
             now  sha256 {}\n\
             put the original back, or {otherwise}{say_where}",
            now.path, then.path, then.bytes, then.sha256, now.sha256
        ))),
    }
}

/// The files without repetitions: what serves for two splits may be in two places now.
fn distinct(files: &[DataFile]) -> Vec<&DataFile> {
    let mut distinct: Vec<&DataFile> = Vec::new();
    for file in files {
        if distinct.iter().all(|other| other.sha256 != file.sha256) {
            distinct.push(file);
        }
    }
    distinct
}

/// The first image file of a source that is missing, new or changed.
fn first_change(
    folder: &Path,
    [then, now]: [&DataFile; 2],
    data: &Splits,
    moves: &Moves,
) -> String {
    let then: BTreeMap<PathBuf, String> = match listed_images(folder, &then.path) {
        Ok(listed) => listed
            .into_iter()
            .map(|image| (moves.of(&image.path), image.sha256))
            .collect(),
        Err(problem) => return problem,
    };
    let images = data.listing.iter();
    let images = images.filter(|image| image.source == now.path && image.problem.is_empty());
    let now: BTreeMap<&Path, &str> = images
        .map(|image| (Path::new(&image.path), image.sha256.as_str()))
        .collect();
    let gone = then.keys().find(|path| !now.contains_key(path.as_path()));
    let new = now.keys().find(|path| !then.contains_key(**path));
    let other = now
        .iter()
        .find(|(path, sha256)| then.get(**path).is_some_and(|then| then != *sha256));
    match (gone, new, other) {
        (Some(path), ..) => format!("{} is missing", path.display()),
        (_, Some(path), _) => format!("{} is new", path.display()),
        (.., Some((path, _))) => format!("{} has changed", path.display()),
        (None, None, None) => "their order is different".to_owned(),
    }
}
