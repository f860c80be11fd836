//! All integration tests, in one binary, because each one links Burn again.

#![allow(
    clippy::unwrap_used,
    reason = "a panic is how a test fails, in its helpers as well"
)]

mod by_hand;
mod support;

mod check;
mod checkpoints;
mod checks;
mod compare;
mod config;
mod data;
mod disks;
mod docs;
mod endings;
mod evaluation;
mod exit;
mod export;
mod faults;
#[cfg(feature = "fetch")]
mod fetch;
mod fork;
mod fusion;
mod groups;
mod help;
mod images;
mod kernels;
mod known_weights;
mod memory;
mod metrics;
#[cfg(feature = "ndarray")]
mod ndarray;
mod parity;
mod predictions;
mod random;
mod removal;
mod resume;
mod run;
mod schedule;
mod significance;
mod soak;
mod structure;
mod sweep;
mod tags;
mod using;
mod vocabulary;
mod which_run;
