//! The loop: train an epoch, evaluate, write the row, write the checkpoint; stop anywhere, go on exactly.

use std::sync::Arc;
use std::time::Instant;

use burn::module::Module;

use super::evaluate::evaluate_batch;
use super::session::{Session, short_digest};
use super::timing::{Stopwatch, peak_memory_bytes, rounded};
use super::{Error, Interrupt, Signal};
use crate::data::Batches;
use crate::metrics::{EpochRecord, Tally};
use crate::run_dir::{Phase, Timing, Writer, now};

/// How a call of [`fit`] came to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// All epochs are done.
    Complete,
    /// A signal came; the checkpoint is written.
    Interrupted(Signal),
}

/// Where the loop stands, after every batch.
#[derive(Debug, Clone, Copy)]
pub struct Progress {
    pub epoch: u64,
    pub epochs: u64,
    pub phase: Phase,
    /// Batches of the phase done and in all.
    pub batch: usize,
    pub batches: usize,
    /// In this process and phase.
    pub images_per_second: f64,
    /// Of the phase still to come.
    pub images_left: usize,
    /// Mean loss of the batch.
    pub loss: f64,
}

/// Whoever shows what goes on. Nothing it does can change the run.
pub trait Observer {
    fn batch(&mut self, progress: Progress);
    fn epoch(&mut self, record: &EpochRecord, timing: &Timing);
}

/// Trains from the session's position to the last epoch.
pub fn fit(
    session: &mut Session,
    run: &mut Writer,
    interrupt: &Interrupt,
    observer: &mut dyn Observer,
) -> Result<End, Error> {
    while session.position.epoch <= session.experiment.training.epochs {
        let mut train_time = Stopwatch::default();
        let mut eval_time = Stopwatch::default();
        if let Some(signal) = train_epoch(session, run, interrupt, observer, &mut train_time)? {
            return Ok(End::Interrupted(signal));
        }
        if let Some(signal) = evaluate_epoch(session, run, interrupt, observer, &mut eval_time)? {
            return Ok(End::Interrupted(signal));
        }
        finish_epoch(session, run, observer, train_time, eval_time)?;
    }
    Ok(End::Complete)
}

/// The rest of the epoch's training batches; a signal is seen before each.
fn train_epoch(
    session: &mut Session,
    run: &mut Writer,
    interrupt: &Interrupt,
    observer: &mut dyn Observer,
    time: &mut Stopwatch,
) -> Result<Option<Signal>, Error> {
    if session.position.phase != Phase::Training {
        return Ok(None);
    }
    let data = Arc::clone(&session.data);
    let experiment = session.experiment.clone();
    let batches = Batches::shuffled(
        &data.train,
        &experiment.data,
        experiment.training.batch_size,
        experiment.seed,
        session.position.epoch,
    );
    for index in session.position.batch as usize..batches.len() {
        if let Some(signal) = interrupt.received() {
            commit(session, run)?;
            return Ok(Some(signal));
        }
        let start = Instant::now();
        let batch = batches.get(index);
        let images = batch.labels.len();
        let loss = session.train_batch(batch)?;
        time.add(start, images);
        observer.batch(progress(session, index + 1, &batches, time, loss));
        if index + 1 == batches.len() {
            session.position.phase = Phase::Evaluation;
            session.position.batch = 0;
        }
        let every_steps = experiment.checkpoint.every_steps;
        if session.position.step.is_multiple_of(every_steps) {
            commit(session, run)?;
        }
    }
    Ok(None)
}

/// The rest of the epoch's evaluation batches; a signal is seen before each.
fn evaluate_epoch(
    session: &mut Session,
    run: &mut Writer,
    interrupt: &Interrupt,
    observer: &mut dyn Observer,
    time: &mut Stopwatch,
) -> Result<Option<Signal>, Error> {
    let data = Arc::clone(&session.data);
    let experiment = session.experiment.clone();
    let batches = Batches::in_order(&data.eval, &experiment.data, experiment.training.batch_size);
    let network = session.network.valid();
    let mut predictions = Vec::with_capacity(data.eval.len());
    for index in session.position.batch as usize..batches.len() {
        if let Some(signal) = interrupt.received() {
            commit(session, run)?;
            return Ok(Some(signal));
        }
        let start = Instant::now();
        let input = experiment.model.input;
        let outcome = evaluate_batch(&network, batches.get(index), input, &session.device);
        let rows = &outcome.predictions;
        let pairs = rows.iter().map(|row| (row.label, row.prediction));
        session.position.eval.add(outcome.loss, pairs);
        session.position.batch += 1;
        time.add(start, rows.len());
        predictions.extend(outcome.predictions);
        observer.batch(progress(session, index + 1, &batches, time, outcome.loss));
    }
    // After a resume inside an evaluation its first part is missing.
    session.predictions = (predictions.len() == data.eval.len()).then_some(predictions);
    Ok(None)
}

/// Writes the epoch's row and, where one is due, its checkpoint; then the next epoch begins.
fn finish_epoch(
    session: &mut Session,
    run: &mut Writer,
    observer: &mut dyn Observer,
    train_time: Stopwatch,
    eval_time: Stopwatch,
) -> Result<(), Error> {
    let arrays = session.arrays();
    let classes = session.experiment.classes();
    let position = &mut session.position;
    let record = EpochRecord {
        epoch: position.epoch,
        step: position.step,
        learning_rate: session.experiment.training.learning_rate,
        train: position.train.scores(),
        eval: position.eval.scores(),
        digest: short_digest(&arrays),
    };
    position.epoch += 1;
    position.phase = Phase::Training;
    position.batch = 0;
    position.train = Tally::new(classes);
    position.eval = Tally::new(classes);

    run.append_epoch(&record)?;
    let policy = &session.experiment.checkpoint;
    let last = record.epoch == session.experiment.training.epochs;
    let checkpoint_seconds = if last || record.epoch.is_multiple_of(policy.every_epochs) {
        let start = Instant::now();
        run.commit(position, arrays, policy)?;
        Some(rounded(start.elapsed().as_secs_f64()))
    } else {
        None
    };
    let timing = Timing {
        epoch: record.epoch,
        attempt: run.attempt(),
        train_seconds: rounded(train_time.seconds()),
        train_images_per_second: train_time.images_per_second().round(),
        eval_seconds: rounded(eval_time.seconds()),
        eval_images_per_second: eval_time.images_per_second().round(),
        checkpoint_seconds,
        peak_memory_bytes: peak_memory_bytes(),
        finished_at: now(),
    };
    run.append_timing(&timing)?;
    observer.epoch(&record, &timing);
    Ok(())
}

/// Writes a checkpoint of the session as it stands.
fn commit(session: &Session, run: &mut Writer) -> Result<(), Error> {
    let policy = &session.experiment.checkpoint;
    run.commit(&session.position, session.arrays(), policy)?;
    Ok(())
}

fn progress(
    session: &Session,
    batch: usize,
    batches: &Batches<'_>,
    time: &Stopwatch,
    loss: f64,
) -> Progress {
    Progress {
        epoch: session.position.epoch,
        epochs: session.experiment.training.epochs,
        phase: session.position.phase,
        batch,
        batches: batches.len(),
        images_per_second: time.images_per_second(),
        images_left: batches.images_from(batch),
        loss,
    }
}
