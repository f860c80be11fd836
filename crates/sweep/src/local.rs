//! Runs the trials of a sweep as child processes on this machine, as many at a time as it can take.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::{self, File};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant, SystemTime};

use runner_files::IoError;
use runner_records::run_dir::Run;

use crate::decide::{Decision, Work};
use crate::directory::{Error, SweepDir};
use crate::overview::Overview;
use crate::state::Progress;

/// How trials are run.
#[derive(Debug, Clone)]
pub struct Local {
    /// The program, whose `sweep-task` runs a trial.
    pub program: PathBuf,
    /// Trials at a time at most.
    pub parallel: usize,
    /// Compute threads of each.
    pub threads: usize,
    /// Bytes that all trials together may take, if that is known.
    pub memory: Option<u64>,
}

/// How a process of a trial ended, other than well.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The number of the trial.
    pub trial: usize,
    /// Why, in a line.
    pub reason: String,
}

/// What a session came to.
#[derive(Debug, Clone, Default)]
pub struct Outcome {
    /// Whether it was asked to stop before the end.
    pub is_stopped: bool,
    /// Trials whose processes failed, each with its last failure.
    pub failures: Vec<Failure>,
}

/// Is told how a sweep goes on, to show it.
pub trait Observer {
    /// Now and then, with the trials that run.
    fn look(&mut self, overview: &Overview, running: &[Work]);
    /// A trial has got where it was to get, or failed.
    fn ended(&mut self, overview: &Overview, work: Work, failure: Option<&Failure>);
    /// Rungs have ended: these trials go on, and those, by their index in the plan, were not worth more epochs.
    fn decided(&mut self, overview: &Overview, promoted: &[Work], pruned: &[usize]);
}

/// One process.
struct Running {
    work: Work,
    child: Child,
}

/// How long a session sleeps between looks at its children.
const PAUSE: Duration = Duration::from_millis(3);
/// How often the states of trials that run are read for whoever watches.
const GLANCE: Duration = Duration::from_millis(500);
/// What a process takes beside its steps, in bytes.
const OVERHEAD: u64 = 64 << 20;

/// Runs all trials that are to be run, until none is left or `stop` says so. A failed trial does not end the others.
///
/// # Errors
/// Where the sweep directory cannot be written, or the program cannot be started.
pub fn run(
    sweep: &mut SweepDir,
    local: &Local,
    stop: &dyn Fn() -> bool,
    observer: &mut dyn Observer,
) -> Result<Outcome, Error> {
    let began = SystemTime::now();
    let overview = Overview::read(sweep)?;
    overview.check_table(sweep)?;
    overview.check_runs(sweep)?;
    overview.write(sweep)?;
    let mut session = Session {
        sweep,
        local,
        observer,
        overview,
        running: Vec::new(),
        failures: BTreeMap::new(),
        peak: 0,
        glanced: Instant::now(),
    };
    let is_stopped = session.run(stop);
    // Whatever went wrong, no process stays behind.
    session.wind_down();
    let is_stopped = is_stopped?;
    let failures = session.failures.into_values().collect();
    // Processes that an earlier session has left may have ended since.
    Overview::read(sweep)?.write(sweep)?;
    sweep.clear(began);
    Ok(Outcome {
        is_stopped,
        failures,
    })
}

struct Session<'a> {
    sweep: &'a mut SweepDir,
    local: &'a Local,
    observer: &'a mut dyn Observer,
    overview: Overview,
    running: Vec<Running>,
    /// By trial.
    failures: BTreeMap<usize, Failure>,
    /// The most memory that a trial has taken so far, in bytes.
    peak: u64,
    glanced: Instant,
}

impl Session<'_> {
    /// Whether it was asked to stop.
    fn run(&mut self, stop: &dyn Fn() -> bool) -> Result<bool, Error> {
        loop {
            if stop() {
                return Ok(true);
            }
            let has_changed = self.reap()?;
            if has_changed {
                self.overview.write(self.sweep)?;
            }
            self.start()?;
            if self.running.is_empty()
                && !self.is_waiting_for_others()?
                && !self.overview.grow(self.sweep)?
            {
                return Ok(false);
            }
            if self.glanced.elapsed() > GLANCE {
                self.glance()?;
            }
            sleep(PAUSE);
        }
    }

    /// Starts trials while there is room.
    fn start(&mut self) -> Result<(), Error> {
        for work in self.overview.decision.open.clone() {
            if self.running.len() >= self.local.parallel {
                break;
            }
            let is_mine = self.running.iter().any(|it| it.work.trial == work.trial);
            let is_theirs = self.overview.states[work.trial].progress == Progress::Running;
            if is_mine || is_theirs || self.failures.contains_key(&work.trial) {
                continue;
            }
            if !self.running.is_empty() && !self.fits(work) {
                break;
            }
            let child = self.spawn(work)?;
            self.running.push(Running { work, child });
        }
        Ok(())
    }

    /// Whether one more trial fits into memory, by what trials have taken so far, or at least take.
    fn fits(&self, work: Work) -> bool {
        let needed = |work: Work| {
            let steps = self.overview.plan.trials[work.trial].step_bytes;
            (steps + OVERHEAD).max(self.peak)
        };
        let all = self.running.iter().map(|it| needed(it.work)).sum::<u64>() + needed(work);
        self.local.memory.is_none_or(|memory| all <= memory)
    }

    fn spawn(&self, work: Work) -> Result<Child, Error> {
        let number = self.overview.plan.trials[work.trial].number;
        let path = self.sweep.log(number);
        let open = File::options().append(true).create(true).open(&path);
        let log = open.map_err(IoError::at("open", &path))?;
        let errors = log.try_clone().map_err(IoError::at("open", &path))?;
        let mut arguments: Vec<OsString> =
            vec!["sweep-task".into(), self.sweep.folder.clone().into()];
        for (option, value) in [
            ("--trial", number.to_string()),
            ("--until", work.until.to_string()),
            ("--threads", self.local.threads.to_string()),
            ("--parent", std::process::id().to_string()),
        ] {
            arguments.extend([option.into(), value.into()]);
        }
        let mut command = Command::new(&self.local.program);
        command
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(log)
            .stderr(errors);
        // Ctrl-C is for the session, which tells its trials.
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let child = command.spawn();
        child.map_err(|error| IoError::new("start", self.local.program.clone(), error).into())
    }

    /// Takes note of processes that have ended; whether there were some.
    fn reap(&mut self) -> Result<bool, Error> {
        let mut ended = Vec::new();
        let mut index = 0;
        while index < self.running.len() {
            match self.running[index].child.try_wait() {
                Ok(Some(status)) => ended.push((self.running.remove(index).work, status)),
                _ => index += 1,
            }
        }
        for (work, status) in &ended {
            self.refresh(work.trial)?;
            self.peak = self.peak.max(self.peak_of(work.trial));
            let failure = self.failure(*work, *status);
            if let Some(failure) = &failure {
                self.failures.insert(work.trial, failure.clone());
            }
            let decision = self.overview.plan.decide(&self.overview.states);
            let before = std::mem::replace(&mut self.overview.decision, decision);
            self.observer.ended(&self.overview, *work, failure.as_ref());
            self.tell_decisions(&before);
        }
        Ok(!ended.is_empty())
    }

    /// Tells what was decided since `before`, where rungs have ended.
    fn tell_decisions(&mut self, before: &Decision) {
        let now = &self.overview.decision;
        let promoted = now.open.iter().filter(|work| !before.open.contains(work));
        let promoted: Vec<Work> = promoted.copied().collect();
        let pruned = now.pruned.iter().filter(|it| !before.pruned.contains(it));
        let pruned: Vec<usize> = pruned.copied().collect();
        if !promoted.is_empty() || !pruned.is_empty() {
            self.observer.decided(&self.overview, &promoted, &pruned);
        }
    }

    fn refresh(&mut self, trial: usize) -> Result<(), Error> {
        let plan = &self.overview.plan;
        self.overview.states[trial] = self.sweep.state(plan, &plan.trials[trial])?;
        Ok(())
    }

    /// The most memory that a process of a trial has taken, in bytes.
    fn peak_of(&self, trial: usize) -> u64 {
        let number = self.overview.plan.trials[trial].number;
        let run = Run::open(&self.sweep.run_folder(number));
        let timings = run.map(|run| run.timings()).unwrap_or_default();
        timings
            .iter()
            .filter_map(|timing| timing.peak_memory_bytes)
            .max()
            .unwrap_or(0)
    }

    /// Why a process did not get its trial where it was to get.
    fn failure(&self, work: Work, status: ExitStatus) -> Option<Failure> {
        let state = &self.overview.states[work.trial];
        if status.success() && state.has_reached(work.until) {
            return None;
        }
        let number = self.overview.plan.trials[work.trial].number;
        let reason = match (&state.progress, status.code()) {
            (Progress::Failed { reason, .. }, Some(_)) => reason.clone(),
            (Progress::Interrupted, Some(_)) => self.note_of(number),
            (_, Some(code)) => {
                let line =
                    last_error(&fs::read_to_string(self.sweep.log(number)).unwrap_or_default());
                line.unwrap_or_else(|| format!("its process ended with exit code {code}"))
            }
            (_, None) => killed(status),
        };
        Some(Failure {
            trial: number,
            reason,
        })
    }

    /// Why the run of a trial is not finished, in a line.
    fn note_of(&self, trial: usize) -> String {
        let run = Run::open(&self.sweep.run_folder(trial));
        let note = run.ok().and_then(|run| run.note().ok()?);
        note.unwrap_or_else(|| "its process ended before the trial".to_owned())
    }

    /// Whether trials that are to be run are run by processes that another session has left behind.
    fn is_waiting_for_others(&mut self) -> Result<bool, Error> {
        let open = self.overview.decision.open.clone();
        let is_theirs = |session: &Self, work: &Work| {
            session.overview.states[work.trial].progress == Progress::Running
        };
        let theirs: Vec<Work> = open
            .into_iter()
            .filter(|work| is_theirs(self, work))
            .collect();
        for work in &theirs {
            self.refresh(work.trial)?;
        }
        self.overview.decision = self.overview.plan.decide(&self.overview.states);
        if !theirs.is_empty() {
            sleep(GLANCE);
        }
        Ok(!theirs.is_empty())
    }

    fn glance(&mut self) -> Result<(), Error> {
        let trials: Vec<usize> = self.running.iter().map(|it| it.work.trial).collect();
        for trial in trials {
            self.refresh(trial)?;
        }
        let running: Vec<Work> = self.running.iter().map(|it| it.work).collect();
        self.observer.look(&self.overview, &running);
        self.glanced = Instant::now();
        Ok(())
    }

    /// Tells all processes to write their checkpoints, and waits for them.
    fn wind_down(&mut self) {
        for running in &mut self.running {
            terminate(&mut running.child);
        }
        for mut running in std::mem::take(&mut self.running) {
            let _ = running.child.wait();
            // Whatever is wrong with it is told by whoever looks at it next.
            let _ = self.refresh(running.work.trial);
        }
        self.overview.decision = self.overview.plan.decide(&self.overview.states);
    }
}

/// The last error that a process has printed, in a line.
fn last_error(log: &str) -> Option<String> {
    let mut lines = log.lines().rev();
    lines
        .find_map(|line| line.strip_prefix("error: "))
        .map(str::to_owned)
}

fn killed(status: ExitStatus) -> String {
    #[cfg(unix)]
    if let Some(signal) = std::os::unix::process::ExitStatusExt::signal(&status) {
        return match signal {
            9 => "its process was killed (SIGKILL), perhaps by the system for want of memory"
                .to_owned(),
            signal => format!("its process was ended by signal {signal}"),
        };
    }
    format!("its process ended with {status}")
}

/// Asks a process to write a checkpoint and end.
fn terminate(child: &mut Child) {
    #[cfg(unix)]
    {
        let process = rustix::process::Pid::from_child(child);
        let _ = rustix::process::kill_process(process, rustix::process::Signal::TERM);
    }
    #[cfg(not(unix))]
    {
        let _ = child.kill();
    }
}
