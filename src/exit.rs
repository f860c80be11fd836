//! What the process's exit code says.

/// An exit code of the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum ExitCode {
    /// Done.
    Done = 0,
    /// The run failed, or the device cannot be used.
    Failed = 1,
    /// Wrong usage, such as a name that fits no run or several, or an error in the config.
    Usage = 2,
    /// A check failed.
    CheckFailed = 3,
    /// Something is wrong with the data, or they cannot be fetched.
    Data = 4,
    /// Something is wrong with the run directory or a checkpoint.
    RunDirectory = 5,
    /// Training diverged: a loss or a gradient is not finite.
    Diverged = 6,
    /// A file cannot be written or read, for example because the disk is full.
    Io = 74,
    /// The run is locked by another process, or SIGUSR1, SIGUSR2, SIGXCPU or `training.max_minutes` stopped it;
    /// resume it later.
    Resumable = 75,
    /// Stopped by SIGHUP, checkpoint written.
    Hangup = 129,
    /// Stopped by SIGINT (Ctrl-C), checkpoint written.
    Interrupted = 130,
    /// Stopped by SIGTERM, checkpoint written.
    Terminated = 143,
}

impl ExitCode {
    /// Every code, in the order of the documentation.
    pub const ALL: [Self; 12] = [
        Self::Done,
        Self::Failed,
        Self::Usage,
        Self::CheckFailed,
        Self::Data,
        Self::RunDirectory,
        Self::Diverged,
        Self::Io,
        Self::Resumable,
        Self::Hangup,
        Self::Interrupted,
        Self::Terminated,
    ];

    /// Its number.
    pub fn number(self) -> u8 {
        self as u8
    }

    /// The code with this number; `None` where the program has no such code.
    pub fn from_number(number: i32) -> Option<Self> {
        let mut all = Self::ALL.into_iter();
        all.find(|code| i32::from(code.number()) == number)
    }

    /// What it says, as the documentation lists it.
    pub fn meaning(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Failed => "the run failed, or the device cannot be used",
            Self::Usage => {
                "wrong usage, such as a name that fits no run or several, or an error in the config"
            }
            Self::CheckFailed => "a check failed",
            Self::Data => "the data are invalid or cannot be fetched",
            Self::RunDirectory => "the run directory or a checkpoint is invalid",
            Self::Diverged => "training diverged: a loss or a gradient is not finite",
            Self::Io => "a file cannot be written or read, for example because the disk is full",
            Self::Resumable => {
                "the run is locked by another process, or SIGUSR1, SIGUSR2, SIGXCPU or `training.max_minutes` stopped it; resume it later"
            }
            Self::Hangup => "stopped by SIGHUP, checkpoint written",
            Self::Interrupted => "stopped by SIGINT (Ctrl-C), checkpoint written",
            Self::Terminated => "stopped by SIGTERM, checkpoint written",
        }
    }
}
