//! Sweeps on a Slurm cluster: handing trials in, and the job that goes on from there.

use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::cli;
use crate::exit::ExitCode;
use crate::sweep::directory::{Error, SweepDir};
use crate::sweep::overview::Overview;
use crate::sweep::plan::Plan;
use crate::sweep::slurm::cluster;
use crate::sweep::slurm::jobs::Jobs;
use crate::sweep::slurm::submit::{Scope, alive, preview, queued, submit};

use super::super::output::{Output, note, print_result, shown};
use super::super::units::counted;
use super::show;

/// Hands in all trials that are to be run and are not alive.
pub fn launch(mut sweep: SweepDir, output: Output) -> anyhow::Result<ExitCode> {
    let _lock = sweep.lock()?;
    let plan = sweep.plan()?;
    let program = std::env::current_exe()?;
    let folder = shown(&sweep.folder);
    output.only_when_quiet(&sweep.folder.display().to_string());
    output.note(&format!("sweep: {}", sweep.folder.display()));
    wait_for_endings(&sweep, output)?;
    let submitted = submit(&mut sweep, &program, &plan.sweep.slurm, Scope::All)?;
    let ids: Vec<String> = submitted.jobs.iter().map(u64::to_string).collect();
    if submitted.tasks > 0 {
        let jobs = if ids.len() == 1 { "job" } else { "jobs" };
        output.result(&format!(
            "submitted {} as {jobs} {}",
            counted(submitted.tasks, "trial"),
            ids.join(", ")
        ));
    }
    if submitted.alive > 0 {
        let jobs = match submitted.alive {
            1 => "1 job is".to_owned(),
            alive => format!("{alive} jobs are"),
        };
        output.result(&format!("{jobs} alive from before"));
    }
    let overview = Overview::read(&sweep)?;
    if submitted.tasks + submitted.alive == 0 {
        show::conclude(&sweep, &overview, output);
        return Ok(show::failures(&sweep, &overview, &[]));
    }
    output.result(&format!(
        "Sweep:  {folder}\nNext:   runner sweep status {folder}"
    ));
    Ok(ExitCode::Done)
}

/// Waits for jobs that were cancelled a moment ago: as long as they write checkpoints, their trials cannot be submitted.
fn wait_for_endings(sweep: &SweepDir, output: Output) -> Result<(), Error> {
    let end = Instant::now() + PATIENCE;
    let mut is_told = false;
    while Instant::now() < end {
        let alive = alive(sweep)?;
        if !alive.iter().any(|task| task.queued.state == "COMPLETING") {
            break;
        }
        if !is_told {
            output.note("waiting for jobs that end");
            is_told = true;
        }
        sleep(Duration::from_secs(1));
    }
    Ok(())
}

/// How long jobs that end are waited for.
const PATIENCE: Duration = Duration::from_secs(60);

/// Refuses to run trials here while jobs of the sweep are pending or running: both would want the same ones.
pub fn refuse_alive(sweep: &SweepDir) -> Result<(), Error> {
    let jobs = match queued(&[sweep]) {
        Ok(queued) => queued.concat().len(),
        Err(Error::Cluster(cluster::Error::NotThere { .. })) => {
            note(
                "warning: whether jobs of this sweep are alive cannot be known here: `squeue` is not there",
            );
            return Ok(());
        }
        Err(other) => return Err(other),
    };
    match jobs {
        0 => Ok(()),
        jobs => Err(Error::OnCluster {
            path: sweep.folder.clone(),
            jobs,
        }),
    }
}

/// The scripts that would be handed in for so many trials.
pub fn dry_run(plan: &Plan, tasks: usize) -> anyhow::Result<()> {
    let program = std::env::current_exe()?;
    let [array, collecting] = preview(&program, &plan.sweep.slurm, tasks);
    Ok(print_result(&format!(
        "{array}\n# And behind it, to hand in what comes next:\n{collecting}"
    ))?)
}

/// What the job behind an array does: the table is written, and what comes next is handed in.
pub fn collect(args: cli::SweepCollect) -> anyhow::Result<ExitCode> {
    let mut sweep = SweepDir::open(&args.sweep)?;
    let _lock = sweep.lock()?;
    let slurm = sweep.plan()?.sweep.slurm;
    let program = std::env::current_exe()?;
    let submitted = submit(&mut sweep, &program, &slurm, Scope::New)?;
    let overview = Overview::read(&sweep)?;
    if submitted.tasks + submitted.alive > 0 {
        note(&format!("submitted {}", counted(submitted.tasks, "trial")));
        return Ok(ExitCode::Done);
    }
    overview.write(&sweep)?;
    if !overview.is_done() {
        note(&format!(
            "error: trials are missing\nto submit them again: runner sweep resume {}",
            sweep.folder.display()
        ));
    }
    let code = show::failures(&sweep, &overview, &[]);
    Ok(match overview.is_done() {
        false if code == ExitCode::Done => ExitCode::Failed,
        _ => code,
    })
}

/// Ends all jobs of a sweep; whether there were some.
pub fn cancel(sweep: &SweepDir) -> Result<bool, Error> {
    let mut jobs = Jobs::of(sweep).read();
    if jobs.is_empty() {
        return Ok(false);
    }
    // Collecting jobs first, or one would submit what comes next.
    jobs.sort_by_key(|job| job.tasks.is_some());
    let names: Vec<String> = jobs.into_iter().map(|job| job.job_name).collect();
    let is_alive = !cluster::squeue(&names)?.is_empty();
    if is_alive {
        cluster::scancel(&names)?;
    }
    Ok(is_alive)
}
