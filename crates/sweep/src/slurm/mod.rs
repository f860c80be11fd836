//! Runs the trials of a sweep as jobs of a Slurm cluster, through its commands alone: no process of ours stays behind.
//!
//! A submission is an array of tasks, each of which can be started again at any time ([`jobs`] records it, [`script`]
//! is its text), and a collecting job behind it, which submits what comes next. What is finished is said by the files,
//! what is alive by the cluster ([`cluster`]); [`lease`] says which of two copies of a task goes on, [`setback`] why a job
//! ended before it became our program.

pub mod cluster;
pub mod jobs;
pub mod lease;
pub mod script;
pub mod setback;
pub mod submit;
