//! What the one process that works on a run writes, in the order in which it does: a new directory,
//! or the recovery of one; rows, checkpoints and events; the results.

mod commit;
pub mod create;
pub mod evaluation;
pub mod finish;
mod probe;
mod recover;
pub mod remove;
pub mod retention;
mod sequence;
pub mod space;
pub mod writer;
