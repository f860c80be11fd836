//! `runner run`: a new run from a config.

use crate::cli;
use crate::config::Document;
use crate::train::{Interrupt, fit};

use super::output::Output;
use super::training::{Started, conclude, start};

pub fn execute(args: cli::Run) -> anyhow::Result<u8> {
    let output = Output { quiet: args.quiet };
    let mut document = Document::read(&args.config)?;
    document.set_all(&args.overrides)?;
    let mut interrupt = Interrupt::install()?;
    let Started {
        mut session,
        mut run,
        mut reporter,
    } = start(
        &document,
        &args.out.out,
        &args.threads,
        &mut interrupt,
        output,
    )?;
    let end = fit(&mut session, &mut run, &interrupt, &mut reporter);
    conclude(end, &mut session, &mut run, &interrupt, &mut reporter)
}
