//! The learning rate that falls when a column of metrics.csv gets no better. Like early stopping it has no
//! state: all of it follows from the rows, and those are in the checkpoint.

use crate::config::{Mode, ReduceOnPlateauRule, Rule, Schedule, ThresholdMode, Training};
use crate::run_dir::MetricsTable;

/// What a schedule starts from after these epochs: the learning rate of the training, or what a plateau
/// has made of it, as `torch.optim.lr_scheduler.ReduceLROnPlateau` would.
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

/// The rate after these measurements, in their order.
pub fn rate_after(
    rule: &ReduceOnPlateauRule,
    learning_rate: f64,
    measured: impl IntoIterator<Item = f64>,
) -> f64 {
    let mut rate = learning_rate;
    let mut best = None;
    let (mut bad, mut cooldown) = (0, 0);
    for value in measured {
        if best.is_none_or(|best| is_better(rule, value, best)) {
            best = Some(value);
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

fn is_better(rule: &ReduceOnPlateauRule, value: f64, best: f64) -> bool {
    let threshold = rule.threshold;
    match (rule.mode, rule.threshold_mode) {
        (Mode::Min, ThresholdMode::Rel) => value < best * (1.0 - threshold),
        (Mode::Min, ThresholdMode::Abs) => value < best - threshold,
        (Mode::Max, ThresholdMode::Rel) => value > best * (1.0 + threshold),
        (Mode::Max, ThresholdMode::Abs) => value > best + threshold,
    }
}
