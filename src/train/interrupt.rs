//! Signals: noted when they arrive, acted on by whoever polls, once a batch.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// A signal that ends a run, its checkpoint written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    Int,
    Term,
    Hup,
    Usr1,
}

const SIGNALS: [Signal; 4] = [Signal::Int, Signal::Term, Signal::Hup, Signal::Usr1];

impl Signal {
    pub fn name(self) -> &'static str {
        match self {
            Signal::Int => "SIGINT",
            Signal::Term => "SIGTERM",
            Signal::Hup => "SIGHUP",
            Signal::Usr1 => "SIGUSR1",
        }
    }

    /// As a shell reports a process that died of it; SIGUSR1 is a scheduler's notice: try again.
    pub fn exit_code(self) -> u8 {
        match self {
            Signal::Int => 130,
            Signal::Term => 143,
            Signal::Hup => 129,
            Signal::Usr1 => 75,
        }
    }
}

/// Whether a signal has come since [`Interrupt::install`].
#[derive(Debug, Default)]
pub struct Interrupt {
    /// 0: none; else one more than the index into [`SIGNALS`].
    received: Arc<AtomicUsize>,
}

impl Interrupt {
    /// From now on the signals are noted instead of ending the process; a second SIGINT still does.
    #[cfg(unix)]
    pub fn install() -> std::io::Result<Self> {
        use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGUSR1};
        use signal_hook::flag;

        let interrupt = Self::default();
        // Registered first, so that the first SIGINT finds it unset.
        let interrupted = Arc::new(AtomicBool::new(false));
        let code = i32::from(Signal::Int.exit_code());
        flag::register_conditional_shutdown(SIGINT, code, Arc::clone(&interrupted))?;
        flag::register(SIGINT, interrupted)?;
        for (index, number) in [SIGINT, SIGTERM, SIGHUP, SIGUSR1].into_iter().enumerate() {
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

    pub fn received(&self) -> Option<Signal> {
        let received = self.received.load(Ordering::Relaxed);
        received.checked_sub(1).map(|index| SIGNALS[index])
    }
}
