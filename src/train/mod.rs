//! Training: a pure function of config, data and program, whatever interrupts it.
//!
//! Nothing here reads the clock or the environment to decide anything; times are only recorded.

mod adopt;
mod awake;
mod early_stop;
mod evaluate;
mod fit;
mod interrupt;
pub mod plateau;
mod session;
mod start;
mod step;
mod timing;
mod trial;

pub use adopt::Unfit;
pub use evaluate::{BatchOutcome, evaluate_all, logits};
pub use fit::{End, Observer, Progress, Silent, fit};
pub use interrupt::{Interrupt, Stop};
pub use session::{Predicted, Session};
pub use start::Start;
pub use trial::{Trial, try_out};

use crate::{data, run_dir};

/// Why training ended in an error.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A loss or a gradient is not finite.
    #[error(
        "diverged in epoch {epoch}, step {step}: {what}\n\
         the step was not applied; start a new run with a lower training.learning_rate, or with \
         smaller inputs (data.scale or data.normalize)"
    )]
    Diverged {
        /// The epoch, 1-based.
        epoch: u64,
        /// The step that could not be taken, 1-based.
        step: u64,
        /// What is not finite, and where.
        what: String,
    },
    /// The run directory cannot be written.
    #[error(transparent)]
    RunDir(#[from] run_dir::Error),
    /// An image cannot be read any more.
    #[error(transparent)]
    Data(#[from] data::Error),
    /// A checkpoint is not one of this run.
    #[error("checkpoint {file}: {why}\nit was written for a different run; start a new one")]
    Misfit {
        /// Its file.
        file: String,
        /// What does not fit.
        why: String,
    },
}
