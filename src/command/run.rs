//! `runner run`: a new run from a config.

use crate::cli;
use crate::config::Document;
use crate::data::Splits;
use crate::device;
use crate::run_dir::{Event, FORMAT, Identity, NewRun, Writer};
use crate::train::{End, Interrupt, Session, fit};

use super::output::Output;
use super::report::{Reporter, finish, interrupted, thousands};

pub fn execute(args: cli::Run) -> anyhow::Result<u8> {
    let output = Output { quiet: args.quiet };
    let mut document = Document::read(&args.config)?;
    document.set_all(&args.overrides)?;
    let experiment = document.experiment()?;
    let device = device::choose(&experiment.device)?;
    let data = Splits::load(
        &experiment.data,
        experiment.model.input,
        experiment.classes(),
    )?;
    let images = data.train.len();
    if experiment.training.batch_size > images {
        return Err(document
            .error_at(
                "training.batch_size",
                format!(
                    "batch size {} is above the {images} training images",
                    experiment.training.batch_size
                ),
                &format!("choose a `batch_size` of at most {images}"),
            )
            .into());
    }
    // Before anything is made, so that a signal from here on leaves a run that can go on.
    let interrupt = Interrupt::install()?;
    let mut session = Session::new(experiment, data, device.device);
    let identity = identity(&session, device.backend);
    let mut run = Writer::create(NewRun {
        out: &args.out.out,
        identity,
        config_text: document.text(),
        resolved_text: &session.experiment.to_toml(),
    })?;

    output.only_when_quiet(&run.folder().display().to_string());
    let epochs = session.experiment.training.epochs;
    let mut reporter = Reporter::new(output, run.log(), epochs);
    introduce(&session, &run, &device.reason, &mut reporter);
    train(&mut session, &mut run, &interrupt, &mut reporter)
}

/// Trains to the end, or to a signal; what stops the run is noted in its events.
pub fn train(
    session: &mut Session,
    run: &mut Writer,
    interrupt: &Interrupt,
    reporter: &mut Reporter,
) -> anyhow::Result<u8> {
    let end = fit(session, run, interrupt, reporter);
    reporter.end();
    let step = session.position.step;
    match end {
        Ok(End::Complete) => {
            finish(session, run, reporter)?;
            Ok(0)
        }
        Ok(End::Interrupted(signal)) => {
            let signal_name = signal.name().to_owned();
            run.event(Event::Interrupted {
                step,
                signal: signal_name,
            })?;
            reporter.note(&interrupted(run.folder(), signal.name()));
            Ok(signal.exit_code())
        }
        Err(error) => {
            // The first error is the one to tell, whether or not it can be noted.
            let _ = run.event(Event::Failed {
                step,
                reason: error.to_string(),
            });
            Err(error.into())
        }
    }
}

/// What is about to be trained, and where.
pub fn introduce(session: &Session, run: &Writer, device: &str, reporter: &mut Reporter) {
    let data = &session.data;
    let [channels, height, width] = session.experiment.model.input;
    reporter.note(&format!("device: {device}"));
    reporter.note(&format!(
        "data: {} training and {} evaluation images of {channels}x{height}x{width} in {} classes",
        thousands(data.train.len() as f64),
        thousands(data.eval.len() as f64),
        data.class_names.len()
    ));
    reporter.note(&format!(
        "network: {} layers, {} parameters",
        session.experiment.model.layers.len(),
        thousands(session.parameter_count() as f64)
    ));
    reporter.note(&format!("run: {}", run.folder().display()));
}

fn identity(session: &Session, backend: &str) -> Identity {
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
        parameters: session.parameter_count(),
        program_version: env!("CARGO_PKG_VERSION").to_owned(),
        burn_version: device::BURN_VERSION.to_owned(),
        backend: backend.to_owned(),
        cpu_features: device::cpu_features(),
        command_line: std::env::args().collect(),
    }
}
