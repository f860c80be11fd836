//! A few batches ahead of a run, to know what it will cost.

use std::sync::Arc;
use std::time::{Duration, Instant};

use burn::module::Module;

use super::Error;
use super::evaluate::evaluate_batch;
use super::fit::run_awake;
use super::session::Session;
use super::timing::{Stopwatch, peak_memory_bytes};
use crate::data::Batches;

/// What a few batches tell of a run on this machine.
#[derive(Debug, Clone, Copy)]
pub struct Trial {
    pub train_images_per_second: f64,
    pub eval_images_per_second: f64,
    /// The most memory the process has had, where the system tells.
    pub peak_memory_bytes: Option<u64>,
}

/// Trains and evaluates on a few batches each, for about as long as `budget` in all; three at least,
/// since only then all the memory is in use that a run takes, unless they are very slow. The session
/// is used up: its parameters have moved.
pub fn try_out(mut session: Session, budget: Duration) -> Result<Trial, Error> {
    run_awake(|| {
        let train = train(&mut session, budget / 2)?;
        let eval = evaluate(&session, budget / 2);
        Ok(Trial {
            train_images_per_second: train.images_per_second(),
            eval_images_per_second: eval.images_per_second(),
            peak_memory_bytes: peak_memory_bytes(),
        })
    })
}

fn train(session: &mut Session, budget: Duration) -> Result<Stopwatch, Error> {
    let data = Arc::clone(&session.data);
    let experiment = session.experiment.clone();
    let size = experiment.training.batch_size;
    let batches = Batches::shuffled(&data.train, &experiment.data, size, experiment.seed, 1);
    batches.ahead(0, |ready| {
        let mut clock = Clock::new(budget);
        while let Some(batch) = clock.next(ready) {
            let (start, images) = (Instant::now(), batch.labels.len());
            session.train_batch(batch)?;
            clock.add(start, images);
        }
        Ok(clock.time)
    })
}

fn evaluate(session: &Session, budget: Duration) -> Stopwatch {
    let experiment = &session.experiment;
    let size = experiment.training.batch_size;
    let batches = Batches::in_order(&session.data.eval, &experiment.data, size);
    let network = session.network.valid();
    batches.ahead(0, |ready| {
        let mut clock = Clock::new(budget);
        while let Some(batch) = clock.next(ready) {
            let (start, images) = (Instant::now(), batch.labels.len());
            evaluate_batch(&network, batch, experiment.model.input, &session.device);
            clock.add(start, images);
        }
        clock.time
    })
}

const MIN_BATCHES: usize = 3;
/// Beyond the budget.
const PATIENCE: Duration = Duration::from_secs(3);

/// Times batches until the budget is spent. The first one warms up; it counts only where there is no
/// second.
struct Clock {
    end: Instant,
    batches: usize,
    time: Stopwatch,
}

impl Clock {
    fn new(budget: Duration) -> Self {
        Self {
            end: Instant::now() + budget,
            batches: 0,
            time: Stopwatch::default(),
        }
    }

    fn next<B>(&self, ready: &mut dyn Iterator<Item = B>) -> Option<B> {
        let now = Instant::now();
        let is_slow = now >= self.end + PATIENCE;
        if now >= self.end && (self.batches >= MIN_BATCHES || is_slow && self.batches > 0) {
            return None;
        }
        ready.next()
    }

    fn add(&mut self, start: Instant, images: usize) {
        if self.batches == 1 {
            self.time = Stopwatch::default();
        }
        self.time.add(start, images);
        self.batches += 1;
    }
}
