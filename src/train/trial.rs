//! A few batches ahead of a run, to know what it will cost.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::Error;
use super::awake::run_awake;
use super::evaluate::evaluate_batch;
use super::session::Session;
use super::timing::{Stopwatch, peak_memory_bytes};
use crate::data::{Batch, Batches};

/// What a few batches tell of a run on this machine.
#[derive(Debug, Clone, Copy)]
pub struct Trial {
    /// How many images a second training took.
    pub train_images_per_second: f64,
    /// How many images a second evaluation took.
    pub eval_images_per_second: f64,
    /// The most memory the process has had, where the system tells.
    pub peak_memory_bytes: Option<u64>,
}

/// Trains and evaluates on a few batches each, for about as long as `budget` in all. It takes at least three
/// batches, unless they are very slow: memory use has not reached its peak before. The session is consumed,
/// since its parameters have changed.
///
/// # Errors
/// [`Error::Diverged`] where a loss, a gradient or a parameter is not finite; otherwise where an image cannot
/// be read.
pub fn try_out(mut session: Session, budget: Duration) -> Result<Trial, Error> {
    run_awake(|| {
        let train = train(&mut session, budget / 2)?;
        let eval = evaluate(&session, budget / 2)?;
        Ok(Trial {
            train_images_per_second: train.images_per_second(),
            eval_images_per_second: eval.images_per_second(),
            peak_memory_bytes: peak_memory_bytes(),
        })
    })
}

fn train(session: &mut Session, budget: Duration) -> Result<Stopwatch, Error> {
    let (data, experiment) = (Arc::clone(&session.data), session.experiment.clone());
    let size = experiment.training.images_per_step();
    let input = experiment.model.input;
    let seed = experiment.seed;
    let batches = Batches::training(&data, &experiment.data, input, size, seed, 1);
    time_batches(&batches, budget, |batch| {
        session.train_batch(batch).map(|_loss| ())
    })
}

fn evaluate(session: &Session, budget: Duration) -> Result<Stopwatch, Error> {
    let batches = session.evaluation_batches(&session.data.eval);
    let network = session.evaluated_network();
    let input = session.experiment.model.input;
    time_batches(&batches, budget, |batch| {
        evaluate_batch(&network, batch, input, &session.device);
        Ok(())
    })
}

const MIN_BATCHES: usize = 3;
/// How far beyond the budget [`MIN_BATCHES`] may take.
const PATIENCE: Duration = Duration::from_secs(3);

/// Works on batches until the budget is spent. The first one warms up: its time counts only where
/// there is no second.
fn time_batches(
    batches: &Batches<'_>,
    budget: Duration,
    mut work: impl FnMut(Batch) -> Result<(), Error>,
) -> Result<Stopwatch, Error> {
    let end = Instant::now() + budget;
    let mut time = Stopwatch::default();
    batches.ahead(0, |ready| {
        for (index, batch) in ready.enumerate() {
            let batch = batch?;
            let (start, images) = (Instant::now(), batch.labels.len());
            work(batch)?;
            if index == 1 {
                time = Stopwatch::default();
            }
            time.add(start, images);
            let patience = match index + 1 {
                MIN_BATCHES.. => Duration::ZERO,
                _ => PATIENCE,
            };
            if Instant::now() >= end + patience {
                break;
            }
        }
        Ok(time)
    })
}
