//! The name of every file in a sweep directory.

/// The folder for sweep directories, in that for runs.
pub const SWEEPS: &str = "sweeps";
/// The sweep file as the user typed it.
pub const SWEEP: &str = "sweep.toml";
/// The experiment that all trials share, as one text that depends on no other file.
pub const BASE: &str = "base.toml";
/// What the sweep is, and its trials with what is fixed of them.
pub const RECORD: &str = "sweep.json";
/// A row a trial: what is fixed of it, and where it stands.
pub const TRIALS: &str = "trials.csv";
/// The folder of run directories, one a trial.
pub const RUNS: &str = "trials";
/// The folder of what the trials' processes print, a file a trial.
pub const LOGS: &str = "logs";
/// The length of the time before a sweep's name: `20261128-101112-`.
pub const STAMP: usize = 16;
