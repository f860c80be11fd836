//! The tables of an experiment file, a file each, with their keys and what is made of them.

pub mod augment;
pub mod checkpoint;
pub mod data;
pub mod device;
pub mod early_stop;
pub mod loss;
pub mod metrics;
pub mod monitor;
pub mod name;
pub mod optimizer;
pub mod schedule;
pub mod training;
