//! What runs leave on disk: written so that it survives a crash, read, verified and compared.
//!
//! [`run_dir`] writes and reads run directories; [`overview`] says a line of each, [`compare`] puts them side by side in a [`table`], whose rows
//! a [`condition`] chooses, [`parting`] where two part, [`significance`] says whether they differ by more than chance;
//! [`mod@array`] is what passes between a network, an optimizer and a checkpoint. Nothing here needs a
//! device: looking at runs is instant.

#![warn(missing_docs)]

use runner_config as config;
use runner_digest as digest;
use runner_files as files;
use runner_metrics as metrics;

pub mod array;
pub mod compare;
pub mod condition;
pub mod overview;
pub mod parting;
pub mod run_dir;
pub mod significance;
pub mod table;
