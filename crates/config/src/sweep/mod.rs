//! The language of sweep files: one experiment, the keys that vary, how points are chosen among their values,
//! and where the runs go.
//!
//! A sweep file is read as an experiment file is: every problem at once and in its place. Trials point back
//! into it: a value that the experiment cannot have is an error at the sweep file's line.

mod file;
mod launcher;
mod parameter;
mod range;
mod schema;
mod search;
mod starter;
mod trial;

pub use file::{LANGUAGE as SWEEP_LANGUAGE, Objective, Score, Sweep, SweepFile};
pub use launcher::{Local, Slurm};
pub use parameter::{Assignment, DOMAINS, Domain, Parameter};
pub use range::Range;
pub use schema::sweep_schema;
pub use search::{Halving, Hyperband, Random, Sampling, Search, Sobol, Tpe};
pub use starter::sweep_template;
pub use trial::{Base, Candidate, Faults};
