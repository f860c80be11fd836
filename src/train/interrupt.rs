//! What stops a run from outside: signals and a time limit, noted when they come, acted on by
//! whoever polls, once a batch.
//!
//! The clock is read here and for the records only. It can say when a run stops, never what it computes.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::exit::ExitCode;

/// Why a run stopped, its checkpoint written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// SIGINT
    Int,
    /// SIGTERM
    Term,
    /// SIGHUP
    Hup,
    /// SIGUSR1
    Usr1,
    /// SIGUSR2
    Usr2,
    /// SIGXCPU: the limit on processor time is reached (`ulimit -t`)
    Xcpu,
    /// `training.max_minutes`
    TimeLimit,
    /// [`Interrupt::request`]
    Requested,
    /// [`Interrupt::until_epoch`]
    Epoch,
}

/// The stops that `Interrupt::received` can note; it holds one more than the index into this list.
const RECEIVED: [Stop; 7] = [
    Stop::Int,
    Stop::Term,
    Stop::Hup,
    Stop::Usr1,
    Stop::Usr2,
    Stop::Xcpu,
    Stop::Requested,
];

impl Stop {
    /// What stopped it, as messages and events say it.
    pub fn name(self) -> &'static str {
        match self {
            Stop::Int => "SIGINT",
            Stop::Term => "SIGTERM",
            Stop::Hup => "SIGHUP",
            Stop::Usr1 => "SIGUSR1",
            Stop::Usr2 => "SIGUSR2",
            Stop::Xcpu => "SIGXCPU",
            Stop::TimeLimit => "training.max_minutes",
            Stop::Requested => "request",
            Stop::Epoch => "the end of its rung",
        }
    }

    /// The exit code of a run that stopped so. For SIGINT, SIGTERM and SIGHUP it is 128 plus the signal's
    /// number, as shells report it; where it is enough to resume the run (SIGUSR1, SIGUSR2 or SIGXCPU from a
    /// scheduler, a time limit), `EX_TEMPFAIL` of sysexits.h.
    pub fn exit_code(self) -> ExitCode {
        match self {
            Stop::Int => ExitCode::Interrupted,
            Stop::Term => ExitCode::Terminated,
            Stop::Hup => ExitCode::Hangup,
            Stop::Epoch => ExitCode::Done,
            Stop::Usr1 | Stop::Usr2 | Stop::Xcpu | Stop::TimeLimit | Stop::Requested => {
                ExitCode::Resumable
            }
        }
    }
}

/// Requests to stop: from signals, from a time limit, or from within the program. Clones share signals and
/// requests, but each has its own time limit and last epoch.
#[derive(Debug, Clone, Default)]
pub struct Interrupt {
    /// 0: nothing; else one more than the index into [`RECEIVED`].
    received: Arc<AtomicUsize>,
    deadline: Option<Instant>,
    last_epoch: Option<u64>,
}

impl Interrupt {
    /// Installs handlers: from now on signals are noted instead of ending the process. A second SIGINT still
    /// ends it. A file that would grow beyond a limit (`ulimit -f`) is an error of its write, not the end of the process.
    ///
    /// # Errors
    /// Where a handler cannot be installed.
    #[cfg(unix)]
    pub fn install() -> std::io::Result<Self> {
        use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGUSR1, SIGUSR2, SIGXCPU, SIGXFSZ};
        use signal_hook::flag;

        let interrupt = Self::default();
        // Registered before the handler that sets the flag, so that the first SIGINT finds it unset.
        let interrupted = Arc::new(AtomicBool::new(false));
        let code = i32::from(Stop::Int.exit_code().number());
        if !is_ignored(SIGINT) {
            flag::register_conditional_shutdown(SIGINT, code, Arc::clone(&interrupted))?;
            flag::register(SIGINT, interrupted)?;
        }
        // Its write fails, and the error of that says which file it is.
        flag::register(SIGXFSZ, Arc::default())?;
        let numbers = [SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2, SIGXCPU];
        for (index, number) in numbers.into_iter().enumerate() {
            // nohup and background jobs of shells start with signals ignored, and they stay ignored.
            if is_ignored(number) {
                continue;
            }
            flag::register_usize(number, Arc::clone(&interrupt.received), index + 1)?;
        }
        Ok(interrupt)
    }

    /// There are no such signals here: Ctrl-C ends the process, and a resume goes on from the
    /// newest checkpoint.
    #[cfg(not(unix))]
    pub fn install() -> std::io::Result<Self> {
        Ok(Self::default())
    }

    /// Stops when this many minutes have passed from now; 0 is no limit.
    pub fn limit(&mut self, minutes: f64) {
        let limit = Duration::try_from_secs_f64(minutes * 60.0).ok();
        self.deadline = limit
            .filter(|limit| !limit.is_zero())
            .and_then(|limit| Instant::now().checked_add(limit));
    }

    /// Stops when this epoch, from 1, is done: a later resume goes on from there as if there had been no stop.
    pub fn until_epoch(&mut self, epoch: u64) {
        self.last_epoch = Some(epoch);
    }

    /// Whether an epoch is beyond the last one that is to be done.
    pub fn ends_before(&self, epoch: u64) -> bool {
        self.last_epoch.is_some_and(|last| epoch > last)
    }

    /// Asks for a stop from within the program.
    pub fn request(&self) {
        self.received.store(RECEIVED.len(), Ordering::Relaxed);
    }

    /// What has asked for a stop, if anything has.
    pub fn poll(&self) -> Option<Stop> {
        let received = self.received.load(Ordering::Relaxed);
        if let Some(index) = received.checked_sub(1) {
            return Some(RECEIVED[index]);
        }
        let passed = self
            .deadline
            .is_some_and(|deadline| Instant::now() >= deadline);
        passed.then_some(Stop::TimeLimit)
    }
}

/// Whether whoever started the process wants a signal ignored (Linux: the mask `SigIgn`).
#[cfg(unix)]
fn is_ignored(signal: i32) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.is_some_and(|mask| mask >> (signal - 1) & 1 == 1)
}
