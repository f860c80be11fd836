//! The learning rate of every step: a pure function of the config, so that a resume has nothing to restore.
//!
//! The formulas are the closed forms in the documentation of `torch.optim.lr_scheduler`, of time in
//! epochs where PyTorch counts calls.

use std::f64::consts::PI;

use crate::config::{Experiment, Rule, Schedule};

/// The learning rate of step `step` (from 0) of a run with so many steps an epoch.
pub fn learning_rate(experiment: &Experiment, steps_per_epoch: u64, step: u64) -> f64 {
    let base = experiment.training.learning_rate;
    match &experiment.schedule {
        None => base,
        Some(schedule) => scheduled(schedule, base, time(schedule, steps_per_epoch, step)),
    }
}

/// Epochs since the start, as the schedule sees them.
fn time(schedule: &Schedule, steps_per_epoch: u64, step: u64) -> f64 {
    match schedule.by.as_str() {
        "step" => step as f64 / steps_per_epoch as f64,
        _ => (step / steps_per_epoch) as f64,
    }
}

fn scheduled(schedule: &Schedule, base: f64, time: f64) -> f64 {
    let Schedule {
        warmup,
        warmup_factor,
        rule,
        ..
    } = schedule;
    if time < *warmup {
        return base * (warmup_factor + (1.0 - warmup_factor) * time / warmup);
    }
    match rule {
        Some(rule) => rate(rule, base, time - warmup),
        None => base,
    }
}

/// The rate so many epochs after the rule begins.
fn rate(rule: &Rule, base: f64, time: f64) -> f64 {
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
    }
}

/// From `base` at part 0 to `eta_min` at part 1.
fn cosine(base: f64, eta_min: f64, part: f64) -> f64 {
    eta_min + (base - eta_min) * (1.0 + libm::cos(PI * part)) / 2.0
}
