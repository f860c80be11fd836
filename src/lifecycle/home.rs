//! The folder from which the relative paths of a run are resolved: those of its data, and those that the user typed.

use std::env;
use std::path::{Path, PathBuf};

use crate::config::{Experiment, fixed_part};
use crate::run_dir::{self, Identity};

/// Changes to the folder in which a run began, if the run's data are found from there and not from here: so a run can be
/// resumed from any folder. The first of `paths` is the run directory, the others and the overrides are what the user
/// typed; they are returned so that they still mean the same. Errors of the run are left to the caller that opens it.
pub fn go_home<const N: usize>(
    paths: [PathBuf; N],
    overrides: Vec<String>,
) -> ([PathBuf; N], Vec<String>) {
    let Some(folder) = paths.first() else {
        return (paths, overrides);
    };
    let overrides = with_absolute_places(folder, overrides);
    let Some(home) = home(folder, &overrides) else {
        return (paths, overrides);
    };
    let absolute = paths.each_ref().map(std::path::absolute);
    if absolute.iter().any(Result::is_err) || env::set_current_dir(home).is_err() {
        return (paths, overrides);
    }
    let paths = absolute.map(|path| path.expect("none of them is an error"));
    (paths, overrides)
}

/// The overrides, with places of data as absolute paths, which mean the same in any folder.
fn with_absolute_places(folder: &Path, mut overrides: Vec<String>) -> Vec<String> {
    let Some((before, after)) = experiments(folder, &overrides) else {
        return overrides;
    };
    let places = before.data.places().into_iter().zip(after.data.places());
    for ((key, before), (_, after)) in places {
        let Some(place) = after.filter(|after| Some(*after) != before) else {
            continue;
        };
        let Ok(absolute) = std::path::absolute(place) else {
            continue;
        };
        let is_of_key = |typed: &str| typed.split('=').next().is_some_and(|it| it.trim() == key);
        overrides.retain(|typed| !is_of_key(typed));
        let absolute = toml::Value::String(absolute.display().to_string());
        overrides.push(format!("{key}={absolute}"));
    }
    overrides
}

/// The folder in which a run began, if the run's data are found from there and not from here.
fn home(folder: &Path, overrides: &[String]) -> Option<PathBuf> {
    let identity = Identity::read(folder).ok()?;
    let (_, experiment) = experiments(folder, overrides)?;
    let places = experiment.data.places();
    let home = PathBuf::from(identity.working_directory);
    let are_in = |base: &Path| {
        let mut paths = places.iter().filter_map(|(_, place)| *place);
        paths.all(|path| is_there(&base.join(path)))
    };
    (!are_in(Path::new("")) && are_in(&home)).then_some(home)
}

/// What a run declares, without and with these overrides.
fn experiments(folder: &Path, overrides: &[String]) -> Option<(Experiment, Experiment)> {
    let (mut document, before) = run_dir::document(folder).ok()?;
    if overrides.is_empty() {
        return Some((before.clone(), before));
    }
    document.set_all(overrides);
    Some((before, document.experiment().ok()?))
}

/// Whether a place exists; for a pattern, whether the folder it looks into does.
fn is_there(place: &Path) -> bool {
    fixed_part(place).exists()
}
