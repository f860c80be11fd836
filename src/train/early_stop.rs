//! Early stopping, decided from the rows of metrics.csv alone: there is no state to save.

use crate::config::EarlyStop;
use crate::metrics::{BestSoFar, Margin};
use crate::run_dir::MetricsTable;

/// Whether the monitored column has not improved for `patience` evaluated epochs.
pub fn is_due(rule: &EarlyStop, metrics: &MetricsTable) -> bool {
    let mut best = BestSoFar::new(rule.mode, Margin::Absolute(rule.min_delta));
    let mut waited = 0;
    for value in (0..metrics.len()).filter_map(|row| metrics.get(row, &rule.monitor)) {
        if best.improves(value) {
            waited = 0;
        } else {
            waited += 1;
        }
    }
    waited >= rule.patience
}
