//! Finds the directory of the run that a user names.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use rayon::prelude::*;

use crate::files::{IoError, TEMPORARY_PREFIX};
use crate::run_dir::format::run_json::Beginning;
use crate::run_dir::{Error, layout};

/// Stands for the run that was begun last.
const LAST: &str = "last";

/// How many runs an error lists when a text stands for several.
const MOST_NAMED: usize = 10;

/// All run directories in a folder, in the order in which they were begun. A folder that is not there has none.
pub fn list(out: &Path) -> Vec<PathBuf> {
    in_order(out).into_iter().map(|(_, path)| path).collect()
}

/// The number of the run that was begun last in a folder; 0 where there is none.
pub(in crate::run_dir) fn newest(out: &Path) -> u64 {
    in_order(out)
        .last()
        .map_or(0, |(beginning, _)| beginning.sequence)
}

/// As [`list`], with what each run says of its beginning.
pub fn in_order(out: &Path) -> Vec<(Beginning, PathBuf)> {
    let mut runs: Vec<(Beginning, PathBuf)> = names(out)
        .into_par_iter()
        .map(|name| out.join(name))
        .filter_map(|folder| Some((Beginning::read(&folder)?, folder)))
        .collect();
    runs.sort_by(|(one, a), (other, b)| (one.sequence, a).cmp(&(other.sequence, b)));
    runs
}

/// The run directory that a link, such as `latest`, leads to, under its own name.
fn behind_link(path: &Path) -> Option<PathBuf> {
    let run = path.parent()?.join(fs::read_link(path).ok()?);
    is_run(&run).then_some(run)
}

/// What could be a run directory by its name.
pub fn names(out: &Path) -> Vec<String> {
    let entries = fs::read_dir(out).into_iter().flatten().flatten();
    let names = entries.map(|entry| entry.file_name().to_string_lossy().into_owned());
    names
        .filter(|name| name != layout::LATEST && !name.starts_with(TEMPORARY_PREFIX))
        .collect()
}

fn is_run(folder: &Path) -> bool {
    folder.join(layout::IDENTITY).is_file()
}

/// Whether a path exists. A text that is no valid path, or one that leads through a file, does not.
fn is_there(path: &Path) -> Result<bool, Error> {
    use ErrorKind::{InvalidFilename, InvalidInput, NotADirectory};
    match path.try_exists() {
        Ok(is_there) => Ok(is_there),
        Err(source) => match source.kind() {
            InvalidFilename | InvalidInput | NotADirectory => Ok(false),
            _ => Err(IoError::new("read", path, source).into()),
        },
    }
}

/// The directory of the run that `text` names: a path; `last`, the run that was begun last, repetitions of
/// others aside; or how the name of one run in `out`, and of no other, begins or ends.
///
/// # Errors
///
/// [`Error::NoSuchRun`] if it names no run, or several; [`Error::Io`] if the system does not say what is at the path.
pub fn resolve(text: &str, out: &Path) -> Result<PathBuf, Error> {
    let path = Path::new(text);
    if is_there(path)? {
        return Ok(behind_link(path).unwrap_or_else(|| path.to_owned()));
    }
    let no_run = |why: String| Error::NoSuchRun {
        name: text.to_owned(),
        why,
    };
    let shown = out.display();
    if text.is_empty() {
        return Err(no_run("the name is empty".to_owned()));
    }
    if [LAST, layout::LATEST].contains(&text) {
        let mut runs = in_order(out).into_iter().rev();
        let last = runs.find(|(beginning, _)| !beginning.is_repetition());
        let (_, folder) = last.ok_or_else(|| no_run(format!("there are no runs in {shown}")))?;
        return Ok(folder);
    }
    let mut matching = names(out);
    matching
        .retain(|name| (name.starts_with(text) || name.ends_with(text)) && is_run(&out.join(name)));
    matching.sort();
    match matching.as_slice() {
        [name] => Ok(out.join(name)),
        [] => Err(no_run(format!(
            "no such path, and no run in {shown} has a name that begins or ends like this"
        ))),
        several => {
            let mut lines: Vec<String> = several
                .iter()
                .rev()
                .take(MOST_NAMED)
                .map(|name| out.join(name).display().to_string())
                .collect();
            if let Some(more @ 1..) = several.len().checked_sub(MOST_NAMED) {
                lines.push(format!("and {more} more"));
            }
            Err(no_run(format!(
                "{} runs have names that begin or end like this; type more of the name:\n  {}",
                several.len(),
                lines.join("\n  ")
            )))
        }
    }
}
