//! What more epochs of a run with a schedule would be trained at.

use crate::config::{Experiment, Rule, Schedule};
use crate::schedule::learning_rate;

/// The learning rates of the epochs that an extension adds to a run.
#[derive(Debug, Clone, PartialEq)]
pub struct Extension {
    /// The first epoch that is added, 1-based.
    pub first_epoch: u64,
    /// The last one.
    pub last_epoch: u64,
    /// The rate with which they begin.
    pub first_rate: f64,
    /// The lowest and the highest rate with which one of them begins or ends.
    pub rates: [f64; 2],
    /// The override with which the schedule of a new run has as many epochs, for example
    /// `schedule.cosine.t_max=10.0`; `None` where its rule has no end, or ends with them already.
    pub stretched: Option<String>,
}

impl Extension {
    /// Of a run whose first `done` epochs are planned or done already. `None` where the rate does not follow from
    /// the config alone: without a schedule it stays as it is, and with `reduce_on_plateau` it depends on what is
    /// measured.
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

/// The override with which a schedule's rule ends with epoch `epochs`.
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
