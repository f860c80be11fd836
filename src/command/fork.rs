//! `runner fork`: a new run that begins with a checkpoint of another one.

use std::path::Path;

use crate::cli;
use crate::exit::ExitCode;
use crate::lifecycle::{Fork, ForkRequest, Occasion, begin, go_home};
use crate::run_dir::resolve;
use crate::train::{Interrupt, fit};

use super::exit::{Usage, unwrapped};
use super::experiment::warn;
use super::output::Output;
use super::progress::scan_bar;
use super::report::{Reporter, conclude};
use super::run::say;

pub fn execute(args: cli::Fork) -> anyhow::Result<ExitCode> {
    let output = Output { quiet: args.quiet };
    let mut interrupt = Interrupt::install()?;
    let (name, epoch) = named(&args.run)?;
    let overrides = args.overrides.all().cloned().collect();
    let folder = resolve(name, &args.out.out)?;
    let ([folder, out], overrides) = go_home([folder, args.out.out], overrides);
    let request = ForkRequest {
        folder: &folder,
        epoch,
        overrides: &overrides,
        fresh_optimizer: args.fresh_optimizer,
    };
    let fork = Fork::open(request).map_err(unwrapped)?;
    warn(&fork.warnings);
    let bar = scan_bar("reading images");
    let prepared = fork.prepare(args.threads.threads, &|done, all| bar.at(done, all));
    let prepared = prepared.map_err(unwrapped)?;
    let begun = begin(
        &fork.document,
        prepared.prepared,
        &out,
        Occasion::Fork(&fork.branching),
        &mut interrupt,
    );
    let mut begun = begun.map_err(unwrapped)?;
    say(begun.run.folder(), args.tags.tag)?;
    let mut reporter = Reporter::of_begun(output, &begun);
    output.only_when_quiet(&begun.run.folder().display().to_string());
    reporter.note(&format!("fork of {}", fork.origin));
    for (key, value) in &fork.branching.changes {
        reporter.note(&format!("changed: {key} = {value}"));
    }
    if let Some(difference) = &prepared.other_data {
        let difference = difference.to_string();
        let what = difference.lines().next().unwrap_or_default();
        reporter.note(&format!("warning: the data are others: {what}"));
    }
    let (session, run) = (&mut begun.session, &mut begun.run);
    let end = fit(session, run, &interrupt, &mut reporter);
    conclude(end, session, run, &interrupt, &mut reporter)
}

/// The run and the epoch that `RUN@EPOCH` names; a path that exists is a run as it stands.
fn named(text: &str) -> Result<(&str, Option<u64>), Usage> {
    match text.rsplit_once('@') {
        Some((run, epoch)) if !Path::new(text).exists() => match epoch.parse() {
            Ok(epoch) => Ok((run, Some(epoch))),
            Err(_) => Err(Usage(format!(
                "{text}: `{epoch}` is no epoch\nwrite the number of an epoch behind the @, as in {run}@4"
            ))),
        },
        _ => Ok((text, None)),
    }
}
