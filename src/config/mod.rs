//! The experiment file: from text to a resolved and valid [`Experiment`].
//!
//! Two stages. A [`Document`] is what was typed: a tree whose every value knows the file, line and
//! column it came from, with overrides applied. [`Experiment`] is what it means: typed, complete,
//! checked, its shapes inferred. All problems of a document are found in one go.

mod checkpoint;
mod data;
mod diagnostic;
mod document;
mod early_stop;
mod experiment;
mod key;
mod model;
mod monitor;
mod optimizer;
mod section;
mod shape;
mod source;
mod training;
mod tree;

use std::io;
use std::path::PathBuf;

pub use checkpoint::Checkpoint;
pub use data::{Data, Normalize};
pub use diagnostic::Invalid;
pub use document::Document;
pub use early_stop::EarlyStop;
pub use experiment::{Experiment, SECTIONS, on_resume};
pub use key::{Key, Kind, OnResume};
pub use model::{
    AdaptiveAvgPool2d, BatchNorm2d, Conv2d, Dropout, LAYER_KEYS, Layer, Linear, MaxPool2d, Model,
};
pub use monitor::{MONITORS, mode_of};
pub use optimizer::{Adam, Optimizer};
pub use shape::Shape;
pub use training::Training;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot read the config {}: {source}\n{remedy}", path.display())]
    Unreadable {
        path: PathBuf,
        source: io::Error,
        remedy: String,
    },
    #[error(transparent)]
    Invalid(#[from] Invalid),
}
