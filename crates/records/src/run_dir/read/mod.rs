//! Runs as readers see them: nothing here waits, locks or writes.

pub mod resolve;
pub mod run;
