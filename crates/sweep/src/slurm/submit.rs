//! Submits what is to be run and is not alive, and behind it the job that goes on from there.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use runner_config::Slurm;
use runner_files as files;

use super::cluster::{self, Queued};
use super::jobs::{Jobs, Task};
use super::script;
use crate::decide::Work;
use crate::directory::{Error, SweepDir};
use crate::overview::Overview;

/// What a submission came to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Submitted {
    /// The ids of the arrays that were handed in.
    pub jobs: Vec<u64>,
    /// The number of their tasks.
    pub tasks: usize,
    /// The number of tasks that are alive from before.
    pub alive: usize,
}

/// Which of the trials that are not where they are to get are submitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Those that were never submitted to get there: what failed waits for the user.
    New,
    /// All of them.
    All,
}

/// A task that is alive, and its trial.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alive {
    /// What it is to do.
    pub task: Task,
    /// What the cluster says of it.
    pub queued: Queued,
}

/// What the cluster still knows of the jobs of sweeps, collecting ones among them, in one question; for each sweep.
///
/// # Errors
/// Where the cluster does not answer.
pub fn queued(sweeps: &[&SweepDir]) -> Result<Vec<Vec<Queued>>, Error> {
    let names = |sweep: &&SweepDir| -> Vec<String> {
        let jobs = Jobs::of(sweep).read().into_iter();
        jobs.map(|job| job.job_name).collect()
    };
    let names: Vec<Vec<String>> = sweeps.iter().map(names).collect();
    let all = cluster::squeue(&names.concat())?;
    let of_sweep = |names: &Vec<String>| {
        let own = all.iter().filter(|it| names.contains(&it.job_name));
        own.cloned().collect()
    };
    Ok(names.iter().map(of_sweep).collect())
}

/// The tasks of a sweep that the cluster still knows.
///
/// # Errors
/// Where the cluster does not answer, or a file of tasks cannot be read.
pub fn alive(sweep: &SweepDir) -> Result<Vec<Alive>, Error> {
    let jobs = Jobs::of(sweep);
    let known = jobs.read();
    let mut alive = Vec::new();
    for queued in queued(&[sweep])?.concat() {
        let job = known.iter().find(|job| job.job_name == queued.job_name);
        let (Some(file), Some(index)) = (job.and_then(|job| job.tasks.as_ref()), queued.index)
        else {
            continue;
        };
        if let Some(task) = jobs.tasks(file)?.get(index) {
            alive.push(Alive {
                task: *task,
                queued,
            });
        }
    }
    Ok(alive)
}

/// How the cluster says that the last task of each trial has ended, by the trial's number: `OUT_OF_MEMORY`. Those that it
/// has completed, and those that it does not know, are left out.
pub fn ended(sweep: &SweepDir) -> BTreeMap<usize, String> {
    let jobs = Jobs::of(sweep);
    let known = jobs.read();
    let ids: Vec<u64> = known.iter().filter_map(|job| job.job_id).collect();
    let accounts = cluster::sacct(&ids);
    let mut ended = BTreeMap::new();
    for job in &known {
        let (Some(file), Some(id)) = (&job.tasks, job.job_id) else {
            continue;
        };
        for (index, task) in jobs.tasks(file).unwrap_or_default().iter().enumerate() {
            let name = format!("{id}_{index}");
            let state = accounts.iter().rev().find(|(task, _)| *task == name);
            match state {
                Some((_, state)) if state != "COMPLETED" => {
                    ended.insert(task.trial, state.clone());
                }
                Some(_) => {
                    ended.remove(&task.trial);
                }
                None => {}
            }
        }
    }
    ended
}

/// Submits the trials that are to be run and are not alive. The caller holds the sweep's lock.
///
/// # Errors
/// Where the cluster refuses, or a file cannot be written.
pub fn submit(
    sweep: &mut SweepDir,
    program: &Path,
    slurm: &Slurm,
    scope: Scope,
) -> Result<Submitted, Error> {
    let mut overview = Overview::read(sweep)?;
    overview.check_table(sweep)?;
    overview.check_runs(sweep)?;
    overview.grow(sweep)?;
    overview.write(sweep)?;
    let jobs = Jobs::of(sweep);
    let alive = alive(sweep)?;
    let done = submitted_before(&jobs)?;
    let task = |work: &Work| Task {
        trial: overview.plan.trials[work.trial].number,
        until: work.until,
    };
    let is_alive = |task: &Task| alive.iter().any(|it| it.task.trial == task.trial);
    let is_due = |task: &Task| scope == Scope::All || !done.contains(&(task.trial, task.until));
    let tasks: Vec<Task> = overview.decision.open.iter().map(task).collect();
    let tasks: Vec<Task> = tasks
        .into_iter()
        .filter(|it| !is_alive(it) && is_due(it))
        .collect();
    let mut submitted = Submitted {
        tasks: tasks.len(),
        alive: alive.len(),
        jobs: Vec::new(),
    };
    if tasks.is_empty() {
        return Ok(submitted);
    }
    jobs.create()?;
    // One array after the other, so that no more run at a time than one of them allows.
    for chunk in tasks.chunks(cluster::max_array_size()?) {
        let after = submitted.jobs.last().copied();
        let id = hand_in(sweep, &jobs, program, slurm, Some(chunk), after.as_slice())?;
        submitted.jobs.push(id);
    }
    let last = submitted.jobs.last().copied();
    hand_in(sweep, &jobs, program, slurm, None, last.as_slice())?;
    Ok(submitted)
}

/// What was submitted so far: trials and epochs.
fn submitted_before(jobs: &Jobs) -> Result<BTreeSet<(usize, u64)>, Error> {
    let mut before = BTreeSet::new();
    for file in jobs.read().iter().filter_map(|job| job.tasks.as_ref()) {
        before.extend(
            jobs.tasks(file)?
                .iter()
                .map(|task| (task.trial, task.until)),
        );
    }
    Ok(before)
}

/// Hands one job in: an array of tasks, or the collecting job.
fn hand_in(
    sweep: &SweepDir,
    jobs: &Jobs,
    program: &Path,
    slurm: &Slurm,
    tasks: Option<&[Task]>,
    after: &[u64],
) -> Result<u64, Error> {
    let mut job = jobs.next(tasks)?;
    let logs = jobs.logs();
    let script = script::Job {
        sweep: &sweep.folder,
        program,
        slurm,
        name: &job.job_name,
        logs: &logs,
    };
    let text = match (tasks, &job.tasks) {
        (Some(tasks), Some(file)) => script.array(tasks.len(), file),
        _ => script.collect(),
    };
    let path = jobs.script(&job);
    files::replace(&path, text.as_bytes())?;
    jobs.note(&job)?;
    let stated: Vec<&str> = slurm.options.iter().map(|(name, _)| *name).collect();
    let id = cluster::sbatch(&path, after, &stated)?;
    job.job_id = Some(id);
    jobs.note(&job)?;
    Ok(id)
}

/// The scripts of a sweep that has no directory yet: of its first array, and of the job behind it.
pub fn preview(program: &Path, slurm: &Slurm, tasks: usize) -> [String; 2] {
    let folder = Path::new("SWEEP_DIRECTORY");
    let logs = folder.join(super::jobs::FOLDER).join("logs");
    let job = |name| script::Job {
        sweep: folder,
        program,
        slurm,
        name,
        logs: &logs,
    };
    [
        job("SWEEP-000").array(tasks, "000.tasks"),
        job("SWEEP-001-collect").collect(),
    ]
}
