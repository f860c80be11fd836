//! The learning rate of every step: a pure function of the config, so that a resume has nothing to restore.
//!
//! The formulas are the closed forms in the documentation of `torch.optim.lr_scheduler`, with the time in
//! epochs where PyTorch counts calls of `step`.

use std::f64::consts::PI;

use crate::config::{AnnealStrategy, Interval, OneCycleRule, Rule, Schedule};

/// The learning rate of step `step`, from 0, of a run with `steps_per_epoch` steps in an epoch; the schedule
/// starts from the rate `base`.
pub fn learning_rate(
    schedule: Option<&Schedule>,
    base: f64,
    steps_per_epoch: u64,
    step: u64,
) -> f64 {
    let Some(schedule) = schedule else {
        return base;
    };
    // Both in epochs: the time since the start, and the time between two changes of the rate.
    let (time, tick) = match schedule.by {
        Interval::Step => (
            step as f64 / steps_per_epoch as f64,
            1.0 / steps_per_epoch as f64,
        ),
        Interval::Epoch => ((step / steps_per_epoch) as f64, 1.0),
    };
    let Schedule {
        warmup,
        warmup_factor,
        ..
    } = schedule;
    let rate = |time: f64| match &schedule.rule {
        Some(rule) => rate(rule, base, time, tick),
        None => base,
    };
    if time < *warmup {
        // The warm-up ends at the rate that the rule begins with.
        return rate(0.0) * (warmup_factor + (1.0 - warmup_factor) * time / warmup);
    }
    rate(time - warmup)
}

/// The rate `time` epochs after the rule begins; the rate changes every `tick` epochs.
fn rate(rule: &Rule, base: f64, time: f64, tick: f64) -> f64 {
    match rule {
        Rule::Step(rule) => base * libm::pow(rule.gamma, (time / rule.step_size).floor()),
        Rule::MultiStep(rule) => {
            let passed = rule.milestones.iter().filter(|it| **it <= time).count();
            base * libm::pow(rule.gamma, passed as f64)
        }
        Rule::Exponential(rule) => base * libm::pow(rule.gamma, time),
        Rule::Cosine(rule) => cosine(base, rule.eta_min, time / rule.t_max),
        Rule::CosineRestarts(rule) => {
            let (mut left, mut period) = (time, rule.t_0);
            if rule.t_mult == 1 {
                left %= period;
            } else {
                while left >= period {
                    left -= period;
                    period *= rule.t_mult as f64;
                }
            }
            cosine(base, rule.eta_min, left / period)
        }
        Rule::Linear(rule) => {
            let part = (time / rule.total_iters).min(1.0);
            base * (rule.start_factor + (rule.end_factor - rule.start_factor) * part)
        }
        Rule::Polynomial(rule) => {
            base * libm::pow(1.0 - (time / rule.total_iters).min(1.0), rule.power)
        }
        Rule::OneCycle(rule) => one_cycle(rule, base, time / tick, rule.total / tick),
        Rule::Noam(rule) => {
            let part = (time + tick) / rule.warmup;
            base * part.min(1.0 / part.sqrt())
        }
        // `base` has the reductions of plateaus already.
        Rule::ReduceOnPlateau(_) => base,
    }
}

/// The rate after `count` of `total` changes.
fn one_cycle(rule: &OneCycleRule, highest: f64, count: f64, total: f64) -> f64 {
    let first = highest / rule.div_factor;
    let last = first / rule.final_div_factor;
    let top = rule.pct_start * total - 1.0;
    let phases: &[(f64, f64, f64)] = match rule.three_phase {
        true => &[
            (top, first, highest),
            (2.0 * top, highest, first),
            (total - 1.0, first, last),
        ],
        false => &[(top, first, highest), (total - 1.0, highest, last)],
    };
    let mut start = 0.0;
    for (end, from, to) in phases {
        if count <= *end {
            // A phase of no length is over at once.
            let part = match end - start > 0.0 {
                true => (count - start) / (end - start),
                false => 1.0,
            };
            return match rule.anneal_strategy {
                AnnealStrategy::Linear => from + (to - from) * part,
                AnnealStrategy::Cos => cosine(*from, *to, part),
            };
        }
        start = *end;
    }
    last
}

/// From `base` at part 0 to `eta_min` at part 1.
fn cosine(base: f64, eta_min: f64, part: f64) -> f64 {
    eta_min + (base - eta_min) * (1.0 + libm::cos(PI * part)) / 2.0
}
