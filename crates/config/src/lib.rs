//! The experiment file: from text to a resolved and valid [`Experiment`].
//!
//! Two stages. A [`Document`] is what was typed: a tree whose every value knows the file, line and
//! column it came from, with overrides applied. [`Experiment`] is what it means: typed, complete,
//! checked, its shapes inferred. All problems of a document are found in one go.

mod document;
mod experiment;
mod language;
mod model;
mod output;
mod sections;
mod text;

use std::io;
use std::path::PathBuf;

pub use document::Document;
pub use experiment::{Experiment, LANGUAGE};
pub use language::key::{Fallback, KeyInfo, OnResume};
pub use language::kind::Kind;
pub use language::lookup::Language;
pub use language::word::Word;
pub use model::cost::Cost;
pub use model::initializer::{
    Constant, FanMode, Gain, Initializer, KEYS as INITIALIZERS, Kaiming, Nonlinearity,
};
pub use model::keys::Model;
pub use model::layer::{
    AdaptiveAvgPool2d, Approximate, AvgPool2d, BatchNorm, Conv2d, ConvTranspose2d, Dropout, Elu,
    Gelu, GroupNorm, INPUT_SIZE_KEYS, InstanceNorm2d, LAYER_KEYS, Layer, LayerNorm, LeakyRelu,
    Linear, MaxPool2d, Padding, Prelu, Residual, Softplus,
};
pub use model::preset::Preset;
pub use model::shape::{Shape, image_shape};
pub use model::trace::{Traced, output_shape};
pub use output::explain::{Explained, Explanation, Provenance, find_key};
pub use output::schema::schema;
pub use output::template::template;
pub use sections::augment::{Augment, ColorJitter, Mix, RandomAffine, RandomErasing};
pub use sections::checkpoint::Checkpoint;
pub use sections::data::{Cache, Data, Format, Moments, Normalize, OnBadImage, Sampler, Synthetic};
pub use sections::device::Device;
pub use sections::early_stop::EarlyStop;
pub use sections::loss::{ClassWeights, CrossEntropy, Focal, Loss};
pub use sections::metrics::Metrics;
pub use sections::optimizer::{
    Adadelta, Adagrad, Adam, AdjustLrFn, Lamb, Lion, Muon, NoDecay, Optimizer, Rmsprop, Sgd,
};
pub use sections::schedule::{
    AnnealStrategy, CosineRestartsRule, CosineRule, ExponentialRule, Interval, LinearRule,
    MultiStepRule, NoamRule, OneCycleRule, PolynomialRule, ReduceOnPlateauRule, Rule, Schedule,
    StepRule, ThresholdMode,
};
pub use sections::training::Training;
pub use text::diagnostic::{Problems, RenderOptions};
pub use text::source::{Source, SourceKind};

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
