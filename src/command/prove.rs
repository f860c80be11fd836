//! `runner prove`: one run in peace, one killed at random moments and resumed until done; then
//! every byte compared.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant, SystemTime};

use crate::cli;
use crate::random::{Purpose, Stream, stream};
use crate::run_dir::{Checkpoint, checkpoint_names, layout};

use super::output::{Output, print_result};
use super::verify::NO;

#[derive(Debug, thiserror::Error)]
pub enum Failure {
    #[error("cannot start {}: {source}", program.display())]
    Start {
        program: PathBuf,
        source: std::io::Error,
    },
    #[error("lost touch with a run: {0}")]
    Lost(#[from] std::io::Error),
    #[error("a run ended with {0}; it says above why")]
    Ended(ExitStatus),
}

pub fn execute(args: cli::Prove) -> anyhow::Result<u8> {
    let output = Output { quiet: false };
    let start = Instant::now();
    let (whole, status) = Attempt::run(&args)?.wait()?;
    let whole = match (whole, status.success()) {
        (Some(whole), true) => whole,
        _ => return Err(Failure::Ended(status).into()),
    };
    let duration = start.elapsed();
    output.note(&format!(
        "in peace: {} ({:.1} s)",
        whole.display(),
        duration.as_secs_f64()
    ));

    let seed = args.seed.unwrap_or_else(seed_of_now);
    output.note(&format!("the moments of death follow from --seed {seed}"));
    let mut moments = stream(seed, Purpose::Proof, 0, 0);
    let mut killed: Option<PathBuf> = None;
    let mut kills = 0;
    loop {
        let mut attempt = match &killed {
            Some(run) => Attempt::resume(&args, run)?,
            None => Attempt::run(&args)?,
        };
        if kills < args.kills {
            attempt.kill_after(moment(&mut moments, duration * 2 / args.kills));
        }
        let (run, status) = attempt.wait()?;
        killed = killed.or(run);
        if status.success() {
            break;
        }
        if status.code().is_some() {
            return Err(Failure::Ended(status).into());
        }
        kills += 1;
    }
    let Some(killed) = killed else {
        return Err(Failure::Lost(std::io::ErrorKind::UnexpectedEof.into()).into());
    };
    output.note(&format!("killed {kills} times: {}", killed.display()));

    let different = different(&whole, &killed);
    let verdict = if different.is_empty() {
        "proven: metrics, predictions, report and the arrays of every checkpoint are equal\n"
            .to_owned()
    } else {
        format!("DIFFERENT: {}\n", different.join(", "))
    };
    print_result(&verdict)?;
    Ok(if different.is_empty() { 0 } else { NO })
}

/// A process that works on a run.
struct Attempt {
    child: Child,
}

impl Attempt {
    fn run(args: &cli::Prove) -> Result<Self, Failure> {
        let mut command = vec![
            "run".into(),
            args.experiment.config.clone().into_os_string(),
        ];
        command.extend(args.experiment.overrides.all().map(Into::into));
        Self::start(command, args)
    }

    fn resume(args: &cli::Prove, run: &Path) -> Result<Self, Failure> {
        Self::start(vec!["resume".into(), run.as_os_str().to_owned()], args)
    }

    fn start(mut arguments: Vec<std::ffi::OsString>, args: &cli::Prove) -> Result<Self, Failure> {
        // By the clock, two runs would have their checkpoints in different places.
        arguments.push("checkpoint.every_minutes=0".into());
        arguments.extend([
            "--quiet".into(),
            "--out".into(),
            args.out.out.clone().into(),
        ]);
        if let Some(threads) = args.threads.threads {
            arguments.extend(["--threads".into(), threads.to_string().into()]);
        }
        let program = std::env::current_exe().unwrap_or_else(|_| PathBuf::from("runner"));
        let child = Command::new(&program)
            .args(arguments)
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|source| Failure::Start { program, source })?;
        Ok(Self { child })
    }

    /// Kills the process at that moment, unless it has ended before.
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

fn seed_of_now() -> u64 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    now.map_or(0, |now| now.as_secs() % 1_000_000)
}

/// Uniform below a limit, which is such that all deaths together take about as long as a whole run.
fn moment(moments: &mut Stream, limit: Duration) -> Duration {
    let nanoseconds = u64::try_from(limit.as_nanos()).unwrap_or(u64::MAX);
    Duration::from_nanos(moments.below(nanoseconds.max(1)))
}

/// The names of what is not equal. Checkpoints are compared by their arrays and positions, since
/// they also say which run they belong to.
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
