//! The experiment file: from text to a resolved and valid [`Experiment`].
//!
//! Two stages. A [`Document`] is what was typed: a tree whose every value knows the file, line and
//! column it came from, with overrides applied. [`Experiment`] is what it means: typed, complete,
//! checked, its shapes inferred. All problems of a document are found in one go.

mod augment;
mod checkpoint;
mod cost;
mod data;
mod diagnostic;
mod document;
mod early_stop;
mod expand;
mod experiment;
mod explain;
mod extends;
mod familiar;
mod initializer;
mod key;
mod language;
mod layer;
mod layers;
mod loss;
mod merge;
mod metrics;
mod model;
mod monitor;
mod optimizer;
mod overrides;
mod path;
mod preset;
mod remedy;
mod schedule;
mod schema;
mod section;
mod shape;
mod source;
mod template;
mod training;
mod tree;

use std::io;
use std::path::PathBuf;

pub use augment::{Augment, ColorJitter, Mix, RandomAffine, RandomErasing};
pub use checkpoint::Checkpoint;
pub use cost::Cost;
pub use data::{AUTO, BALANCED, DISK, Data, Moments, Normalize, OFF, SKIP, Synthetic};
pub use diagnostic::{Look, Problems};
pub use document::Document;
pub use early_stop::EarlyStop;
pub use experiment::{Experiment, LANGUAGE};
pub use explain::{Explained, Explanation, Whence, find_key};
pub use initializer::{Initializer, KEYS as INITIALIZERS, Kaiming, NONLINEARITIES};
pub use key::{Fallback, Key, Kind, OnResume};
pub use language::Language;
pub use layer::{
    AdaptiveAvgPool2d, AvgPool2d, BatchNorm, Conv2d, ConvTranspose2d, Dropout, Elu, Gelu,
    GroupNorm, InstanceNorm2d, LAYER_KEYS, Layer, LayerNorm, LeakyRelu, Linear, MaxPool2d, Padding,
    Prelu, Residual, STATED, Softplus,
};
pub use loss::{ClassWeights, CrossEntropy, Focal, Loss};
pub use metrics::Metrics;
pub use model::Model;
pub use monitor::{MONITORS, mode_of};
pub use optimizer::{Adadelta, Adagrad, Adam, Lamb, Lion, Muon, Optimizer, Rmsprop, Sgd};
pub use preset::PRESETS;
pub use schedule::{OneCycleRule, ReduceOnPlateauRule, Rule, Schedule};
pub use schema::schema;
pub use shape::{Shape, Traced, after_fitting, of_input};
pub use source::{Source, SourceKind};
pub use template::template;
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
    Invalid(#[from] Problems),
}
