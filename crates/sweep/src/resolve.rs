//! From what a user types for a sweep to its directory.

use std::fs;
use std::path::{Path, PathBuf};

use runner_files::TEMPORARY_PREFIX;

use crate::directory::{Error, SweepDir};
use crate::layout;

/// Stands for the sweep that was begun last.
const LAST: &str = "last";

/// All sweep directories in `out`, the oldest first; what cannot be read is left out.
pub fn list(out: &Path) -> Vec<SweepDir> {
    let entries = fs::read_dir(out.join(layout::SWEEPS))
        .into_iter()
        .flatten()
        .flatten();
    let names = entries.filter(|it| {
        !it.file_name()
            .to_string_lossy()
            .starts_with(TEMPORARY_PREFIX)
    });
    let mut sweeps: Vec<SweepDir> = names
        .filter_map(|it| SweepDir::open(&it.path()).ok())
        .collect();
    sweeps.sort_by(|a, b| {
        let key = |it: &SweepDir| (it.record.created_at.clone(), it.record.sweep_id.clone());
        key(a).cmp(&key(b))
    });
    sweeps
}

/// The sweep that `text` names: a path; `last`; or how the name of one sweep in `out`, and of no other, begins or ends.
///
/// # Errors
/// If it names no sweep, or several, or what it names is none.
pub fn resolve(text: &str, out: &Path) -> Result<SweepDir, Error> {
    if !text.is_empty() && Path::new(text).exists() {
        return SweepDir::open(Path::new(text));
    }
    let sweeps = out.join(layout::SWEEPS);
    let none = |why: String| Error::NoSuchSweep {
        name: text.to_owned(),
        why,
    };
    if text == LAST {
        let last = list(out).pop();
        return last.ok_or(Error::NoSweeps { folder: sweeps });
    }
    let names = fs::read_dir(&sweeps).into_iter().flatten().flatten();
    let names = names.map(|entry| entry.file_name().to_string_lossy().into_owned());
    let is_meant =
        |name: &String| !text.is_empty() && (name.starts_with(text) || name.ends_with(text));
    let mut names: Vec<String> = names.filter(is_meant).collect();
    names.sort();
    // The whole of a name, behind its time, is meant before an end of another one.
    let is_whole = |name: &String| name.get(layout::STAMP..) == Some(text);
    if names.iter().any(is_whole) {
        names.retain(is_whole);
    }
    match names.as_slice() {
        [name] => SweepDir::open(&sweeps.join(name)),
        [] => Err(none(format!(
            "no such path, and no sweep in {} has a name that begins or ends like this",
            sweeps.display()
        ))),
        several => {
            let paths: Vec<String> = several
                .iter()
                .map(|name| PathBuf::from(&sweeps).join(name).display().to_string())
                .collect();
            Err(none(format!(
                "{} sweeps have names that begin or end like this; type more of the name:\n  {}",
                several.len(),
                paths.join("\n  ")
            )))
        }
    }
}
