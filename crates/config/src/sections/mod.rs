//! The tables of an experiment file, a file or folder each, with their keys and their readers.

pub(crate) mod augment;
pub(crate) mod checkpoint;
pub(crate) mod data;
pub(crate) mod device;
pub(crate) mod early_stop;
pub(crate) mod groups;
pub(crate) mod log;
pub(crate) mod loss;
pub(crate) mod metrics;
pub(crate) mod monitor;
pub(crate) mod name;
pub(crate) mod optimizer;
pub(crate) mod schedule;
pub(crate) mod training;
