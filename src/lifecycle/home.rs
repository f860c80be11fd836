//! The folder in which the paths of a run's data start.

use std::env;
use std::path::{Path, PathBuf};

use crate::data::shards;
use crate::run_dir::{self, Identity};

/// Makes the folder in which a run was begun the process's own, where the run's data are there and not here: so a
/// run goes on from any folder. Of `paths` the first is the run directory, the others are what the user typed;
/// they come back as they are found from then on. What is wrong with the run is left to whoever opens it.
pub fn go_home<const N: usize>(paths: [PathBuf; N]) -> [PathBuf; N] {
    let Some(home) = paths.first().and_then(|folder| home(folder)) else {
        return paths;
    };
    let absolute = paths.each_ref().map(std::path::absolute);
    if absolute.iter().any(Result::is_err) || env::set_current_dir(home).is_err() {
        return paths;
    }
    absolute.map(|path| path.expect("none of them is an error"))
}

/// The folder in which a run was begun, where the run's data are there and not here.
fn home(folder: &Path) -> Option<PathBuf> {
    let identity = Identity::read(folder).ok()?;
    let (_, experiment) = run_dir::document(folder).ok()?;
    let data = experiment.data;
    let paths: Vec<String> = [data.path, data.train, data.eval, data.test]
        .into_iter()
        .flatten()
        .collect();
    let home = PathBuf::from(identity.working_directory);
    let are_in = |base: &Path| paths.iter().all(|path| is_there(&base.join(path)));
    (!are_in(Path::new("")) && are_in(&home)).then_some(home)
}

/// Whether there is something at a place; of a pattern, where it looks.
fn is_there(place: &Path) -> bool {
    shards::fixed_part(place).exists()
}
