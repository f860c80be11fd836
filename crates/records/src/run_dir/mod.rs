//! A run on disk: what is written, in which order, and how it is read again.
//!
//! [`layout`] has the name of every file, `format` what each of them says, a file each; `write` is the one
//! process that works on a run, `read` is everybody else, and `verify` holds all files against each other.
//!
//! Only this module writes below `experiments/`. Whole files are created or replaced atomically, lines are
//! appended and synced. Whether a run is running, interrupted or finished is never stored: it follows from
//! the lock and from result.json.

mod format;
mod heartbeat;
pub mod layout;
mod lock;
mod lost;
mod read;
mod verify;
mod write;

use std::path::PathBuf;

use crate::files::IoError;

pub use format::checkpoint::{Checkpoint, Damage, Part, Phase, Position, Stage, State, WrittenAt};
pub use format::data_csv::{DataFile, ImageFile, eval_images, listed_images};
pub use format::evaluation_json::{EvaluationRecord, SplitScores};
pub use format::events::{Cause, Event};
pub use format::metrics_csv::{MetricsTable, TableError};
pub use format::predictions_csv::{Prediction, PredictionRow, StoredPrediction, read_predictions};
pub use format::result_json::{Summary, TestScores};
pub use format::run_json::{Beginning, FORMAT, Identity, Parent, WeightsFile};
pub use format::tags_json::Tags;
pub use format::timing_csv::Timing;
pub use heartbeat::Holder;
pub use lock::Lock;
pub use lost::Lost;
pub use read::checkpoints::{
    best_checkpoint, checkpoint_names, epoch_checkpoints, read_checkpoint,
};
pub use read::metrics::metrics;
pub use read::moves::Moves;
pub use read::resolve::{in_order, list, names, resolve};
pub use read::run::{Run, Status, config_digest, document, planned_epochs};
pub use read::size::size;
pub use read::weights::{Choice, Weights};
pub use verify::{Check, verify};
pub use write::create::NewRun;
pub use write::evaluation::write_evaluation;
pub use write::finish::{BestResults, Results, SplitResults};
pub use write::remove::{prune, remove, unneeded_checkpoints};
pub use write::retention::{RankedCheckpoint, Retention, superfluous};
pub use write::space;
pub use write::writer::{Log, Recovered, Writer};

/// Why a run directory cannot be written, read or gone on with.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The system refused an operation on a file.
    #[error(transparent)]
    Io(#[from] IoError),
    /// There is no run directory, or not one of this program.
    #[error("{}: {why}\n`runner run` prints the run directory; `runner list` shows all of them", path.display())]
    NotARun {
        /// As it was named.
        path: PathBuf,
        /// What is missing or wrong.
        why: String,
    },
    /// A name that stands for no run, or for several.
    #[error(
        "{name}: {why}\n`runner run` prints the run directory; `runner list` shows all of them"
    )]
    NoSuchRun {
        /// As it was typed.
        name: String,
        /// How many runs it could stand for.
        why: String,
    },
    /// A run has no such checkpoint.
    #[error("{}: {why}", folder.display())]
    NoSuchCheckpoint {
        /// The run directory.
        folder: PathBuf,
        /// What is missing, and what to do.
        why: String,
    },
    /// Another process writes to the run.
    #[error("{}: in use by {holder}\nwait until it ends, or stop it", path.display())]
    Locked {
        /// The run directory.
        path: PathBuf,
        /// Who holds the lock, in words.
        holder: String,
    },
    /// The run would not fit on the disk.
    #[error(
        "{}: the run needs {} KiB, but only {} KiB are free\n\
         free some space, keep fewer checkpoints with checkpoint.keep_last and \
         checkpoint.keep_best, or choose another folder with --out",
        path.display(), needed.div_ceil(1024), available >> 10
    )]
    NoSpace {
        /// The folder for runs.
        path: PathBuf,
        /// Bytes.
        needed: u64,
        /// Bytes.
        available: u64,
    },
    /// A file of the run is not what the program wrote.
    #[error("{}: {why}", path.display())]
    Damaged {
        /// The file, or the run directory.
        path: PathBuf,
        /// What is wrong, and what to do.
        why: String,
    },
    /// The state of the run has overflowed and is not worth a checkpoint.
    #[error(
        "no checkpoint written: `{array}` is not finite; the newest checkpoint is from before \
         that happened"
    )]
    NotFinite {
        /// The name of the first array that is not finite.
        array: String,
    },
}

/// The time as every file of a run writes it: RFC 3339, UTC, to the second.
pub fn now() -> String {
    time().to_rfc3339_opts(chrono::SecondsFormat::Secs, true)
}

/// The time by the system's clock, which may be wrong, even before 1970: `chrono::Utc::now` panics then.
fn time() -> chrono::DateTime<chrono::Utc> {
    std::time::SystemTime::now().into()
}
