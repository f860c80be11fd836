//! A run on disk: what is written, in which order, and how it is read again.
//!
//! Only this module writes below `experiments/`. What must survive a crash is written by
//! [`atomic`] or appended and synced; whether a run is running, interrupted or finished is never
//! stored but follows from the lock and from result.json.

pub mod atomic;
mod checkpoint;
mod create;
mod events;
mod identity;
pub mod layout;
mod lock;
mod resolve;
mod results;
mod retention;
mod run;
pub mod space;
mod table;
mod verify;
mod writer;

use std::io;
use std::path::{Path, PathBuf};

pub use checkpoint::{Checkpoint, Damage, Phase, Position, State, order_of};
pub use create::NewRun;
pub use events::Event;
pub use identity::{FORMAT, Identity};
pub use resolve::{list, resolve};
pub use results::{Prediction, Results, SplitResults};
pub use retention::{RankedCheckpoint, Retention, superfluous};
pub use run::{Run, Status, document};
pub use table::{MetricsTable, TableError};
pub use verify::{Check, listed_images, verify};
pub use writer::{Log, Recovered, Timing, Writer, checkpoint_names};

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        action: &'static str,
        path: PathBuf,
        source: io::Error,
    },
    #[error("{}: {why}\na run directory is what `runner run` prints; `runner list` shows them all", path.display())]
    NotARun { path: PathBuf, why: String },
    #[error("{}: in use by {holder}\nwait until it ends, or stop it", path.display())]
    Locked { path: PathBuf, holder: String },
    #[error(
        "{}: the run needs {} KiB and {} KiB are free\n\
         free some space, keep fewer with checkpoint.keep_last and checkpoint.keep_best, or name \
         another folder with --out",
        path.display(), needed.div_ceil(1024), available >> 10
    )]
    NoSpace {
        path: PathBuf,
        /// Bytes.
        needed: u64,
        available: u64,
    },
    #[error("{}: {why}", path.display())]
    Damaged { path: PathBuf, why: String },
    #[error(
        "no checkpoint written: `{array}` is not finite; the newest checkpoint is from before that"
    )]
    NotFinite { array: String },
}

impl Error {
    fn io(action: &'static str, path: &Path, source: io::Error) -> Self {
        Error::Io {
            action,
            path: path.to_owned(),
            source,
        }
    }
}

/// The time as every file of a run writes it: RFC 3339, UTC, to the second.
pub fn now() -> String {
    chrono::Utc::now().to_rfc3339_opts(chrono::SecondsFormat::Secs, true)
}
