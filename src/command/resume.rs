//! `runner resume`: go on with a run as if it had never stopped, or not at all.

use std::path::Path;

use crate::cli;
use crate::config::Experiment;
use crate::exit::ExitCode;
use crate::lifecycle::{Finished, Request, Resumable, Resumed, go_home};
use crate::run_dir::{Position, layout, resolve};
use crate::train::{Interrupt, fit};

use super::exit::{OfRun, unwrapped};
use super::output::Output;
use super::progress::scan_bar;
use super::report::{Reporter, conclude, rates};

pub fn execute(args: cli::Resume) -> anyhow::Result<ExitCode> {
    let output = Output { quiet: args.quiet };
    let mut interrupt = Interrupt::install()?;
    let overrides = args.overrides.all().cloned().collect();
    let ([folder], overrides) = go_home([resolve(&args.run, &args.out.out)?], overrides);
    let request = Request {
        folder: &folder,
        overrides: &overrides,
        allow_other_version: args.allow_other_version,
        threads: args.threads.threads,
    };
    go_on(request, output, &mut interrupt)
}

/// Trains a run to its end, or until it is stopped.
pub fn go_on(
    request: Request<'_>,
    output: Output,
    interrupt: &mut Interrupt,
) -> anyhow::Result<ExitCode> {
    let folder = request.folder;
    let resumable = Resumable::open(request).map_err(unwrapped)?;
    output.only_when_quiet(&folder.display().to_string());
    if let Some(finished) = resumable.finished().map_err(unwrapped)? {
        output.result(&is_finished(folder, &resumable.experiment, &finished));
        for key in resumable.changes.keys() {
            output.note(&format!("{key} has no effect on a finished run"));
        }
        return Ok(ExitCode::Done);
    }
    let changes = resumable.changes.clone();
    let bar = scan_bar("reading images");
    let resumed = resumable.go_on(interrupt, &|done, all| bar.at(done, all));
    let Resumed {
        mut session,
        mut run,
        device,
        damaged,
        extension,
    } = resumed.map_err(|error| OfRun::new(folder, unwrapped(error)))?;
    let mut reporter = Reporter::new(output, run.log(), session.experiment.training.epochs);
    reporter.introduce(&session, &run, &device);
    for (name, reason) in &damaged {
        reporter.note(&format!("set aside, {reason}: checkpoints/damaged/{name}"));
    }
    for (key, value) in &changes {
        reporter.note(&format!("changed: {key} = {value}"));
    }
    if let Some(extension) = &extension {
        reporter.note(&format!("warning: {}", rates(extension, folder)));
    }
    reporter.note(&where_it_goes_on(&session.position));
    let end = fit(&mut session, &mut run, interrupt, &mut reporter);
    conclude(end, &mut session, &mut run, interrupt, &mut reporter)
}

/// The message of a resume whose run is finished after `done` epochs.
fn is_finished(folder: &Path, experiment: &Experiment, finished: &Finished) -> String {
    let epochs = experiment.training.epochs;
    let done = finished.epochs;
    let rates = finished
        .extension
        .as_ref()
        .map_or_else(String::new, |extension| {
            format!("\n{}", rates(extension, folder))
        });
    let folder = folder.display();
    match &experiment.early_stop {
        Some(rule) if done < epochs => format!(
            "{folder} is finished after epoch {done}: it stopped early\n\
             to use more patience: runner run {folder}/{} early_stop.patience={}",
            layout::RESOLVED,
            rule.patience * 2
        ),
        _ => format!(
            "{folder} is finished after epoch {done}\n\
             to train longer: runner resume {folder} training.epochs={}{rates}",
            epochs * 2
        ),
    }
}

fn where_it_goes_on(position: &Position) -> String {
    if position.step == 0 {
        return "there is no checkpoint yet: starting from the beginning".to_owned();
    }
    format!(
        "continuing after step {}, in epoch {}",
        position.step, position.epoch
    )
}
