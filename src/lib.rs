//! A config-driven experiment runner: one TOML file declares a run, one directory says everything about it.
//!
//! The modules in the order in which data flow: [`cli`] and [`command`] are what a user types;
//! [`config`] turns the file into an experiment; [`data`] and [`model`] are what it works on,
//! every draw of chance coming from [`random`]; [`train`] is the loop, with [`optimizer`],
//! [`schedule`] and [`metrics`]; [`run_dir`] is all that it leaves behind; [`compare`] reads it and gives a [`table`].

pub use runner_config as config;
pub use runner_digest as digest;
pub use runner_files as files;
pub use runner_kernels as kernels;
pub use runner_metrics as metrics;
pub use runner_random as random;
pub use runner_records::{array, compare, run_dir, table};

pub mod cli;
pub mod command;
pub mod data;
pub mod device;
pub mod exit;
pub mod lifecycle;
pub mod model;
pub mod optimizer;
pub mod schedule;
pub mod train;
