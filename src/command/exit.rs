//! Which exit code an error has.

use std::path::{Path, PathBuf};

use super::output::{Several, StdoutError};
use crate::exit::ExitCode;
use crate::files::IoError;
use crate::lifecycle::{self, DataError, Failure, Refusal};
use crate::{compare, config, data, device, export, run_dir, sweep, train, weights};

/// The command line asks for something that does not exist or cannot be done.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Usage(pub String);

/// A file that the command line asks for cannot be written.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct Unwritable(pub IoError);

/// The data of a trial are not those of the sweep's other trials.
#[derive(Debug, thiserror::Error)]
#[error(
    "the data are no longer those that the sweep's other trials were trained on, so their scores could not be compared\n\
     bring the old data back, or begin the sweep anew: runner sweep run FILE --new"
)]
pub struct OtherData;

/// An error of a run that has a directory.
#[derive(Debug, thiserror::Error)]
#[error("{source}\nthe run: {}", folder.display())]
pub struct OfRun {
    folder: PathBuf,
    source: anyhow::Error,
}

impl OfRun {
    /// `source` happened to the run in `folder`.
    pub fn new(folder: &Path, source: anyhow::Error) -> Self {
        Self {
            folder: folder.to_owned(),
            source,
        }
    }
}

/// The inner error of a [`lifecycle::Error`], whose type decides message and exit code.
pub fn unwrapped(error: lifecycle::Error) -> anyhow::Error {
    match error {
        lifecycle::Error::Config(error) => error.into(),
        lifecycle::Error::Device(error) => error.into(),
        lifecycle::Error::Weights(error) => error.into(),
        lifecycle::Error::Data(error) => error.into(),
        lifecycle::Error::Refused(error) => error.into(),
        lifecycle::Error::RunDir(error) => error.into(),
        lifecycle::Error::Metrics(error) => error.into(),
        lifecycle::Error::Train(error) => error.into(),
    }
}

/// The exit code for an error: that of the first cause that has one.
pub fn exit_code(error: &anyhow::Error) -> ExitCode {
    error.chain().find_map(code_of).unwrap_or(ExitCode::Failed)
}

fn code_of(error: &(dyn std::error::Error + 'static)) -> Option<ExitCode> {
    if error.is::<config::Error>() || error.is::<Usage>() {
        return Some(ExitCode::Usage);
    }
    if let Some(Several(errors)) = error.downcast_ref::<Several>() {
        return errors.first().map(exit_code);
    }
    if error.is::<OtherData>() {
        return Some(ExitCode::Data);
    }
    if let Some(error) = error.downcast_ref::<data::Error>() {
        return Some(data_code(error));
    }
    if let Some(error) = error.downcast_ref::<DataError>() {
        return Some(data_code(error.error()));
    }
    if let Some(error) = error.downcast_ref::<data::LoadError>() {
        return Some(data_code(&error.error));
    }
    #[cfg(feature = "fetch")]
    if let Some(error) = error.downcast_ref::<data::fetch::Error>() {
        return Some(if error.is_local() {
            ExitCode::Io
        } else {
            ExitCode::Data
        });
    }
    if error.is::<device::Error>() {
        return Some(ExitCode::Failed);
    }
    // Errors of compare are transparent, so the errors that they wrap are not in the chain.
    if let Some(error) = error.downcast_ref::<compare::Error>() {
        return Some(match error {
            compare::Error::Run(error) => run_dir_code(error),
            compare::Error::Metrics(_) => ExitCode::RunDirectory,
        });
    }
    if error.is::<run_dir::TableError>() {
        return Some(ExitCode::RunDirectory);
    }
    if error.is::<StdoutError>() || error.is::<Unwritable>() {
        return Some(ExitCode::Io);
    }
    // A failed proof has the exit code of the run that failed in it.
    if let Some(Failure::Ended(status)) = error.downcast_ref::<Failure>() {
        return status.code().and_then(ExitCode::from_number);
    }
    if let Some(refusal) = error.downcast_ref::<Refusal>() {
        return Some(match refusal {
            Refusal::Change(_) => ExitCode::Usage,
            Refusal::Data(_) => ExitCode::Data,
            Refusal::Program(_) => ExitCode::RunDirectory,
        });
    }
    if let Some(error) = error.downcast_ref::<train::Error>() {
        return Some(match error {
            train::Error::Diverged { .. } => ExitCode::Diverged,
            train::Error::Data(error) => data_code(error),
            train::Error::Misfit { .. } => ExitCode::RunDirectory,
            train::Error::RunDir(error) => run_dir_code(error),
        });
    }
    if let Some(error) = error.downcast_ref::<sweep::directory::Error>() {
        return Some(sweep_code(error));
    }
    if let Some(error) = error.downcast_ref::<weights::Error>() {
        return Some(match error {
            weights::Error::NotFound { .. }
            | weights::Error::Format { .. }
            | weights::Error::Misfit { .. } => ExitCode::Data,
            weights::Error::Run(error) => run_dir_code(error),
            weights::Error::Io(_) => ExitCode::Io,
        });
    }
    // It is transparent for errors of files, so these are not in the chain.
    if let Some(error) = error.downcast_ref::<export::Error>() {
        return Some(export_code(error));
    }
    error.downcast_ref::<run_dir::Error>().map(run_dir_code)
}

fn sweep_code(error: &sweep::directory::Error) -> ExitCode {
    use sweep::directory::Error;
    match error {
        Error::Io(_) => ExitCode::Io,
        Error::Cluster(_) => ExitCode::Failed,
        Error::NoSuchSweep { .. } | Error::NoSweeps { .. } | Error::Other { .. } => ExitCode::Usage,
        Error::Locked { .. } | Error::OnCluster { .. } => ExitCode::Resumable,
        Error::RunDir(error) => run_dir_code(error),
        Error::NotASweep { .. } | Error::Damaged { .. } => ExitCode::RunDirectory,
    }
}

fn export_code(error: &export::Error) -> ExitCode {
    use export::Error;
    match error {
        Error::Io(_) => ExitCode::Io,
        Error::Parameter { .. } => ExitCode::RunDirectory,
        Error::OpsetTooLow { .. }
        | Error::NoSuchOpset { .. }
        | Error::TooLarge { .. }
        | Error::Unnamed(_)
        | Error::Exists(_)
        | Error::FileName { .. } => ExitCode::Usage,
    }
}

fn data_code(error: &data::Error) -> ExitCode {
    match error {
        data::Error::Unwritable { .. } => ExitCode::Io,
        data::Error::OutOfMemory { .. } => ExitCode::Failed,
        _ => ExitCode::Data,
    }
}

fn run_dir_code(error: &run_dir::Error) -> ExitCode {
    match error {
        run_dir::Error::NoSuchRun { .. } | run_dir::Error::NoSuchCheckpoint { .. } => {
            ExitCode::Usage
        }
        run_dir::Error::Io { .. } | run_dir::Error::NoSpace { .. } => ExitCode::Io,
        run_dir::Error::Locked { .. } => ExitCode::Resumable,
        run_dir::Error::NotFinite { .. } => ExitCode::Diverged,
        run_dir::Error::NotARun { .. } | run_dir::Error::Damaged { .. } => ExitCode::RunDirectory,
    }
}
