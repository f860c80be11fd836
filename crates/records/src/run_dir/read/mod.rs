//! Runs as readers see them: nothing here waits, locks or writes.

pub mod checkpoints;
pub mod metrics;
pub mod moves;
pub mod resolve;
pub mod run;
pub mod size;
pub mod weights;
