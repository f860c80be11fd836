//! Whether a run directory is what the program wrote: every digest computed anew, every file held
//! against the others. Reads only.

use std::fs;
use std::path::Path;

use super::format::checkpoint::{Checkpoint, State};
use super::format::data_csv::{DataFile, listed_images};
use super::format::metrics_csv::{self, MetricsTable};
use super::format::predictions_csv::read_confusion;
use super::format::result_json::TestScores;
use super::format::run_json::Identity;
use super::format::tags_json::Tags;
use super::format::{confusion_csv, result_json};
use super::layout::{EVAL_FILES, SplitFiles, TEST_FILES};
use super::{Error, Moves, best_checkpoint, checkpoint_names, config_digest, document, layout};
use crate::array;
use crate::digest;
use crate::metrics::{COLUMNS, ConfusionMatrix, classification_report};

/// One thing that was looked at, and what is wrong with it, if anything.
#[derive(Debug)]
pub struct Check {
    /// The file.
    pub what: String,
    /// `None` if all is well.
    pub problem: Option<String>,
}

/// Looks at everything in a run directory, and at the data files the run names, which may have moved.
///
/// # Errors
///
/// If it is no run directory, or its checkpoints cannot be listed.
pub fn verify(folder: &Path, moves: &Moves) -> Result<Vec<Check>, Error> {
    let identity = Identity::read(folder)?;
    let mut checks = vec![Check::new(
        layout::RESOLVED,
        check_config(folder, &identity),
    )];
    for file in &identity.data_files {
        let problem = match file.files {
            Some(_) => check_images(folder, file, moves),
            None => check_file(&moves.find(&file.path), &file.sha256),
        };
        checks.push(Check::new(&file.path, problem));
    }
    if folder.join(layout::TAGS).exists() {
        let problem = Tags::read(folder).err().map(|error| error.to_string());
        checks.push(Check::new(layout::TAGS, problem));
    }
    let names = checkpoint_names(folder)?;
    let checkpoints: Vec<_> = names
        .iter()
        .map(|name| Checkpoint::read(&folder.join(layout::CHECKPOINTS).join(name)))
        .collect();
    // Read after the checkpoints: where a run is running, its rows can only have grown.
    let metrics = fs::read_to_string(folder.join(layout::METRICS)).unwrap_or_default();
    let mut newest: Option<(String, State)> = None;
    for (name, checkpoint) in names.iter().zip(checkpoints) {
        let problem = match checkpoint {
            Err(damage) => Some(damage.to_string()),
            Ok((checkpoint, digest)) => {
                let before = newest.as_ref();
                let problem = check_checkpoint(name, &checkpoint, &identity, before, &metrics);
                newest = Some((digest, checkpoint.state));
                problem
            }
        };
        let what = format!("{}/{name}", layout::CHECKPOINTS);
        checks.push(Check::new(&what, problem));
    }
    let newest = newest.map(|(_, state)| state.metrics);
    let finished = folder.join(layout::RESULT).exists();
    let problem = check_metrics(&metrics, newest.as_deref(), finished);
    checks.push(Check::new(layout::METRICS, problem));
    if finished {
        // Whether result.json tells of a last evaluation.
        let has_test =
            result_json::read(folder).is_some_and(|(_, result)| result.contains_key("test"));
        for (files, metrics) in [(&EVAL_FILES, Some(metrics.as_str())), (&TEST_FILES, None)] {
            // Not every run has images for a last evaluation.
            let names = [files.predictions, files.report, files.confusion];
            let has_some = names.iter().any(|name| folder.join(name).exists());
            if metrics.is_some() || has_some || has_test {
                let problem = check_results(folder, files, &identity, metrics);
                checks.push(Check::new(files.predictions, problem));
            }
            if folder.join(files.best_predictions).exists() {
                let problem = check_best(folder, files, &identity, metrics);
                checks.push(Check::new(files.best_predictions, problem));
            }
        }
        let problem = check_result(folder, &identity, &metrics);
        checks.push(Check::new(layout::RESULT, problem));
    }
    Ok(checks)
}

impl Check {
    fn new(what: &str, problem: Option<String>) -> Self {
        Self {
            what: what.to_owned(),
            problem,
        }
    }
}

/// Holds a data file against its checksum.
fn check_file(path: &Path, sha256: &str) -> Option<String> {
    match digest::of_file(path).map(|(digest, _)| digest.hex()) {
        Ok(digest) if digest == sha256 => None,
        Ok(_) => Some("differs from the file the run was trained on".to_owned()),
        Err(error) => Some(format!("cannot be read: {error}")),
    }
}

/// Holds all image files of a folder against the checksums that were listed when the run began.
fn check_images(folder: &Path, data: &DataFile, moves: &Moves) -> Option<String> {
    let listed = match listed_images(folder, &data.path) {
        Ok(listed) => listed,
        Err(problem) => return Some(problem),
    };
    if data.files != Some(listed.len()) {
        return Some(format!("{} does not list its images", layout::DATA));
    }
    listed.iter().find_map(|image| {
        let path = moves.find(&image.path);
        let problem = check_file(&path, &image.sha256)?;
        Some(format!("{} {problem}", path.display()))
    })
}

fn check_config(folder: &Path, identity: &Identity) -> Option<String> {
    match document(folder) {
        Ok((_, experiment)) => match config_digest(folder, &experiment) {
            Ok(digest) if digest == identity.config_digest => None,
            Ok(_) => Some("differs from the config the run started with".to_owned()),
            Err(error) => Some(error.to_string()),
        },
        Err(error) => Some(error.to_string()),
    }
}

/// `before` is the intact checkpoint before this one, with its digest.
fn check_checkpoint(
    name: &str,
    checkpoint: &Checkpoint,
    identity: &Identity,
    before: Option<&(String, State)>,
    metrics: &str,
) -> Option<String> {
    let state = &checkpoint.state;
    if let Some(problem) = checkpoint.misplaced(name, identity) {
        return Some(problem);
    }
    if let Some((name, _)) = checkpoint
        .arrays
        .iter()
        .find(|(_, array)| !array.is_finite())
    {
        return Some(format!("`{name}` is not finite"));
    }
    if let Some((digest, before)) = before {
        // Those between the two may have been deleted: then the chain has a gap, and only the rows can tell.
        let is_next = state.previous.as_ref() == Some(digest);
        if !is_next && !state.metrics.starts_with(&before.metrics) {
            return Some("it is not consistent with the checkpoint before it".to_owned());
        }
    }
    if !metrics.starts_with(&state.metrics) {
        return Some(format!("its rows differ from those of {}", layout::METRICS));
    }
    let digest = array::digest(&checkpoint.arrays).hex();
    if let Some(parent) = identity.parent.as_ref().filter(|it| it.checkpoint == name) {
        // Its rows are of another run, of whose arrays it may have left some behind.
        let is_start = digest == parent.arrays && state.previous.as_ref() == Some(&parent.digest);
        return (!is_start).then(|| "it is not what the fork began with".to_owned());
    }
    if state.position.is_epoch_end() && state.position.step > 0 {
        let row = state.metrics.lines().last().unwrap_or_default();
        let column = COLUMNS.iter().position(|column| column.name == "digest");
        if column.and_then(|column| row.split(',').nth(column)) != digest.get(..16) {
            return Some(format!(
                "its arrays do not match the last row of {}",
                layout::METRICS
            ));
        }
    }
    None
}

/// `newest` is what the newest intact checkpoint says of the rows.
fn check_metrics(metrics: &str, newest: Option<&str>, finished: bool) -> Option<String> {
    let header = metrics_csv::header();
    if !metrics.starts_with(&header) {
        return Some("its header is not the one that the program writes".to_owned());
    }
    let table = match MetricsTable::parse(Path::new(layout::METRICS), metrics) {
        Ok(table) => table,
        Err(error) => return Some(error.to_string()),
    };
    let gap = (0..table.len()).find(|row| table.get(*row, "epoch") != Some((row + 1) as f64));
    if let Some(row) = gap {
        return Some(format!("line {} should be epoch {}", row + 2, row + 1));
    }
    match newest {
        Some(newest) if finished && metrics != newest => {
            Some("it differs from what the newest checkpoint says".to_owned())
        }
        None if finished => Some("the run is finished but has no checkpoint".to_owned()),
        _ => None,
    }
}

/// result.json must say what follows from the rows.
fn check_result(folder: &Path, identity: &Identity, metrics: &str) -> Option<String> {
    let Some((text, result)) = result_json::read(folder) else {
        return Some("it is not a JSON object".to_owned());
    };
    let (_, experiment) = document(folder).ok()?;
    let table = MetricsTable::parse(Path::new(layout::METRICS), metrics).ok()?;
    let mut expected = result_json::of_rows(&identity.run_id, &table, &experiment.checkpoint);
    for (name, predictions) in [
        ("test", layout::TEST_PREDICTIONS),
        ("best_test", layout::BEST_TEST_PREDICTIONS),
    ] {
        if let Ok(confusion) = read_confusion(&folder.join(predictions), &identity.class_names) {
            expected.insert(name.to_owned(), TestScores::new(&confusion).value());
        }
    }
    // Older versions named neither the checkpoint nor the epochs.
    if let Some(named) = result.get("best_checkpoint") {
        let monitor = &experiment.checkpoint.monitor;
        let best = best_checkpoint(folder, &table, monitor).ok()?;
        let best = best.map(|name| format!("{}/{name}", layout::CHECKPOINTS));
        // It may have been pruned since.
        let is_other = best.is_some() && named.as_str() != best.as_deref();
        if !named.is_null() && is_other {
            return Some("it names a checkpoint other than the best".to_owned());
        }
        expected.insert("best_checkpoint".to_owned(), named.clone());
        let planned = experiment.training.epochs;
        expected.insert("planned_epochs".to_owned(), planned.into());
    }
    for free in ["reproducible", "finished_at"] {
        expected.insert(free.to_owned(), result.get(free)?.clone());
    }
    // Compared as text: a reader of JSON may be off by the last bit of a number.
    (text != result_json::text(expected))
        .then(|| format!("it is not consistent with {}", layout::METRICS))
}

/// Predictions, confusion matrix, report and, of the evaluation, the last row must say the same.
fn check_results(
    folder: &Path,
    files: &SplitFiles,
    identity: &Identity,
    metrics: Option<&str>,
) -> Option<String> {
    let read = |name: &str| fs::read_to_string(folder.join(name)).unwrap_or_default();
    let confusion = match read_confusion(&folder.join(files.predictions), &identity.class_names) {
        Ok(confusion) => confusion,
        Err(flaw) => return Some(flaw.to_string()),
    };
    let report = classification_report(&confusion, &identity.class_names);
    if read(files.report) != report {
        return Some(format!("{} is not consistent with it", files.report));
    }
    if read(files.confusion) != confusion_csv::text(&confusion, &identity.class_names) {
        return Some(format!("{} is not consistent with it", files.confusion));
    }
    let table = MetricsTable::parse(Path::new(layout::METRICS), metrics?).ok()?;
    let last = table.len().checked_sub(1)?;
    (!has_scores(&table, last, &confusion)).then(|| {
        format!(
            "the last row of {} is not consistent with it",
            layout::METRICS
        )
    })
}

/// The predictions of the best checkpoint and, of the evaluation, its row must say the same.
fn check_best(
    folder: &Path,
    files: &SplitFiles,
    identity: &Identity,
    metrics: Option<&str>,
) -> Option<String> {
    let path = folder.join(files.best_predictions);
    let confusion = match read_confusion(&path, &identity.class_names) {
        Ok(confusion) => confusion,
        Err(flaw) => return Some(flaw.to_string()),
    };
    let table = MetricsTable::parse(Path::new(layout::METRICS), metrics?).ok()?;
    let (_, experiment) = document(folder).ok()?;
    let best = table.best(&experiment.checkpoint.monitor)?;
    // The rows of a fork's parent are of its config and data.
    let inherited = identity.parent.as_ref().map_or(0, |parent| parent.epoch);
    (best as u64 >= inherited && !has_scores(&table, best, &confusion)).then(|| {
        format!(
            "the best row of {} does not follow from it",
            layout::METRICS
        )
    })
}

/// Whether the scores in a row follow from the counts, where its epoch was evaluated at all.
fn has_scores(table: &MetricsTable, row: usize, confusion: &ConfusionMatrix) -> bool {
    table.get(row, "eval_accuracy").is_none()
        || COLUMNS
            .iter()
            .filter_map(|column| Some((column, column.from_predictions(confusion)?)))
            .all(|(column, score)| table.get(row, column.name) == Some(score))
}
