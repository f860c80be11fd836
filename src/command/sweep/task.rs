//! `runner sweep-task`: one trial of a sweep, as far as it is to get. It can be started again at any time: what is done
//! stays done.

use std::path::Path;

use crate::cli;
use crate::exit::ExitCode;
use crate::files::{self, IoError};
use crate::lifecycle::{Occasion, Request};
use crate::sweep::directory::SweepDir;
use crate::sweep::layout;
use crate::train::Interrupt;

use super::super::exit::exit_code;
use super::super::output::Output;
use super::super::resume::go_on;
use super::super::run::Start;

pub fn execute(args: cli::SweepTask) -> anyhow::Result<ExitCode> {
    if !follow(args.parent) {
        return Ok(ExitCode::Terminated);
    }
    let mut interrupt = Interrupt::install()?;
    let sweep = SweepDir::open(&args.sweep)?;
    let (trial, document, experiment) = sweep.trial(args.trial)?;
    let home = &sweep.record.working_directory;
    std::env::set_current_dir(home).map_err(IoError::at("enter", home))?;
    if args.until < trial.epochs {
        interrupt.until_epoch(args.until);
    }
    let output = Output { quiet: false };
    let folder = sweep.run_folder(trial.number);
    if folder.is_dir() {
        let request = Request {
            folder: &folder,
            overrides: &[],
            allow_other_version: false,
            threads: args.threads.threads,
        };
        return go_on(request, output, &mut interrupt);
    }
    let start = Start {
        document: &document,
        experiment,
        out: &sweep.folder.join(layout::RUNS),
        occasion: Occasion::Trial(&sweep.run_id(trial.number)),
        threads: args.threads.threads,
    };
    let ended = start.train(output, &mut interrupt);
    if let Err(error) = &ended
        && exit_code(error) == ExitCode::Usage
        && !folder.exists()
    {
        refuse(&sweep.refusal(trial.number), error);
    }
    ended
}

/// Notes why the trial cannot begin: with the same data it never will. What cannot be noted is found again.
fn refuse(path: &Path, error: &anyhow::Error) {
    let text = error.to_string();
    let line = text.lines().next().unwrap_or_default();
    let line = line.strip_prefix("error: ").unwrap_or(line);
    let _ = files::replace(path, format!("{line}\n").as_bytes());
}

/// Has the system end this process with SIGTERM when the one that has started it ends; whether that one is still there.
#[cfg(target_os = "linux")]
fn follow(parent: Option<u32>) -> bool {
    use rustix::process::{Signal, getppid, set_parent_process_death_signal};

    let Some(parent) = parent else { return true };
    // Without it, a process stays until its trial is done; whoever goes on with the sweep waits for it.
    let _ = set_parent_process_death_signal(Some(Signal::TERM));
    getppid().is_some_and(|now| now.as_raw_nonzero().get() as u32 == parent)
}

/// Elsewhere a process stays until its trial is done; whoever goes on with the sweep waits for it.
#[cfg(not(target_os = "linux"))]
fn follow(_parent: Option<u32>) -> bool {
    true
}
