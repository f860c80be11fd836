//! Early stopping, decided from the rows of metrics.csv alone: there is no state to save.

use crate::config::{EarlyStop, Mode};
use crate::run_dir::MetricsTable;

/// Whether a run with these rows has learned all it will. NaN is never an improvement.
pub fn is_due(rule: &EarlyStop, metrics: &MetricsTable) -> bool {
    let mut best: Option<f64> = None;
    let mut waited = 0;
    for row in 0..metrics.len() {
        let Some(value) = metrics.get(row, &rule.monitor) else {
            continue;
        };
        let improved = match (best, rule.mode) {
            (None, _) => !value.is_nan(),
            (Some(best), Mode::Min) => value < best - rule.min_delta,
            (Some(best), Mode::Max) => value > best + rule.min_delta,
        };
        if improved {
            best = Some(value);
            waited = 0;
        } else {
            waited += 1;
        }
    }
    waited >= rule.patience
}
