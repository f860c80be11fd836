//! What happens to a run, from its config to its end: prepared, begun, trained, concluded; resumed,
//! reproduced, proven.
//!
//! A new run is [`prepare`], [`begin`], [`fit`](crate::train::fit) and [`conclude`]; one that goes on is
//! [`Resumable::open`] and [`Resumable::go_on`] in place of the first two, one that begins with a checkpoint of
//! another [`Fork::open`] and [`Fork::prepare`] in place of the first. Nothing here prints: the
//! command line shows what these functions give.

mod begin;
mod conclude;
mod evaluate;
mod extension;
mod fork;
mod home;
mod prepare;
mod prove;
mod reproduce;
mod resume;
mod start;
mod trained;
mod trials;
mod unchanged;

pub use begin::{Begun, Branching, Occasion, begin, disk_needed};
pub use conclude::{Conclusion, SplitReport, conclude};
pub use evaluate::{Examination, Examined, Findings, examine};
pub use extension::Extension;
pub use fork::{Fork, ForkRequest, PreparedFork};
pub use home::go_home;
pub use prepare::{DataError, Prepared, Start, prepare, with_missing_places};
pub use prove::{Failure, Proof, Verdict, prove};
pub use reproduce::{Comparer, Original};
pub use resume::{Finished, Request, Resumable, Resumed};
pub use trained::{Answer, Trained};
pub use trials::check_trials;
pub use unchanged::{Refusal, moves};

use crate::{config, device, run_dir, train, weights};

/// Why a run is not begun, does not go on, or did not end well.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Something in the config does not go with the data or the machine.
    #[error(transparent)]
    Config(#[from] config::Error),
    /// The device cannot be used.
    #[error(transparent)]
    Device(#[from] device::Error),
    /// The known weights cannot be read, or do not fit.
    #[error(transparent)]
    Weights(#[from] weights::Error),
    /// The data cannot be loaded.
    #[error(transparent)]
    Data(#[from] DataError),
    /// The run would no longer be the same one.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The run directory cannot be written or read.
    #[error(transparent)]
    RunDir(#[from] run_dir::Error),
    /// metrics.csv cannot be read.
    #[error(transparent)]
    Metrics(#[from] run_dir::TableError),
    /// Training failed.
    #[error(transparent)]
    Train(#[from] train::Error),
}
