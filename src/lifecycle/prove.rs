//! One run undisturbed, one killed at random moments and resumed until done; then every byte compared.

use std::ffi::OsString;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::random::{Purpose, Stream, stream};
use crate::run_dir::{Checkpoint, checkpoint_names, layout};

/// What is to be proven, and how.
#[derive(Debug, Clone)]
pub struct Proof {
    /// The program whose `run` and `resume` are tried.
    pub program: PathBuf,
    /// The config of both runs.
    pub config: PathBuf,
    /// `key=value` pairs that override the config.
    pub overrides: Vec<String>,
    /// Where the runs are made.
    pub out: PathBuf,
    /// Threads that compute; one a processor unless stated.
    pub threads: Option<u16>,
    /// Number of times the second run is killed at most.
    pub kills: u32,
    /// The seed that the moments of the kills follow from.
    pub seed: u64,
}

/// The outcome of [`prove`].
#[derive(Debug)]
pub struct Verdict {
    /// The run that was killed.
    pub killed: PathBuf,
    /// How often it was killed.
    pub kills: u32,
    /// The names of the files that are not equal.
    pub different: Vec<String>,
}

/// Why nothing could be proven.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The program cannot be started.
    #[error("cannot start {}: {source}", program.display())]
    Start {
        /// The program's path.
        program: PathBuf,
        /// Why it cannot be started.
        source: std::io::Error,
    },
    /// A run did not say where it is.
    #[error("lost contact with a run: {0}")]
    Lost(#[from] std::io::Error),
    /// A run ended by itself, and not well.
    #[error("a run ended with {0}; see its message above")]
    Ended(ExitStatus),
}

/// Makes both runs and compares them. `undisturbed` is told of the first one and how long it took.
///
/// # Errors
/// Where a run cannot be started or does not end well.
pub fn prove(proof: &Proof, undisturbed: impl FnOnce(&Path, Duration)) -> Result<Verdict, Failure> {
    let start = Instant::now();
    let (whole, status) = Attempt::run(proof)?.wait()?;
    let whole = match (whole, status.success()) {
        (Some(whole), true) => whole,
        _ => return Err(Failure::Ended(status)),
    };
    let duration = start.elapsed();
    undisturbed(&whole, duration);
    let mut moments = stream(proof.seed, Purpose::Proof, 0, 0);
    let mut killed: Option<PathBuf> = None;
    let mut kills = 0;
    loop {
        let mut attempt = match &killed {
            Some(run) => Attempt::resume(proof, run)?,
            None => Attempt::run(proof)?,
        };
        if kills < proof.kills {
            attempt.kill_after(moment(&mut moments, duration * 2 / proof.kills));
        }
        let (run, status) = attempt.wait()?;
        killed = killed.or(run);
        if status.success() {
            break;
        }
        if status.code().is_some() {
            return Err(Failure::Ended(status));
        }
        kills += 1;
    }
    let Some(killed) = killed else {
        return Err(Failure::Lost(std::io::ErrorKind::UnexpectedEof.into()));
    };
    let different = different(&whole, &killed);
    Ok(Verdict {
        killed,
        kills,
        different,
    })
}

/// A process that works on a run.
struct Attempt {
    child: Child,
}

impl Attempt {
    fn run(proof: &Proof) -> Result<Self, Failure> {
        let mut command = vec!["run".into(), proof.config.clone().into_os_string()];
        command.extend(proof.overrides.iter().map(Into::into));
        Self::start(command, proof)
    }

    fn resume(proof: &Proof, run: &Path) -> Result<Self, Failure> {
        Self::start(vec!["resume".into(), run.as_os_str().to_owned()], proof)
    }

    fn start(mut arguments: Vec<OsString>, proof: &Proof) -> Result<Self, Failure> {
        // Checkpoints by the clock would be at different steps in the two runs.
        arguments.push("checkpoint.every_minutes=0".into());
        arguments.extend(["--quiet".into(), "--out".into(), proof.out.clone().into()]);
        if let Some(threads) = proof.threads {
            arguments.extend(["--threads".into(), threads.to_string().into()]);
        }
        let program = proof.program.clone();
        let child = Command::new(&program)
            .args(arguments)
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|source| Failure::Start { program, source })?;
        Ok(Self { child })
    }

    /// Kills the process after the time `moment`, unless it has ended before.
    fn kill_after(&mut self, moment: Duration) {
        let end = Instant::now() + moment;
        while Instant::now() < end && matches!(self.child.try_wait(), Ok(None)) {
            sleep(Duration::from_millis(1).min(end.saturating_duration_since(Instant::now())));
        }
        let _ = self.child.kill();
    }

    /// The run it worked on, if it came so far as to say, and how it ended.
    fn wait(mut self) -> Result<(Option<PathBuf>, ExitStatus), Failure> {
        let mut line = String::new();
        if let Some(stdout) = self.child.stdout.take() {
            BufReader::new(stdout).read_line(&mut line)?;
        }
        let status = self.child.wait()?;
        let run = line.strip_suffix('\n').map(PathBuf::from);
        Ok((run, status))
    }
}

/// A random time, uniform below `limit`. The caller's limit is twice the duration of a run over the number of
/// kills, so that all killed attempts together take about as long as a whole run.
fn moment(moments: &mut Stream, limit: Duration) -> Duration {
    let nanoseconds = u64::try_from(limit.as_nanos()).unwrap_or(u64::MAX);
    Duration::from_nanos(moments.below(nanoseconds.max(1)))
}

/// The names of the files that are not equal. Checkpoints are compared by their arrays and positions alone,
/// since the files also say which run they belong to.
fn different(whole: &Path, killed: &Path) -> Vec<String> {
    let mut names: Vec<String> = [
        layout::METRICS,
        layout::PREDICTIONS,
        layout::CONFUSION,
        layout::REPORT,
    ]
    .into_iter()
    .filter(|name| {
        let read = |run: &Path| fs::read(run.join(name)).ok();
        read(whole).is_none() || read(whole) != read(killed)
    })
    .map(str::to_owned)
    .collect();
    for name in checkpoint_names(whole).unwrap_or_default() {
        let read = |run: &Path| {
            let path = run.join(layout::CHECKPOINTS).join(&name);
            let checkpoint = Checkpoint::read(&path).ok();
            checkpoint.map(|(checkpoint, _)| (checkpoint.arrays, checkpoint.state.position))
        };
        if read(whole).is_none() || read(whole) != read(killed) {
            names.push(format!("{}/{name}", layout::CHECKPOINTS));
        }
    }
    names
}
