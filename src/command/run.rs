//! `runner run`: a new run from a config.

use crate::cli;
use crate::train::{Interrupt, fit};

use super::experiment::{checked, document};
use super::output::Output;
use super::training::{Started, conclude, prepare, start};

pub fn execute(args: cli::Run) -> anyhow::Result<u8> {
    let output = Output { quiet: args.quiet };
    let document = document(&args.experiment)?;
    let mut interrupt = Interrupt::install()?;
    let prepared = prepare(&document, checked(&document)?, &args.threads)?;
    let Started {
        mut session,
        mut run,
        mut reporter,
    } = start(&document, prepared, &args.out.out, &mut interrupt, output)?;
    output.only_when_quiet(&run.folder().display().to_string());
    let end = fit(&mut session, &mut run, &interrupt, &mut reporter);
    conclude(end, &mut session, &mut run, &interrupt, &mut reporter)
}
