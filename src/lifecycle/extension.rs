//! The learning rates at which additional epochs of a run with a schedule would train.

use crate::config::{Experiment, Rule, Schedule};
use crate::schedule::learning_rate;

/// The learning rates of the epochs that an extension adds to a run.
#[derive(Debug, Clone, PartialEq)]
pub struct Extension {
    /// The first additional epoch, 1-based.
    pub first_epoch: u64,
    /// The last one.
    pub last_epoch: u64,
    /// The rate at their beginning.
    pub first_rate: f64,
    /// The lowest and highest rate at the beginning or end of any of them.
    pub rates: [f64; 2],
    /// The override that makes the schedule of a new run last for all epochs, for example
    /// `schedule.cosine.t_max=10.0`; `None` if its rule has no end, or ends with them already.
    pub stretched: Option<String>,
}

impl Extension {
    /// For a run whose first `done` epochs are planned or done already. `None` without a schedule, where the rate is
    /// constant, and with `reduce_on_plateau`, where it depends on what is measured.
    pub fn new(experiment: &Experiment, done: u64, steps_per_epoch: u64) -> Option<Self> {
        let (schedule, training) = (experiment.schedule.as_ref()?, &experiment.training);
        if matches!(schedule.rule, Some(Rule::ReduceOnPlateau(_)) | None) || training.epochs <= done
        {
            return None;
        }
        let rate = |step| {
            learning_rate(
                Some(schedule),
                training.learning_rate,
                steps_per_epoch,
                step,
            )
        };
        let steps = (done..training.epochs)
            .flat_map(|epoch| [epoch * steps_per_epoch, (epoch + 1) * steps_per_epoch - 1]);
        let [lowest, highest] = steps
            .map(rate)
            .fold([f64::INFINITY, 0.0], |[low, high], rate| {
                [rate.min(low), rate.max(high)]
            });
        Some(Self {
            first_epoch: done + 1,
            last_epoch: training.epochs,
            first_rate: rate(done * steps_per_epoch),
            rates: [lowest, highest],
            stretched: stretched(schedule, training.epochs),
        })
    }
}

/// The override that makes a schedule's rule end with epoch `epochs`.
fn stretched(schedule: &Schedule, epochs: u64) -> Option<String> {
    let (key, length) = match schedule.rule.as_ref()? {
        Rule::Cosine(rule) => ("cosine.t_max", rule.t_max),
        Rule::Linear(rule) => ("linear.total_iters", rule.total_iters),
        Rule::Polynomial(rule) => ("polynomial.total_iters", rule.total_iters),
        Rule::OneCycle(rule) => ("one_cycle.total", rule.total),
        Rule::Step(_)
        | Rule::MultiStep(_)
        | Rule::Exponential(_)
        | Rule::CosineRestarts(_)
        | Rule::Noam(_)
        | Rule::ReduceOnPlateau(_) => return None,
    };
    let whole = epochs as f64 - schedule.warmup;
    (length != whole).then(|| format!("schedule.{key}={whole:?}"))
}
