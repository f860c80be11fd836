//! `runner resume`: go on with a run as if it had never stopped, or not at all.

use std::path::Path;

use crate::cli;
use crate::config::Experiment;
use crate::device;
use crate::run_dir::{
    self, Event, MetricsTable, Position, Recovered, Status, Writer, layout, resolve,
};
use crate::train::{Interrupt, Session, fit};

use super::drift::{
    check_backend, check_changes, check_config, check_data, check_version, elsewhere,
};
use super::experiment::checked;
use super::output::Output;
use super::report::Reporter;
use super::training::{conclude, introduce, load};

pub fn execute(args: cli::Resume) -> anyhow::Result<u8> {
    let output = Output { quiet: args.quiet };
    let mut interrupt = Interrupt::install()?;
    let folder = resolve(&args.run, &args.out.out)?;
    let mut run = Writer::lock(&folder)?;
    let (mut document, before) = run_dir::document(&folder)?;
    document.set_all(args.overrides.all());
    let experiment = document.experiment()?;
    let changes = check_changes(&before, &experiment, &folder, &args.overrides)?;
    if changes.contains_key("training.epochs") {
        checked(&document)?;
    }
    check_config(run.identity(), &experiment)?;
    let other_version = check_version(run.identity(), args.allow_other_version)?;
    let device = device::choose(experiment.device, args.threads.threads)?;
    check_backend(run.identity(), device.backend)?;

    let finished = Status::is_finished(&folder);
    output.only_when_quiet(&folder.display().to_string());
    if finished && !changes.contains_key("training.epochs") {
        output.result(&is_finished(&folder, &experiment)?);
        for key in changes.keys() {
            output.note(&format!("{key} changes nothing in a run that is finished"));
        }
        return Ok(0);
    }

    let (input, classes) = (experiment.model.input, experiment.classes());
    let data = load(&experiment.data, input, classes)
        .map_err(|error| elsewhere(&error, run.identity()))?;
    check_data(run.identity(), &folder, &data)?;
    interrupt.limit(experiment.training.max_minutes);
    let Recovered {
        checkpoint,
        damaged,
    } = run.recover(&experiment.checkpoint)?;
    let mut session = Session::new(experiment, data, device.device);
    if let Some(checkpoint) = &checkpoint {
        session.load(checkpoint)?;
    }
    run.reopen()?;
    if let Some((from, to)) = other_version {
        run.event(Event::VersionChanged { from, to })?;
    }
    let position = &session.position;
    run.event(Event::Resumed {
        step: position.step,
        checkpoint: checkpoint.as_ref().map(|_| position.file_name()),
        changes: changes.clone(),
    })?;

    let mut reporter = Reporter::new(output, run.log(), session.experiment.training.epochs);
    introduce(&session, &run, &device.reason, &mut reporter);
    for (name, reason) in &damaged {
        reporter.note(&format!("put aside, {reason}: checkpoints/damaged/{name}"));
    }
    for (key, value) in &changes {
        reporter.note(&format!("changed: {key} = {value}"));
    }
    reporter.note(&whence(&session.position));
    let end = fit(&mut session, &mut run, &interrupt, &mut reporter);
    conclude(end, &mut session, &mut run, &interrupt, &mut reporter)
}

/// What a resume of a finished run says.
fn is_finished(folder: &Path, experiment: &Experiment) -> anyhow::Result<String> {
    let metrics = MetricsTable::read(&folder.join(layout::METRICS))?;
    let (epochs, done) = (experiment.training.epochs, metrics.len());
    let folder = folder.display();
    Ok(match &experiment.early_stop {
        Some(rule) if (done as u64) < epochs => format!(
            "{folder} is finished after epoch {done}: it stopped early\n\
             for more patience: runner run {folder}/{} early_stop.patience={}",
            layout::RESOLVED,
            rule.patience * 2
        ),
        _ => format!(
            "{folder} is finished after epoch {done}\n\
             to train on: runner resume {folder} training.epochs={}",
            epochs * 2
        ),
    })
}

fn whence(position: &Position) -> String {
    if position.step == 0 {
        return "there is no checkpoint yet: from the start".to_owned();
    }
    format!(
        "going on after step {}, in epoch {}",
        position.step, position.epoch
    )
}
