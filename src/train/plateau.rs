//! The learning rate that is reduced when a column of metrics.csv stops improving. Like early stopping it
//! has no state: all of it follows from the rows, and those are in the checkpoint.

use crate::config::{ReduceOnPlateauRule, Rule, Schedule, ThresholdMode, Training};
use crate::metrics::{BestSoFar, Margin};
use crate::run_dir::MetricsTable;

/// The rate that a schedule starts from after these epochs: the learning rate of the training, as
/// `torch.optim.lr_scheduler.ReduceLROnPlateau` would have reduced it by now.
pub fn base_rate(schedule: Option<&Schedule>, training: &Training, metrics: &MetricsTable) -> f64 {
    let Some(Schedule {
        warmup,
        rule: Some(Rule::ReduceOnPlateau(rule)),
        ..
    }) = schedule
    else {
        return training.learning_rate;
    };
    // The rule begins after the warm-up.
    let rows = (0..metrics.len()).filter(|row| {
        let epoch = metrics.get(*row, "epoch");
        epoch.is_some_and(|epoch| epoch > *warmup)
    });
    let measured = rows.filter_map(|row| metrics.get(row, &rule.monitor));
    rate_after(rule, training.learning_rate, measured)
}

/// The rate after these measurements of the monitored column, in their order. NaN counts as no improvement.
pub fn rate_after(
    rule: &ReduceOnPlateauRule,
    learning_rate: f64,
    measured: impl IntoIterator<Item = f64>,
) -> f64 {
    let mut rate = learning_rate;
    let margin = match rule.threshold_mode {
        ThresholdMode::Rel => Margin::Relative(rule.threshold),
        ThresholdMode::Abs => Margin::Absolute(rule.threshold),
    };
    let mut best = BestSoFar::new(rule.mode, margin);
    let (mut bad, mut cooldown) = (0, 0);
    for value in measured {
        if best.improves(value) {
            bad = 0;
        } else {
            bad += 1;
        }
        if cooldown > 0 {
            cooldown -= 1;
            bad = 0;
        }
        if bad > rule.patience {
            let next = (rate * rule.factor).max(rule.min_lr);
            if rate - next > rule.eps {
                rate = next;
            }
            cooldown = rule.cooldown;
            bad = 0;
        }
    }
    rate
}
