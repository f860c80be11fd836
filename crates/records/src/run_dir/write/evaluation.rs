//! An evaluation after training, in a folder of its own: below the run, or wherever it is wanted. Needs no lock, since
//! no other process writes there.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::create::{open_up, remove_stale};
use super::finish::{SplitResults, write_split};
use crate::files::{self, IoError, TEMPORARY_PREFIX};
use crate::run_dir::format::evaluation_json::EvaluationRecord;
use crate::run_dir::layout::{self, EVAL_FILES, TEST_FILES};
use crate::run_dir::{Error, time};

/// Writes an evaluation of the run in `run` to the new folder `out`, or else to one below the run that is named after
/// the time; gives the folder, which appears complete or not at all.
///
/// # Errors
///
/// If the folder is there already, or it cannot be written.
pub fn write_evaluation(
    run: &Path,
    out: Option<&Path>,
    record: &EvaluationRecord,
    class_names: &[String],
    eval: &SplitResults<'_>,
    test: Option<&SplitResults<'_>>,
) -> Result<PathBuf, Error> {
    let parent = match out {
        Some(out) => files::folder_of(out).to_owned(),
        None => run.join(layout::EVALUATIONS),
    };
    files::create_folders(&parent)?;
    if out.is_none() {
        remove_stale(&parent);
    }
    let unfinished = tempfile::Builder::new()
        .prefix(TEMPORARY_PREFIX)
        .tempdir_in(&parent)
        .map_err(IoError::at("create a folder in", &parent))?;
    let folder = unfinished.path();
    open_up(folder)?;
    write_split(folder, &EVAL_FILES, eval, class_names)?;
    if let Some(test) = test {
        write_split(folder, &TEST_FILES, test, class_names)?;
    }
    files::write_synced(&folder.join(layout::EVALUATION), record.text().as_bytes())?;
    files::sync_folder(folder)?;
    let stamp = time().format("%Y%m%d-%H%M%S").to_string();
    let mut names = (1..).map(|number| match number {
        1 => stamp.clone(),
        _ => format!("{stamp}-{number}"),
    });
    loop {
        let to = match out {
            Some(out) => out.to_owned(),
            None => parent.join(names.next().expect("the numbers do not end")),
        };
        match rename_new(folder, &to) {
            Err(error) if out.is_none() && error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(IoError::new("create", to, error).into()),
            Ok(()) => {
                let _ = unfinished.keep();
                files::sync_folder(&parent)?;
                return Ok(to);
            }
        }
    }
}

/// Renames a folder to a name that is free.
fn rename_new(from: &Path, to: &Path) -> io::Result<()> {
    // A rename would replace an empty folder.
    match to.symlink_metadata() {
        Ok(_) => Err(io::ErrorKind::AlreadyExists.into()),
        Err(_) => fs::rename(from, to),
    }
}
