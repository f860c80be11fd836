//! Training: a pure function of config, data and program, whatever interrupts it.
//!
//! Nothing here reads the clock or the environment to decide anything; times are only recorded.

mod awake;
mod early_stop;
mod evaluate;
mod fit;
mod interrupt;
pub mod plateau;
mod session;
mod step;
mod timing;
mod trial;

pub use fit::{End, Observer, Progress, fit};
pub use interrupt::{Interrupt, Stop};
pub use session::{Predicted, Session};
pub use trial::{Trial, try_out};

use crate::{data, run_dir};

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(
        "diverged in epoch {epoch}, step {step}: {what}\n\
         that step was not taken; start a new run with a lower training.learning_rate, \
         or with data.scale or data.normalize for smaller inputs"
    )]
    Diverged {
        epoch: u64,
        /// The step that could not be taken, 1-based.
        step: u64,
        what: String,
    },
    #[error(transparent)]
    RunDir(#[from] run_dir::Error),
    #[error(transparent)]
    Data(#[from] data::Error),
    #[error("checkpoint {file}: {why}\nit was written for another run; start a new one")]
    Misfit { file: String, why: String },
}
