//! From what a user types for a run to its directory.

use std::fs;
use std::path::{Path, PathBuf};

use crate::files::TEMPORARY_PREFIX;
use crate::run_dir::{Error, layout};

/// All run directories in a folder, oldest first. A folder that is not there has none.
pub fn list(out: &Path) -> Vec<PathBuf> {
    let mut runs: Vec<PathBuf> = fs::read_dir(out)
        .into_iter()
        .flatten()
        .flatten()
        .filter(|entry| {
            let name = entry.file_name();
            name != layout::LATEST && !name.to_string_lossy().starts_with(TEMPORARY_PREFIX)
        })
        .map(|entry| entry.path())
        .filter(|path| path.join(layout::IDENTITY).is_file())
        .collect();
    // Ids begin with the time.
    runs.sort();
    runs
}

/// The directory of the run that `text` names: a path, `last`, or a run id or a prefix of one in `out`.
///
/// # Errors
///
/// [`Error::NotARun`] if it names no run, or several.
pub fn resolve(text: &str, out: &Path) -> Result<PathBuf, Error> {
    let path = Path::new(text);
    if path.exists() {
        return Ok(path.to_owned());
    }
    let not_a_run = |why: String| Error::NotARun {
        path: path.to_owned(),
        why,
    };
    let runs = list(out);
    if text == "last" {
        let why = format!("there are no runs in {}", out.display());
        return runs.into_iter().next_back().ok_or_else(|| not_a_run(why));
    }
    let matching: Vec<&PathBuf> = runs
        .iter()
        .filter(|run| {
            run.file_name()
                .is_some_and(|name| name.to_string_lossy().starts_with(text))
        })
        .collect();
    match matching.as_slice() {
        [run] => Ok((*run).clone()),
        [] => Err(not_a_run(format!(
            "no such path, and no run in {} begins so",
            out.display()
        ))),
        several => {
            let names: Vec<String> = several
                .iter()
                .map(|run| run.display().to_string())
                .collect();
            Err(not_a_run(format!(
                "{} runs begin so, type more of the name:\n  {}",
                several.len(),
                names.join("\n  ")
            )))
        }
    }
}
