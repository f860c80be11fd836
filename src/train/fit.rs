//! The training loop: train an epoch, evaluate, write the row, write the checkpoint. It can stop between any
//! two batches, and a resume computes the same bits.

use std::sync::Arc;
use std::time::Instant;

use super::awake::run_awake;
use super::early_stop;
use super::evaluate::evaluate_batch;
use super::plateau;
use super::session::{Session, short_digest};
use super::timing::{Stopwatch, peak_memory_bytes, rounded};
use super::{Error, Interrupt, Stop};
use crate::array::Arrays;
use crate::config::Experiment;
use crate::data::{self, Batches};
use crate::kernels::Buffer;
use crate::metrics::EpochRecord;
use crate::run_dir::{Phase, Position, Timing, Writer, now};

/// How a call of [`fit`] came to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// All epochs are done.
    Complete,
    /// `early_stop` says that more epochs would not help.
    Early,
    /// Something asked for it; the checkpoint is written.
    Stopped(Stop),
}

/// Where the loop stands, after every batch.
#[derive(Debug, Clone, Copy)]
pub struct Progress {
    /// The epoch, 1-based.
    pub epoch: u64,
    /// Epochs of the run.
    pub epochs: u64,
    /// Training or evaluation.
    pub phase: Phase,
    /// How many batches of the phase are done.
    pub batch: usize,
    /// How many batches the phase has.
    pub batches: usize,
    /// Images a second, over the batches of this phase in this process.
    pub images_per_second: f64,
    /// Images of the phase that are still to come.
    pub images_left: usize,
    /// Mean loss of the batch.
    pub loss: f64,
}

/// Is told of the progress of a training, to show it. It cannot change what is computed.
pub trait Observer: Send {
    /// After every batch.
    fn batch(&mut self, progress: Progress);
    /// After every epoch: its row of metrics.csv and what it took.
    fn epoch(&mut self, record: &EpochRecord, timing: &Timing);
}

/// An observer that shows nothing.
#[derive(Debug, Clone, Copy)]
pub struct Silent;

impl Observer for Silent {
    fn batch(&mut self, _progress: Progress) {}

    fn epoch(&mut self, _record: &EpochRecord, _timing: &Timing) {}
}

/// Trains from the session's position to the last epoch, and writes rows and checkpoints into `run`. Polls
/// `interrupt` before each batch; a stop writes a checkpoint first.
///
/// # Errors
/// [`Error::Diverged`] where a loss, a gradient or a parameter is not finite; otherwise where an image cannot
/// be read, its checkpoint written, or the run directory cannot be written.
pub fn fit(
    session: &mut Session,
    run: &mut Writer,
    interrupt: &Interrupt,
    observer: &mut dyn Observer,
) -> Result<End, Error> {
    let mut fit = Fit {
        session,
        run,
        interrupt,
        observer,
        last_commit: Instant::now(),
    };
    run_awake(|| fit.run())
}

struct Fit<'a> {
    session: &'a mut Session,
    run: &'a mut Writer,
    interrupt: &'a Interrupt,
    observer: &'a mut dyn Observer,
    last_commit: Instant,
}

/// What one epoch took in this process.
#[derive(Default)]
struct Times {
    train: Stopwatch,
    eval: Stopwatch,
}

impl Fit<'_> {
    fn run(&mut self) -> Result<End, Error> {
        loop {
            if let Some(end) = self.end() {
                return Ok(end);
            }
            if self.interrupt.ends_before(self.session.position.epoch) {
                self.commit_epoch()?;
                return Ok(End::Stopped(Stop::Epoch));
            }
            self.session.base_rate = self.base_rate();
            let mut times = Times::default();
            if let Some(stop) = self.train_epoch(&mut times.train)? {
                return Ok(End::Stopped(stop));
            }
            if let Some(stop) = self.evaluate_epoch(&mut times.eval)? {
                return Ok(End::Stopped(stop));
            }
            self.finish_epoch(times)?;
        }
    }

    /// The learning rate that the schedule starts from in the next epoch.
    fn base_rate(&self) -> f64 {
        let Experiment {
            schedule, training, ..
        } = &self.session.experiment;
        plateau::base_rate(schedule.as_ref(), training, &self.run.metrics())
    }

    /// Why there is no next epoch; `None` where there is one.
    fn end(&self) -> Option<End> {
        let experiment = &self.session.experiment;
        if self.session.position.epoch > experiment.training.epochs {
            return Some(End::Complete);
        }
        let rule = experiment.early_stop.as_ref()?;
        early_stop::is_due(rule, &self.run.metrics()).then_some(End::Early)
    }

    /// The rest of the epoch's training batches; a request to stop is seen before each.
    fn train_epoch(&mut self, time: &mut Stopwatch) -> Result<Option<Stop>, Error> {
        if self.session.position.phase != Phase::Training {
            return Ok(None);
        }
        let data = Arc::clone(&self.session.data);
        let Experiment {
            seed,
            data: pixels,
            training,
            checkpoint,
            model,
            ..
        } = self.session.experiment.clone();
        let epoch = self.session.position.epoch;
        let images = training.images_per_step();
        let batches = Batches::training(&data, &pixels, model.input, images, seed, epoch);
        let first = self.session.position.batch as usize;
        batches.ahead(first, |ready| {
            for index in first..batches.len() {
                if let Some(stop) = self.interrupt.poll() {
                    self.commit()?;
                    return Ok(Some(stop));
                }
                let start = Instant::now();
                let batch = ready.next().expect("there is a batch for each index");
                let batch = batch.or_else(|error| self.lost_image(error))?;
                let images = batch.labels.len();
                let loss = self.session.train_batch(batch)?;
                time.add(start, images);
                self.show(&batches, time, loss);
                let position = &mut self.session.position;
                if index + 1 == batches.len() {
                    position.phase = Phase::Evaluation;
                    position.batch = 0;
                }
                let every_steps = checkpoint.every_steps;
                if position.step.is_multiple_of(every_steps) || self.is_time_to_commit() {
                    self.commit()?;
                }
            }
            Ok(None)
        })
    }

    /// The rest of the epoch's evaluation batches; a request to stop is seen before each.
    fn evaluate_epoch(&mut self, time: &mut Stopwatch) -> Result<Option<Stop>, Error> {
        self.session.predictions = None;
        if !self.is_evaluated() {
            return Ok(None);
        }
        Buffer::give_back();
        let data = Arc::clone(&self.session.data);
        let Experiment {
            data: pixels,
            training,
            model,
            log,
            ..
        } = self.session.experiment.clone();
        let size = training.batch_size;
        let moments = data.normalize.clone();
        let batches = Batches::in_order(&data.eval, &pixels, moments, model.input, size);
        let network = self.session.evaluated_network();
        let device = self.session.device.clone();
        let mut predictions = Vec::with_capacity(data.eval.len());
        let first = self.session.position.batch as usize;
        let stop = batches.ahead(first, |ready| {
            for _ in first..batches.len() {
                if let Some(stop) = self.interrupt.poll() {
                    self.commit()?;
                    return Ok(Some(stop));
                }
                let start = Instant::now();
                let batch = ready.next().expect("there is a batch for each index");
                let batch = batch.or_else(|error| self.lost_image(error))?;
                let outcome = evaluate_batch(&network, batch, model.input, &device);
                let position = &mut self.session.position;
                position.eval.add(outcome.loss, &outcome.scores);
                position.batch += 1;
                time.add(start, outcome.scores.len());
                predictions.extend(outcome.predictions(log.probabilities));
                self.show(&batches, time, outcome.loss);
                if self.is_time_to_commit() {
                    self.commit()?;
                }
            }
            Ok::<_, Error>(None)
        })?;
        if stop.is_some() {
            return Ok(stop);
        }
        // After a resume within an evaluation, the predictions of its first batches are missing.
        self.session.predictions = (predictions.len() == data.eval.len()).then_some(predictions);
        Ok(None)
    }

    /// Writes the epoch's row and, where one is due, its checkpoint; then the next epoch begins.
    fn finish_epoch(&mut self, times: Times) -> Result<(), Error> {
        Buffer::give_back();
        let arrays = self.session.arrays();
        let experiment = &self.session.experiment;
        let next = Position::start(experiment.classes(), &experiment.metrics);
        let is_evaluated = self.is_evaluated();
        // The learning rate of the epoch's last step.
        let learning_rate = self.session.learning_rate(self.session.position.step - 1);
        let position = &mut self.session.position;
        let record = EpochRecord {
            epoch: position.epoch,
            step: position.step,
            learning_rate,
            train: std::mem::replace(&mut position.train, next.train),
            eval: is_evaluated.then(|| std::mem::replace(&mut position.eval, next.eval)),
            digest: short_digest(&arrays),
        };
        position.epoch += 1;
        position.phase = Phase::Training;
        position.batch = 0;

        self.run.append_epoch(&record)?;
        let every_epochs = self.session.experiment.checkpoint.every_epochs;
        let is_due = record.epoch.is_multiple_of(every_epochs) || self.end().is_some();
        let start = Instant::now();
        if is_due {
            self.commit_arrays(arrays)?;
        }
        let timing = Timing {
            epoch: record.epoch,
            attempt: self.run.attempt(),
            train_seconds: rounded(times.train.seconds()),
            train_images_per_second: times.train.images_per_second().round(),
            eval_seconds: rounded(times.eval.seconds()),
            eval_images_per_second: times.eval.images_per_second().round(),
            checkpoint_seconds: is_due.then(|| rounded(start.elapsed().as_secs_f64())),
            peak_memory_bytes: peak_memory_bytes(),
            finished_at: now(),
        };
        self.run.append_timing(&timing)?;
        self.observer.epoch(&record, &timing);
        Ok(())
    }

    /// Whether the current epoch is evaluated, by `training.eval_every_epochs`.
    fn is_evaluated(&self) -> bool {
        let training = &self.session.experiment.training;
        training.is_evaluated(self.session.position.epoch)
    }

    /// Whether a checkpoint is due by `checkpoint.every_minutes`.
    fn is_time_to_commit(&self) -> bool {
        let minutes = self.session.experiment.checkpoint.every_minutes;
        minutes > 0.0 && self.last_commit.elapsed().as_secs_f64() >= minutes * 60.0
    }

    /// Ends the run where an image cannot be read any more: with a checkpoint, so that a resume goes on with that very
    /// batch once the image is back.
    fn lost_image<T>(&mut self, error: data::Error) -> Result<T, Error> {
        // The image is what to tell of; without this checkpoint a resume goes on from the one before.
        let _ = self.commit();
        Err(error.into())
    }

    /// Writes the checkpoint of the last epoch, where none was due.
    fn commit_epoch(&mut self) -> Result<(), Error> {
        let every_epochs = self.session.experiment.checkpoint.every_epochs;
        let done = self.session.position.epoch - 1;
        match done.is_multiple_of(every_epochs) {
            true => Ok(()),
            false => self.commit(),
        }
    }

    /// Writes a checkpoint of the session as it stands.
    fn commit(&mut self) -> Result<(), Error> {
        Buffer::give_back();
        self.commit_arrays(self.session.arrays())
    }

    fn commit_arrays(&mut self, arrays: Arrays) -> Result<(), Error> {
        let policy = &self.session.experiment.checkpoint;
        self.run.commit(&self.session.position, arrays, policy)?;
        self.last_commit = Instant::now();
        Ok(())
    }

    fn show(&mut self, batches: &Batches<'_>, time: &Stopwatch, loss: f64) {
        let position = &self.session.position;
        let batch = position.batch as usize;
        self.observer.batch(Progress {
            epoch: position.epoch,
            epochs: self.session.experiment.training.epochs,
            phase: position.phase,
            batch,
            batches: batches.len(),
            images_per_second: time.images_per_second(),
            images_left: batches.images_from(batch),
            loss,
        });
    }
}
