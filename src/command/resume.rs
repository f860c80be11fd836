//! `runner resume`: go on with a run as if it had never stopped, or not at all.

use std::collections::BTreeMap;

use crate::cli;
use crate::config::{Experiment, OnResume, on_resume};
use crate::data::Splits;
use crate::device;
use crate::run_dir::{
    self, Event, Identity, MetricsTable, Position, Status, Writer, layout, resolve, space,
};
use crate::train::{Interrupt, Session, fit};

use super::output::Output;
use super::report::Reporter;
use super::training::{conclude, introduce};

/// Why a run does not go on. Every message says what to do instead.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    #[error("{0}")]
    Change(String),
    #[error("{0}")]
    Data(String),
    #[error("{0}")]
    Program(String),
}

impl Refusal {
    pub fn exit_code(&self) -> u8 {
        match self {
            Refusal::Change(_) => 2,
            Refusal::Data(_) => 4,
            Refusal::Program(_) => 5,
        }
    }
}

pub fn execute(args: cli::Resume) -> anyhow::Result<u8> {
    let output = Output { quiet: args.quiet };
    let folder = resolve(&args.run, &args.out.out)?;
    let mut run = Writer::lock(&folder)?;
    let before = run_dir::document(&folder)?.experiment()?;
    let mut document = run_dir::document(&folder)?;
    document.set_all(&args.overrides)?;
    let experiment = document.experiment()?;
    let changes = check_changes(&before, &experiment, &args)?;
    check_config(run.identity(), &experiment)?;
    let other_version = check_version(run.identity(), &args)?;
    let device = device::choose(&experiment.device)?;
    check_backend(run.identity(), device.backend)?;

    let finished = Status::is_finished(&folder);
    output.only_when_quiet(&folder.display().to_string());
    if finished && !changes.contains_key("training.epochs") {
        let metrics = MetricsTable::read(&folder.join(layout::METRICS));
        output.result(&format!(
            "{} is finished: {} epochs\nto train on: runner resume {} training.epochs={}",
            run.identity().run_id,
            metrics.map_or(0, |metrics| metrics.len()),
            folder.display(),
            experiment.training.epochs * 2
        ));
        return Ok(0);
    }

    let data = Splits::load(
        &experiment.data,
        experiment.model.input,
        experiment.classes(),
    )?;
    check_data(run.identity(), &data)?;
    let mut interrupt = Interrupt::install()?;
    interrupt.limit(experiment.training.max_minutes);
    let checkpoint = run.recover()?;
    let mut session = Session::new(experiment, data, device.device);
    if let Some(checkpoint) = &checkpoint {
        session.load(checkpoint)?;
    }
    let policy = &session.experiment.checkpoint;
    space::check(
        &folder,
        session.checkpoint_bytes(),
        session.data.eval.len(),
        policy,
    )?;
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
    for (key, value) in &changes {
        reporter.note(&format!("changed: {key} = {value}"));
    }
    reporter.note(&whence(&session.position));
    let end = fit(&mut session, &mut run, &interrupt, &mut reporter);
    conclude(end, &mut session, &mut run, &interrupt, &mut reporter)
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

/// The keys that change, with their new values; refuses those that make the run what it is.
fn check_changes(
    before: &Experiment,
    after: &Experiment,
    args: &cli::Resume,
) -> Result<BTreeMap<String, String>, Refusal> {
    let old: BTreeMap<String, String> = before.flatten().into_iter().collect();
    let new: BTreeMap<String, String> = after.flatten().into_iter().collect();
    let absent = "absent".to_owned();
    let keys = old
        .keys()
        .chain(new.keys().filter(|key| !old.contains_key(*key)));
    let mut changes = BTreeMap::new();
    for key in keys {
        let (was, is) = (
            old.get(key).unwrap_or(&absent),
            new.get(key).unwrap_or(&absent),
        );
        if was == is {
            continue;
        }
        let lowered = after.training.epochs < before.training.epochs;
        match on_resume(key) {
            OnResume::Fixed => {
                return Err(Refusal::Change(format!(
                    "`{key}` cannot change from {was} to {is}: it is part of what the run is\n\
                     start a new run instead: runner run {}/config.toml {}",
                    args.run,
                    args.overrides.join(" ")
                )));
            }
            OnResume::Upward if lowered => {
                return Err(Refusal::Change(format!(
                    "`{key}` can only grow, from {was} to more; {is} is less\n\
                     for a shorter run: runner run {}/config.toml {}",
                    args.run,
                    args.overrides.join(" ")
                )));
            }
            OnResume::Upward | OnResume::Free => {
                changes.insert(key.clone(), is.clone());
            }
        }
    }
    Ok(changes)
}

fn check_config(identity: &Identity, experiment: &Experiment) -> Result<(), Refusal> {
    if experiment.digest() == identity.config_digest {
        return Ok(());
    }
    Err(Refusal::Program(format!(
        "{}: resolved.toml is not the config the run began with\n\
         put the original back, or start a new run from config.toml",
        identity.run_id
    )))
}

/// The change of version, if there is one and it is allowed.
fn check_version(
    identity: &Identity,
    args: &cli::Resume,
) -> Result<Option<(String, String)>, Refusal> {
    let (began, this) = (&identity.program_version, env!("CARGO_PKG_VERSION"));
    if began == this {
        return Ok(None);
    }
    if args.allow_other_version {
        return Ok(Some((began.clone(), this.to_owned())));
    }
    Err(Refusal::Program(format!(
        "{} was begun by version {began}, this is {this}: results may differ\n\
         use version {began}, or allow it with --allow-other-version (the run is then marked as no \
         longer reproducible)",
        identity.run_id
    )))
}

fn check_backend(identity: &Identity, backend: &str) -> Result<(), Refusal> {
    if identity.backend == backend {
        return Ok(());
    }
    Err(Refusal::Program(format!(
        "{} was begun on backend {}, this would be {backend}: they round differently\n\
         choose device={}, or start a new run",
        identity.run_id, identity.backend, identity.backend
    )))
}

fn check_data(identity: &Identity, data: &Splits) -> Result<(), Refusal> {
    let changed = identity
        .data_files
        .iter()
        .zip(&data.files)
        .find(|(then, now)| then.sha256 != now.sha256);
    match changed {
        None => Ok(()),
        Some((then, now)) => Err(Refusal::Data(format!(
            "{} is not the file the run began with ({}, {} bytes)\n\
             then sha256 {}\nnow  sha256 {}\n\
             put the original back, or start a new run with these data",
            now.path, then.path, then.bytes, then.sha256, now.sha256
        ))),
    }
}
