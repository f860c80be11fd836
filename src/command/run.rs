//! `runner run`: a new run from a config.

use crate::cli;
use crate::exit::ExitCode;
use crate::lifecycle::{begin, prepare};
use crate::train::{Interrupt, fit};

use super::exit::unwrapped;
use super::experiment::{document, runnable};
use super::output::Output;
use super::progress::scan_bar;
use super::report::{Reporter, conclude};

pub fn execute(args: cli::Run) -> anyhow::Result<ExitCode> {
    let output = Output { quiet: args.quiet };
    let document = document(&args.experiment)?;
    let mut interrupt = Interrupt::install()?;
    let (experiment, _) = runnable(&document)?;
    let bar = scan_bar("reading images");
    let threads = args.threads.threads;
    let prepared = prepare(&document, experiment, threads, &|done, all| {
        bar.at(done, all)
    })
    .map_err(unwrapped)?;
    let mut begun =
        begin(&document, prepared, &args.out.out, None, &mut interrupt).map_err(unwrapped)?;
    let mut reporter = Reporter::of_begun(output, &begun);
    output.only_when_quiet(&begun.run.folder().display().to_string());
    let end = fit(
        &mut begun.session,
        &mut begun.run,
        &interrupt,
        &mut reporter,
    );
    conclude(
        end,
        &mut begun.session,
        &mut begun.run,
        &interrupt,
        &mut reporter,
    )
}
