//! `runner sweep cancel`: the trials of a sweep are told to write their checkpoints and end.

use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::cli;
use crate::exit::ExitCode;
use crate::sweep::directory::SweepDir;
use crate::sweep::resolve::resolve;

use super::super::exit::Usage;
use super::super::output::{note, print_result, shown};

/// How long checkpoints are waited for.
const PATIENCE: Duration = Duration::from_secs(60);

pub fn execute(args: cli::SweepCancel) -> anyhow::Result<ExitCode> {
    let sweep = resolve(&args.sweep, &args.out.out)?;
    let folder = shown(&sweep.folder);
    if super::slurm::cancel(&sweep)? {
        print_result(&format!(
            "the jobs are cancelled; their trials write checkpoints\nto continue: runner sweep resume {folder}\n"
        ))?;
        return Ok(ExitCode::Done);
    }
    let Some(holder) = sweep.holder() else {
        note(&format!("{folder}: no process runs this sweep"));
        return Ok(ExitCode::Done);
    };
    if !holder.is_here() || !terminate(holder.pid) {
        return Err(Usage(format!(
            "{folder}: process {} on {} runs this sweep, and cannot be told from here\n\
             there: kill {}",
            holder.pid, holder.host, holder.pid
        ))
        .into());
    }
    if !has_ended(&sweep) {
        note(&format!(
            "process {} was told to stop, and still writes checkpoints",
            holder.pid
        ));
        return Ok(ExitCode::Done);
    }
    print_result(&format!(
        "stopped; checkpoints are written\nto continue: runner sweep resume {folder}\n"
    ))?;
    Ok(ExitCode::Done)
}

fn has_ended(sweep: &SweepDir) -> bool {
    let end = Instant::now() + PATIENCE;
    while sweep.holder().is_some() {
        if Instant::now() > end {
            return false;
        }
        sleep(Duration::from_millis(20));
    }
    true
}

#[cfg(unix)]
fn terminate(process: u32) -> bool {
    use rustix::process::{Pid, Signal, kill_process};

    let process = i32::try_from(process).ok().and_then(Pid::from_raw);
    process.is_some_and(|process| kill_process(process, Signal::TERM).is_ok())
}

#[cfg(not(unix))]
fn terminate(_process: u32) -> bool {
    false
}
