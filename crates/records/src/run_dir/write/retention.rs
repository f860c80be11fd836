//! Decides which checkpoints are deleted.

use crate::metrics::{Mode, best_first};

/// A checkpoint file and, where it ends an epoch, that epoch's value of the monitored column.
#[derive(Debug, Clone, PartialEq)]
pub struct RankedCheckpoint {
    /// Inside the folder of checkpoints.
    pub file_name: String,
    /// `None` where it does not end an epoch, or the epoch was not evaluated.
    pub value: Option<f64>,
}

/// How many checkpoints are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// How many of the newest are kept.
    pub keep_last: usize,
    /// How many of the best are kept.
    pub keep_best: usize,
    /// The direction in which the monitored column gets better.
    pub mode: Mode,
}

/// The files to delete, oldest first. `checkpoints` are in the order of writing.
pub fn superfluous(checkpoints: &[RankedCheckpoint], retention: Retention) -> Vec<String> {
    let newest = checkpoints.len().saturating_sub(retention.keep_last);
    let mut best = best_first(retention.mode, checkpoints.iter().map(|one| one.value));
    best.truncate(retention.keep_best);
    let older = checkpoints[..newest].iter().enumerate();
    older
        .filter(|(place, _)| !best.contains(place))
        .map(|(_, checkpoint)| checkpoint.file_name.clone())
        .collect()
}
