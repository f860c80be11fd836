//! `runner sweep-task`: one trial of a sweep, as far as it is to get. It can be started again at any time: what is done
//! stays done.

use std::path::Path;
use std::thread::sleep;
use std::time::Duration;

use crate::cli;
use crate::data;
use crate::exit::ExitCode;
use crate::files::{self, IoError};
use crate::lifecycle::{DataError, Occasion, Request};
use crate::run_dir::{Event, Holder, Lock, Run};
use crate::sweep::directory::SweepDir;
use crate::sweep::layout;
use crate::sweep::slurm::cluster;
use crate::sweep::slurm::jobs::{Jobs, Task};
use crate::sweep::slurm::lease::{Lease, Taken};
use crate::train::{Interrupt, Stop};

use super::super::exit::{Usage, exit_code};
use super::super::output::{Output, note};
use super::super::resume::go_on;
use super::super::run::Start;

pub fn execute(args: cli::SweepTask) -> anyhow::Result<ExitCode> {
    if !follow(args.parent) {
        return Ok(ExitCode::Terminated);
    }
    let interrupt = Interrupt::install()?;
    let sweep = SweepDir::open(&args.sweep)?;
    let threads = args.threads.threads;
    match (args.trial, args.until, args.tasks, args.index) {
        (Some(trial), Some(until), _, _) => {
            train(&sweep, Task { trial, until }, threads, interrupt)
        }
        (_, _, Some(tasks), Some(index)) => {
            let task = Jobs::of(&sweep).tasks(&tasks)?.get(index).copied();
            let task = task.ok_or_else(|| Usage(format!("{tasks} has no task {index}")))?;
            of_job(&sweep, task, submission(&tasks), threads, interrupt)
        }
        _ => Err(Usage("name a trial, or a task of a submission".to_owned()).into()),
    }
}

/// `007.tasks` is of submission 7.
fn submission(tasks: &str) -> usize {
    tasks.trim_end_matches(".tasks").parse().unwrap_or(0)
}

/// Trains a trial as far as it is to get.
fn train(
    sweep: &SweepDir,
    task: Task,
    threads: Option<u16>,
    mut interrupt: Interrupt,
) -> anyhow::Result<ExitCode> {
    let (trial, document, experiment) = sweep.trial(task.trial)?;
    let home = &sweep.record.working_directory;
    std::env::set_current_dir(home).map_err(IoError::at("enter", home))?;
    if task.until < trial.epochs {
        interrupt.until_epoch(task.until);
    }
    let output = Output { quiet: false };
    let folder = sweep.run_folder(trial.number);
    if folder.is_dir() {
        return go_on_alone(&folder, threads, output, &mut interrupt);
    }
    let start = Start {
        document: &document,
        experiment,
        out: &sweep.folder.join(layout::RUNS),
        occasion: Occasion::Trial(&sweep.run_id(trial.number)),
        data_digest: sweep.data_digest(),
        threads,
        tags: Vec::new(),
    };
    let ended = start.train(output, &mut interrupt);
    let Err(error) = &ended else { return ended };
    if is_lasting(error) && !folder.exists() {
        refuse(sweep, trial.number, error);
    }
    // Another process has begun it at the same instant.
    let is_of_another = Lock::holder(&folder).is_some_and(|it| it.pid != std::process::id());
    match is_of_another {
        true => go_on_alone(&folder, threads, output, &mut interrupt),
        false => ended,
    }
}

/// Goes on with the run of a trial when no other process works on it: one that an earlier session has left ends soon,
/// and what it has done counts.
fn go_on_alone(
    folder: &Path,
    threads: Option<u16>,
    output: Output,
    interrupt: &mut Interrupt,
) -> anyhow::Result<ExitCode> {
    let request = Request {
        folder,
        overrides: &[],
        allow_other_version: false,
        threads,
    };
    for _ in 0..ATTEMPTS {
        while Lock::is_held(folder) {
            if let Some(stop) = interrupt.poll() {
                return Ok(stop.exit_code());
            }
            sleep(PAUSE);
        }
        let ended = go_on(request, output, interrupt);
        let is_locked = |error| exit_code(error) == ExitCode::Resumable;
        if !ended.as_ref().is_err_and(is_locked) {
            return ended;
        }
    }
    go_on(request, output, interrupt)
}

/// How often the lock of a run is asked for that another process was quicker to take.
const ATTEMPTS: usize = 20;
/// Between two looks at the lock of a run.
const PAUSE: Duration = Duration::from_millis(10);

/// Whether a trial that cannot begin never will: its config and the data do not go together.
fn is_lasting(error: &anyhow::Error) -> bool {
    let of_data = error.downcast_ref::<DataError>();
    let has_other_classes = |it: &DataError| matches!(it.error(), data::Error::Classes { .. });
    exit_code(error) == ExitCode::Usage || of_data.is_some_and(has_other_classes)
}

/// Notes why the trial cannot begin: with the same data it never will. What cannot be noted is found again.
fn refuse(sweep: &SweepDir, trial: usize, error: &anyhow::Error) {
    let text = error.to_string();
    let line = text.lines().next().unwrap_or_default();
    let line = line.strip_prefix("error: ").unwrap_or(line);
    let _ = files::replace(&sweep.refusal(trial), format!("{line}\n").as_bytes());
}

/// A task of a Slurm job: it takes the trial from a copy of itself that is to have ended, and at a notice it puts itself
/// back into the queue.
fn of_job(
    sweep: &SweepDir,
    task: Task,
    submission: usize,
    threads: Option<u16>,
    interrupt: Interrupt,
) -> anyhow::Result<ExitCode> {
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let array = variable("SLURM_ARRAY_JOB_ID").zip(variable("SLURM_ARRAY_TASK_ID"));
    // Not SLURM_JOB_ID: of the last task it is that of the whole array.
    let name = array.map(|(job, index)| format!("{job}_{index}"));
    let this = Holder::this();
    let lease = Lease {
        submission,
        restart: variable("SLURM_RESTART_COUNT")
            .and_then(|it| it.parse().ok())
            .unwrap_or(0),
        task: name.clone().unwrap_or_default(),
        host: this.host,
        pid: this.pid,
        requeued_at: None,
    };
    let mine = match lease.take(&sweep.folder, task.trial)? {
        Taken::Mine(lease) => lease,
        Taken::Superseded(other) => {
            note(&superseded(task, &other));
            return Ok(ExitCode::Resumable);
        }
    };
    let folder = sweep.run_folder(task.trial);
    if Lock::is_held(&folder) {
        note(&format!(
            "trial {} is taken from an earlier copy of this task",
            task.trial
        ));
        Lock::take_from_holder(&folder)?;
    }
    let limit = sweep.plan()?.sweep.slurm;
    let ended = train(sweep, task, threads, interrupt.clone());
    if let Some(other) =
        Lease::read(&sweep.folder, task.trial).filter(|it| ended.is_err() && *it != mine)
    {
        note(&superseded(task, &other));
        return Ok(ExitCode::Resumable);
    }
    let code = ended?;
    match (code, interrupt.poll(), name) {
        (ExitCode::Resumable, Some(Stop::Usr1 | Stop::Usr2), Some(name)) => {
            requeue(sweep, task, mine, &name, limit.max_requeues);
            // The cluster ends this process; one that ends by itself is not started again.
            sleep(Duration::from_secs(limit.notice_s + SPARE));
        }
        // Perhaps the end of a grace period, after which the job is requeued if it is still alive.
        (ExitCode::Terminated, _, Some(_)) => sleep(Duration::from_secs(SPARE)),
        _ => {}
    }
    Ok(code)
}

/// The message of a copy that another one has replaced.
fn superseded(task: Task, other: &Lease) -> String {
    format!(
        "trial {} is worked on by task {} on {}",
        task.trial, other.task, other.host
    )
}

/// Seconds in which the cluster ends a process that it has told to stop.
const SPARE: u64 = 60;

/// Puts a task back into the queue, unless it has been there too often, or has done nothing since.
fn requeue(sweep: &SweepDir, task: Task, mut lease: Lease, name: &str, most: u64) {
    let run = Run::open(&sweep.run_folder(task.trial));
    let last = run.ok().and_then(|run| run.events().ok()?.pop());
    let step = match last {
        Some(Event::Stopped { step, .. }) => Some(step),
        _ => None,
    };
    if lease.restart >= most {
        note(&format!(
            "not requeued: it was {most} times; runner sweep resume goes on with it"
        ));
        return;
    }
    if step.is_some() && step == lease.requeued_at {
        note(
            "not requeued: nothing was done since the last time; give it more `time`, or a shorter `notice_s`",
        );
        return;
    }
    lease.requeued_at = step;
    if let Err(error) = lease.write(&sweep.folder, task.trial) {
        note(&format!("warning: {error}"));
    }
    match cluster::requeue(name) {
        Ok(()) => note(&format!("requeued as {name}")),
        Err(error) => note(&format!("not requeued: {error}")),
    }
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
