//! Many runs of one experiment: a sweep.
//!
//! In the order in which data flow: [`points`] and [`tpe`] choose points, [`brackets`] how long their trials train,
//! [`plan`] makes trials of them; [`directory`] keeps a sweep on disk, [`state`] reads where a trial stands,
//! [`decide`] what comes next. That is a function of what is on disk: whatever was killed, and whoever finished
//! first, the same trials train the same epochs.

#![warn(missing_docs)]

pub mod brackets;
pub mod decide;
pub mod directory;
pub mod layout;
pub mod local;
pub mod overview;
pub mod plan;
pub mod points;
pub mod resolve;
pub mod slurm;
pub mod state;
pub mod tpe;
