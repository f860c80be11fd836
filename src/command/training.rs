//! What `run`, `resume` and `reproduce` have in common: from a config to a session, and what is
//! said and noted when it ends.

use std::path::Path;

use crate::cli;
use crate::config::{self, Document, Experiment};
use crate::data::{self, Role, Splits};
use crate::device::{self, Chosen};
use crate::run_dir::{Event, FORMAT, Identity, NewRun, Writer, space};
use crate::train::{End, Error, Interrupt, Predicted, Session};

use super::output::Output;
use super::progress::scan_bar;
use super::report::{Reporter, finish, stopped, stopped_early};
use super::units::thousands;

/// What a run needs in memory, and what computes it.
pub struct Prepared {
    pub session: Session,
    pub device: Chosen,
}

/// Gets ready what a document declares. Everything that can be wrong with it is found here, before
/// anything is made.
pub fn prepare(
    document: &Document,
    experiment: Experiment,
    threads: &cli::Threads,
) -> anyhow::Result<Prepared> {
    let device = device::choose(experiment.device, threads.threads)?;
    check_memory(document, &experiment, device.backend)?;
    let (data, model) = (&experiment.data, &experiment.model);
    let data =
        load(data, model.input, experiment.classes()).map_err(|source| place(document, source))?;
    let (images, batch_size) = (data.train.len(), experiment.training.batch_size);
    if batch_size > images {
        let message = format!("batch size {batch_size} is above the {images} training images");
        let help = format!("choose a `batch_size` of at most {images}");
        return Err(document.error_at(BATCH_SIZE, message, &help).into());
    }
    let session = Session::new(experiment, data, device.device.clone());
    Ok(Prepared { session, device })
}

/// Loads the splits of an experiment, with a bar for those who wait for image files to be read.
pub fn load(data: &config::Data, input: [usize; 3], classes: usize) -> Result<Splits, data::Error> {
    let bar = scan_bar("reading images");
    Splits::load(data, input, classes, &|done, all| bar.at(done, all))
}

/// A new run, ready for its first step.
pub struct Started {
    pub session: Session,
    pub run: Writer,
    pub reporter: Reporter,
}

/// Makes a run directory for what is prepared from a document.
pub fn start(
    document: &Document,
    prepared: Prepared,
    out: &Path,
    interrupt: &mut Interrupt,
    output: Output,
) -> anyhow::Result<Started> {
    let Prepared { session, device } = prepared;
    interrupt.limit(session.experiment.training.max_minutes);
    let policy = &session.experiment.checkpoint;
    space::check(
        out,
        session.checkpoint_bytes(),
        session.data.eval.len(),
        policy,
    )?;
    let run = Writer::create(NewRun {
        out,
        identity: identity(&session, document, device.backend),
        config_text: document.text(),
        resolved_text: &session.experiment.to_toml(),
        images: &session.data.listing,
    })?;
    let epochs = session.experiment.training.epochs;
    let mut reporter = Reporter::new(output, run.log(), epochs);
    introduce(&session, &run, &device.reason, &mut reporter);
    Ok(Started {
        session,
        run,
        reporter,
    })
}

const BATCH_SIZE: &str = "training.batch_size";

/// A step that cannot fit into memory would have the system kill the process, or others.
fn check_memory(document: &Document, experiment: &Experiment, backend: &str) -> anyhow::Result<()> {
    let needed = experiment.step_bytes();
    match device::available_memory() {
        Some(available) if backend != "cuda" && needed > available => {
            let message = format!(
                "a step needs more than {} MiB of memory, {} MiB are available",
                needed >> 20,
                available >> 20
            );
            let help = "choose a smaller `batch_size`, or smaller layers or padding";
            Err(document.error_at(BATCH_SIZE, message, help).into())
        }
        _ => Ok(()),
    }
}

/// Says where in the config the data are named.
fn place(document: &Document, error: data::Error) -> DataError {
    let place = ["data.path", "data.train", "data.synthetic", "data"]
        .into_iter()
        .find_map(|path| document.place(path));
    DataError {
        error,
        place: place.unwrap_or_default(),
    }
}

/// Something is wrong with the data that a config names.
#[derive(Debug, thiserror::Error)]
#[error("{error}\n(the data are named in {place})")]
pub struct DataError {
    error: data::Error,
    place: String,
}

/// Says and notes how a training ended; gives the exit code.
pub fn conclude(
    end: Result<End, Error>,
    session: &mut Session,
    run: &mut Writer,
    interrupt: &Interrupt,
    reporter: &mut Reporter,
) -> anyhow::Result<u8> {
    reporter.end();
    let step = session.position.step;
    let stop = match end {
        Ok(End::Stopped(stop)) => stop,
        Ok(end @ (End::Complete | End::Early)) => {
            if end == End::Early {
                reporter.note(&stopped_early(session));
            }
            let eval = session.predict(Role::Eval, interrupt)?;
            let test = match eval {
                Predicted::Stopped(_) => Predicted::Nothing,
                _ => session.predict(Role::Test, interrupt)?,
            };
            match (eval, test) {
                // All epochs are done and in a checkpoint; a resume writes the results.
                (Predicted::Stopped(stop), _) | (_, Predicted::Stopped(stop)) => stop,
                (Predicted::All(predictions), test) => {
                    let test = match &test {
                        Predicted::All(test) => Some(test.as_slice()),
                        _ => None,
                    };
                    finish(session, &predictions, test, run, reporter)?;
                    return Ok(0);
                }
                (Predicted::Nothing, _) => unreachable!("there are always evaluation images"),
            }
        }
        Err(error) => {
            // The first error is the one to tell, whether or not it can be noted.
            let _ = run.event(Event::Failed {
                step,
                reason: error.to_string(),
            });
            return Err(error.into());
        }
    };
    let reason = stop.name().to_owned();
    run.event(Event::Stopped { step, reason })?;
    reporter.note(&stopped(run.folder(), stop.name()));
    Ok(stop.exit_code())
}

/// What is about to be trained, and where.
pub fn introduce(session: &Session, run: &Writer, device: &str, reporter: &mut Reporter) {
    reporter.note(&format!("device: {device}"));
    reporter.note(&format!("data: {}", data_line(session)));
    for warning in &session.data.warnings {
        reporter.note(&format!("warning: {warning}"));
    }
    reporter.note(&format!(
        "network: {} layers, {} parameters",
        session.experiment.model.layers.len(),
        thousands(session.parameter_count() as f64)
    ));
    reporter.note(&format!("run: {}", run.folder().display()));
}

/// The data in one line.
pub fn data_line(session: &Session) -> String {
    let data = &session.data;
    let [channels, height, width] = session.experiment.model.input;
    let test = data.test.as_ref().map_or_else(String::new, |test| {
        format!(", {} for a last test,", thousands(test.len() as f64))
    });
    format!(
        "{} training and {} evaluation images{test} of {channels}x{height}x{width} in {} classes",
        thousands(data.train.len() as f64),
        thousands(data.eval.len() as f64),
        data.class_names.len()
    )
}

fn identity(session: &Session, document: &Document, backend: &str) -> Identity {
    let experiment = &session.experiment;
    Identity {
        format: FORMAT,
        run_id: String::new(),
        name: experiment.name.clone(),
        created_at: String::new(),
        seed: experiment.seed,
        config_digest: experiment.digest(),
        data_digest: session.data.digest(),
        data_files: session.data.files.clone(),
        class_names: session.data.class_names.clone(),
        normalize: session.data.normalize.clone(),
        parameters: session.parameter_count(),
        program_version: env!("CARGO_PKG_VERSION").to_owned(),
        burn_version: device::BURN_VERSION.to_owned(),
        backend: backend.to_owned(),
        cpu_features: device::cpu_features(),
        command_line: std::env::args().collect(),
        config_sources: document.sources().to_vec(),
        working_directory: std::env::current_dir()
            .unwrap_or_default()
            .display()
            .to_string(),
    }
}
