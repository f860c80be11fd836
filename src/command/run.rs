//! `runner run`: a new run from a config.

use std::path::Path;

use crate::cli;
use crate::config::{Document, Experiment};
use crate::exit::ExitCode;
use crate::lifecycle::{Occasion, begin, prepare};
use crate::run_dir::{self, Tags};
use crate::train::{Interrupt, fit};

use super::exit::{OtherData, unwrapped};
use super::experiment::{document, runnable};
use super::output::Output;
use super::progress::scan_bar;
use super::report::{Reporter, conclude};

pub fn execute(args: cli::Run) -> anyhow::Result<ExitCode> {
    let output = Output { quiet: args.quiet };
    let document = document(&args.experiment)?;
    let mut interrupt = Interrupt::install()?;
    let (experiment, _) = runnable(&document)?;
    let start = Start {
        document: &document,
        experiment,
        out: &args.out.out,
        occasion: Occasion::Run,
        data_digest: None,
        threads: args.threads.threads,
        tags: args.tags.tag,
    };
    start.train(output, &mut interrupt)
}

/// A run that is to be begun and trained.
pub struct Start<'a> {
    pub document: &'a Document,
    pub experiment: Experiment,
    pub out: &'a Path,
    pub occasion: Occasion<'a>,
    /// The digest that the data must have, where other runs have to be on the same.
    pub data_digest: Option<String>,
    pub threads: Option<u16>,
    pub tags: Vec<String>,
}

impl Start<'_> {
    /// Makes the run's directory and trains it to its end, or until it is stopped.
    pub fn train(self, output: Output, interrupt: &mut Interrupt) -> anyhow::Result<ExitCode> {
        let bar = scan_bar("reading images");
        let watch = |done, all| bar.at(done, all);
        let prepared = prepare(self.document, self.experiment, self.threads, &watch);
        let prepared = prepared.map_err(unwrapped)?;
        let digest = prepared.session.data.digest();
        if self.data_digest.is_some_and(|expected| expected != digest) {
            return Err(OtherData.into());
        }
        let begun = begin(self.document, prepared, self.out, self.occasion, interrupt);
        let mut begun = begun.map_err(unwrapped)?;
        say(begun.run.folder(), self.tags)?;
        let mut reporter = Reporter::of_begun(output, &begun);
        output.only_when_quiet(&begun.run.folder().display().to_string());
        let (session, run) = (&mut begun.session, &mut begun.run);
        let end = fit(session, run, interrupt, &mut reporter);
        conclude(end, session, run, interrupt, &mut reporter)
    }
}

/// Gives a new run its tags, if there are some.
pub fn say(folder: &Path, tags: Vec<String>) -> Result<(), run_dir::Error> {
    let tags = Tags {
        tags: tags.into_iter().collect(),
        note: None,
    };
    match tags.tags.is_empty() {
        true => Ok(()),
        false => tags.write(folder),
    }
}
