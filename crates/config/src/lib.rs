//! The language of experiment files: from TOML text to a resolved and valid [`Experiment`], with every
//! problem of the text reported at once and in its place.
//!
//! ```
//! use runner_config::Document;
//!
//! let text = r#"
//! seed = 1
//! data = { path = "data/digits" }
//! training = { epochs = 2, batch_size = 100, learning_rate = 1e-3 }
//!
//! [model]
//! input = [1, 28, 28]
//! layers = [
//!   { conv2d = { out_channels = 16, kernel_size = 5 } },
//!   "relu",
//!   "flatten",
//!   { linear = { out_features = 10 } },
//! ]
//! "#;
//! let document = Document::parse("digits.toml", text.to_owned(), "digits");
//! let experiment = document.experiment()?;
//! assert_eq!(experiment.trace()[0].output.to_string(), "16x24x24");
//! # Ok::<(), runner_config::Error>(())
//! ```
//!
//! An error points at what was typed and says what to type instead:
//!
//! ```
//! # use runner_config::Document;
//! let document = Document::parse("digits.toml", "seed = 1\nseed = 2\n".to_owned(), "digits");
//! let error = document.experiment().unwrap_err().to_string();
//! assert!(error.starts_with("error: not valid TOML: duplicate key `seed`"));
//! assert!(error.contains("--> digits.toml:2:1"));
//! assert!(error.ends_with("= help: remove one of the two"));
//! ```
//!
//! # Layout
//!
//! In the order in which data flow; each room uses only those before it.
//!
//! - `text`: the sources and places in them, the tree of their values, diagnostics that point into them.
//! - `language`: keys and the values they take, typed reading of a table, remedies for what is wrong.
//! - `model`: the network: its keys and layers, reading them, their shapes and their cost.
//! - `sections`: the other tables of the file, each with its keys and its reader.
//! - `experiment`: the keys of the document itself, and reading all of it: from the tree to an
//!   [`Experiment`].
//! - `document`: files, environment and command line laid over each other: from text to the tree.
//! - `output`: what is said about an experiment and the language: resolved, explained, options, schema, template.
//! - `sweep`: sweep files, whose trials are experiments with other values.

#![warn(missing_docs, unreachable_pub)]

mod document;
mod error;
mod experiment;
mod language;
mod model;
mod output;
mod sections;
mod sweep;
mod text;

#[cfg(test)]
mod tests;

// The lists of layers, optimizers and rules say themselves what is public of them.
pub use model::layer::*;
pub use sections::optimizer::*;
pub use sections::schedule::*;

pub use document::{Document, Snapshot};
pub use error::Error;
pub use experiment::{Experiment, LANGUAGE};
pub use language::info::{Fallback, KeyInfo, Kind, LayerKeys, OnResume};
pub use language::key::Key;
pub use language::lookup::Language;
pub use language::word::Word;
pub use model::cost::Cost;
pub use model::initializer::{
    Constant, FanMode, Gain, Initializer, KEYS as INITIALIZERS, Kaiming, Nonlinearity,
};
pub use model::keys::Model;
pub use model::preset::Preset;
pub use model::shape::{Shape, image_shape};
pub use model::trace::{Traced, output_shape};
pub use output::explain::{Explained, Explanation, Provenance, find_key, key_path};
pub use output::option::{OptionMeaning, option_meaning};
pub use output::resolved::Change;
pub use output::schema::schema;
pub use output::starter::Starter;
pub use output::template::template;
pub use sections::augment::{
    Augment, ColorJitter, GaussianBlur, Mix, RandomAffine, RandomErasing, RandomResizedCrop,
};
pub use sections::checkpoint::Checkpoint;
pub use sections::data::{
    BitDepth, Cache, Columns, Data, Exif, Format, Moments, Normalize, OnBadImage, PadToSquare,
    Reading, Resize, Sampler, Synthetic, fixed_part, is_pattern,
};
pub use sections::device::Device;
pub use sections::early_stop::EarlyStop;
pub use sections::groups::{Group, group_of};
pub use sections::log::Log;
pub use sections::loss::{ClassWeights, CrossEntropy, Focal, Loss};
pub use sections::metrics::Metrics;
pub use sections::training::Training;
pub use sweep::*;
pub use text::diagnostic::{Problems, RenderOptions};
pub use text::nearest::nearest_path;
pub use text::source::{Source, SourceKind};
