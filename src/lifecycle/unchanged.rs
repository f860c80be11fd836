//! Whether a run that goes on, or is done again, is still the same run.

use std::collections::BTreeMap;
use std::env;
use std::path::Path;

use crate::config::{Experiment, LANGUAGE, OnResume};
use crate::data::{LoadError, Splits};
use crate::run_dir::{Identity, layout, listed_images};

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
    let old: BTreeMap<String, String> = before.flatten().into_iter().collect();
    let new: BTreeMap<String, String> = after.flatten().into_iter().collect();
    let absent = "absent".to_owned();
    let keys = old
        .keys()
        .chain(new.keys().filter(|key| !old.contains_key(*key)));
    let mut changes = BTreeMap::new();
    for key in keys {
        let (was, is) = (
            old.get(key).unwrap_or(&absent),
            new.get(key).unwrap_or(&absent),
        );
        if was == is {
            continue;
        }
        let lowered = after.training.epochs < before.training.epochs;
        match LANGUAGE.on_resume(key) {
            OnResume::Fixed => {
                return Err(Refusal::Change(format!(
                    "`{key}` cannot change from {was} to {is}: it is part of what the run is\n\
                     a resume may change {}\n\
                     start a new run instead: {}",
                    LANGUAGE.changeable().join(", "),
                    instead(folder, overrides)
                )));
            }
            OnResume::Upward if lowered => {
                return Err(Refusal::Change(format!(
                    "`{key}` can only increase from {was}; {is} is less\nfor a shorter run: {}",
                    instead(folder, overrides)
                )));
            }
            OnResume::Upward | OnResume::Free => {
                changes.insert(key.clone(), is.clone());
            }
        }
    }
    Ok(changes)
}

/// The command for a new run with these values.
fn instead(folder: &Path, overrides: &[String]) -> String {
    let config = folder.join(layout::RESOLVED);
    format!("runner run {} {}", config.display(), overrides.join(" "))
}

/// resolved.toml must be what the run began with.
pub fn check_config(identity: &Identity, experiment: &Experiment) -> Result<(), Refusal> {
    if experiment.digest() == identity.config_digest {
        return Ok(());
    }
    Err(Refusal::Program(format!(
        "{}: resolved.toml differs from the config the run started with\n\
         put the original back, or start a new run with this one",
        identity.run_id
    )))
}

/// The change of version, if there is one and it is allowed.
pub fn check_version(
    identity: &Identity,
    allowed: bool,
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
         marked as no longer reproducible)",
        identity.run_id
    )))
}

/// The backend must be the one the run began with: backends round differently.
pub fn check_backend(identity: &Identity, backend: &str) -> Result<(), Refusal> {
    if identity.backend == backend {
        return Ok(());
    }
    Err(Refusal::Program(format!(
        "{} was started on backend {}, but this would be {backend}: they round differently\n\
         use device={}, or start a new run",
        identity.run_id, identity.backend, identity.backend
    )))
}

/// The data cannot be loaded: perhaps because this is another folder than the run was begun in.
pub fn elsewhere(error: &LoadError, identity: &Identity) -> Refusal {
    let home = Path::new(&identity.working_directory);
    let shown = home.display();
    let advice = match env::current_dir().is_ok_and(|here| here == home) {
        true => "put the data back to where the run began with them".to_owned(),
        false if home.is_dir() => format!(
            "nor are they in {shown}, where the run was begun and the paths of its data start\n\
             put them back there"
        ),
        false => format!(
            "the paths of its data start in {shown}, where the run was begun, which is not here\n\
             cd to the folder that has them, and resume from there"
        ),
    };
    Refusal::Data(format!("{error}\n{advice}"))
}

/// Every data file must be the one the run began with; the first that is not is named. `folder` is the
/// run's.
pub fn check_data(identity: &Identity, folder: &Path, data: &Splits) -> Result<(), Refusal> {
    if identity.class_names != data.class_names {
        return Err(Refusal::Data(format!(
            "the classes are {}, but the run started with {}\n\
             put the original data back, or start a new run with these",
            data.class_names.join(", "),
            identity.class_names.join(", ")
        )));
    }
    let changed = identity
        .data_files
        .iter()
        .zip(&data.files)
        .find(|(then, now)| then.sha256 != now.sha256);
    match changed {
        None => Ok(()),
        Some((_, now)) if now.files.is_some() => Err(Refusal::Data(format!(
            "the images of {} differ from those the run started with: {}\n\
             put the originals back, or start a new run with these data",
            now.path,
            first_change(folder, &now.path, data)
        ))),
        Some((then, now)) => Err(Refusal::Data(format!(
            "{} differs from the file the run started with ({}, {} bytes)\n\
             then sha256 {}\n\
             now  sha256 {}\n\
             put the original back, or start a new run with these data",
            now.path, then.path, then.bytes, then.sha256, now.sha256
        ))),
    }
}

/// The first image file of a source that is missing, new or changed.
fn first_change(folder: &Path, source: &str, data: &Splits) -> String {
    let then: BTreeMap<String, String> = match listed_images(folder, source) {
        Ok(listed) => listed
            .into_iter()
            .map(|image| (image.path, image.sha256))
            .collect(),
        Err(problem) => return problem,
    };
    let images = data.listing.iter();
    let images = images.filter(|image| image.source == source && image.problem.is_empty());
    let now: BTreeMap<&str, &str> = images
        .map(|image| (image.path.as_str(), image.sha256.as_str()))
        .collect();
    let gone = then.keys().find(|path| !now.contains_key(path.as_str()));
    let new = now.keys().find(|path| !then.contains_key(**path));
    let other = now
        .iter()
        .find(|(path, sha256)| then.get(**path).is_some_and(|then| then != *sha256));
    match (gone, new, other) {
        (Some(path), ..) => format!("{path} is missing"),
        (_, Some(path), _) => format!("{path} is new"),
        (.., Some((path, _))) => format!("{path} has changed"),
        (None, None, None) => "their order is different".to_owned(),
    }
}
