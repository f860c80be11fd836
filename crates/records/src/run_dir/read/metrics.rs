//! metrics.csv of a run, whose last row may be torn.

use std::path::Path;

use super::checkpoints::checkpoint_names;
use crate::run_dir::format::checkpoint::Checkpoint;
use crate::run_dir::format::metrics_csv::{self, MetricsTable, TableError};
use crate::run_dir::layout;

/// The rows of a run so far.
///
/// A last line without its newline may be a row that is being written, or one that a crash has cut, even in the middle
/// of its last number. It counts if the newest checkpoint has it too, since that holds all of metrics.csv.
///
/// # Errors
///
/// If metrics.csv cannot be read or is no table.
pub fn metrics(folder: &Path) -> Result<MetricsTable, TableError> {
    let path = folder.join(layout::METRICS);
    let mut text = metrics_csv::text(&path)?;
    let whole = text.rfind('\n').map_or(0, |end| end + 1);
    if whole < text.len() {
        text.push('\n');
        if text != metrics_csv::header() && !is_in_newest_checkpoint(folder, &text) {
            text.truncate(whole);
        }
    }
    MetricsTable::parse(&path, &text)
}

fn is_in_newest_checkpoint(folder: &Path, rows: &str) -> bool {
    let names = checkpoint_names(folder).unwrap_or_default();
    let newest = names.last().map(|name| {
        let path = folder.join(layout::CHECKPOINTS).join(name);
        Checkpoint::read(&path)
    });
    matches!(newest, Some(Ok((checkpoint, _))) if checkpoint.state.metrics.starts_with(rows))
}
