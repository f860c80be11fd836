//! `runner sweep-measure`: what a few steps of a sweep's first trial cost in a process of its own.

use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::cli;
use crate::exit::ExitCode;
use crate::lifecycle::{disk_needed, prepare};
use crate::train::try_out;

use super::super::exit::unwrapped;
use super::super::output::print_result;
use super::planned::Planned;

/// What a few steps cost.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Measured {
    /// Seconds until the data are there.
    pub data_seconds: f64,
    /// Seconds of an epoch, its evaluation included.
    pub epoch_seconds: f64,
    /// The most memory that the process has taken, where the system tells.
    pub peak_memory_bytes: Option<u64>,
    /// What the run directory takes at most.
    pub disk_bytes: u64,
}

/// How long steps are timed.
const BUDGET: Duration = Duration::from_millis(600);

pub fn execute(args: cli::SweepMeasure) -> anyhow::Result<ExitCode> {
    let Planned {
        plan, experiments, ..
    } = Planned::of(&args.file)?;
    let document = plan.base.trial(&plan.sweep, plan.candidate(0));
    let first = experiments.into_iter().next();
    let experiment = first.expect("a sweep has a trial");
    let since = Instant::now();
    let prepared = prepare(&document, experiment, args.threads.threads, &|_, _| {});
    let session = prepared.map_err(unwrapped)?.session;
    let data_seconds = since.elapsed().as_secs_f64();
    let images = [session.data.train.len(), session.data.eval.len()];
    let training = &session.experiment.training;
    let evaluations = training.evaluations() as f64 / training.epochs as f64;
    let disk_bytes = disk_needed(&session);
    let trial = try_out(session, BUDGET)?;
    let measured = Measured {
        data_seconds,
        epoch_seconds: images[0] as f64 / trial.train_images_per_second
            + images[1] as f64 / trial.eval_images_per_second * evaluations,
        peak_memory_bytes: trial.peak_memory_bytes,
        disk_bytes,
    };
    let text = serde_json::to_string(&measured).expect("numbers are plain data");
    print_result(&(text + "\n"))?;
    Ok(ExitCode::Done)
}
