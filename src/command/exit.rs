//! What the process's exit code says.

use super::drift::Refusal;
use super::output::StdoutError;
use super::prove::Failure;
use super::training::DataError;
use crate::{compare, config, data, device, run_dir, train};

/// Every code with its meaning, as the README lists them.
pub const EXIT_CODES: &[(u8, &str)] = &[
    (0, "done"),
    (1, "the run failed, or the device cannot be used"),
    (2, "wrong usage, or an error in the config"),
    (3, "a check said no"),
    (
        4,
        "something is wrong with the data, or they cannot be fetched",
    ),
    (
        5,
        "something is wrong with the run directory or a checkpoint",
    ),
    (6, "training diverged: a loss or a gradient is not finite"),
    (
        74,
        "a file cannot be written or read, for example because the disk is full",
    ),
    (
        75,
        "the run is locked by another process, or SIGUSR1 or `training.max_minutes` stopped it; resume it later",
    ),
    (129, "stopped by SIGHUP, checkpoint written"),
    (130, "stopped by SIGINT (Ctrl-C), checkpoint written"),
    (143, "stopped by SIGTERM, checkpoint written"),
];

/// The command line asks for something that there is not.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Usage(pub String);

/// The exit code for an error: that of the first cause that has one.
pub fn exit_code(error: &anyhow::Error) -> u8 {
    error.chain().find_map(code_of).unwrap_or(1)
}

fn code_of(error: &(dyn std::error::Error + 'static)) -> Option<u8> {
    if error.is::<config::Error>() || error.is::<Usage>() {
        return Some(2);
    }
    if let Some(data::Error::Unwritable { .. }) = error.downcast_ref() {
        return Some(74);
    }
    if error.is::<DataError>() || error.is::<data::Error>() {
        return Some(4);
    }
    #[cfg(feature = "fetch")]
    if let Some(error) = error.downcast_ref::<data::fetch::Error>() {
        return Some(if error.is_local() { 74 } else { 4 });
    }
    if error.is::<device::Error>() {
        return Some(1);
    }
    // Errors of compare are transparent: what they wrap is not in the chain.
    if let Some(error) = error.downcast_ref::<compare::Error>() {
        return Some(match error {
            compare::Error::Run(error) => run_dir_code(error),
            compare::Error::Metrics(_) => 5,
        });
    }
    if error.is::<run_dir::TableError>() {
        return Some(5);
    }
    if error.is::<StdoutError>() {
        return Some(74);
    }
    // A proof that could not be made ends as the run that it was made of.
    if let Some(Failure::Ended(status)) = error.downcast_ref::<Failure>() {
        return status.code().and_then(|code| u8::try_from(code).ok());
    }
    if let Some(refusal) = error.downcast_ref::<Refusal>() {
        return Some(refusal.exit_code());
    }
    if let Some(error) = error.downcast_ref::<train::Error>() {
        return Some(match error {
            train::Error::Diverged { .. } => 6,
            train::Error::Data(_) => 4,
            train::Error::Misfit { .. } => 5,
            train::Error::RunDir(error) => run_dir_code(error),
        });
    }
    error.downcast_ref::<run_dir::Error>().map(run_dir_code)
}

fn run_dir_code(error: &run_dir::Error) -> u8 {
    match error {
        run_dir::Error::Io { .. } | run_dir::Error::NoSpace { .. } => 74,
        run_dir::Error::Locked { .. } => 75,
        run_dir::Error::NotFinite { .. } => 6,
        run_dir::Error::NotARun { .. } | run_dir::Error::Damaged { .. } => 5,
    }
}
