//! The layers, with PyTorch's names and defaults.
//!
//! A family of layers has a file, in which the list of its layers and each layer's struct, keys, reader, shapes
//! and parameters stand together; the families are put together here. [`Layer`] and [`Residual`] refer to each other, so both are here.

mod activation;
mod convolution;
mod dropout;
mod flatten;
mod linear;
mod normalization;
mod options;
mod pooling;
mod shape_rule;

use serde::Serialize;

use crate::language::choice::{Variant, concatenated, infos};
use crate::language::info::{Fallback, KeyInfo, Kind, LayerKeys};
use crate::language::key::{Key, TableKey};
use crate::language::section::SectionReader;
use crate::language::values::count;

pub use activation::{Activation, Approximate, Elu, Gelu, LeakyRelu, Prelu, Softplus};
pub use convolution::{Conv2d, ConvTranspose2d, Convolution, Padding};
pub use dropout::Dropout;
pub use linear::Linear;
pub use normalization::{BatchNorm, GroupNorm, InstanceNorm2d, LayerNorm, Normalization};
pub use options::INPUT_SIZE_KEYS;
pub use pooling::{AdaptiveAvgPool2d, AvgPool2d, MaxPool2d, Pooling};
pub(crate) use shape_rule::ShapeRule;

/// One layer as the file declares it, in its family. What it takes from the layer before (channels, features)
/// is inferred, see `shape.rs`; `sequential` and `repeat` are written out, see `expand.rs`.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Layer {
    /// `torch.nn.Linear`
    Linear(Linear),
    /// `torch.nn.Dropout`
    Dropout(Dropout),
    /// `torch.nn.Dropout2d`
    Dropout2d(Dropout),
    /// `torch.nn.Flatten`: channel by channel and, within one, row by row.
    Flatten,
    /// The sum of two branches that take the same input.
    Residual(Residual),
    /// Convolutions.
    #[serde(untagged)]
    Convolution(Convolution),
    /// Norms.
    #[serde(untagged)]
    Normalization(Normalization),
    /// Functions of each number.
    #[serde(untagged)]
    Activation(Activation),
    /// Pools.
    #[serde(untagged)]
    Pooling(Pooling),
}

/// The sum of two branches that take the same input.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Residual {
    /// The one branch.
    pub layers: Vec<Layer>,
    /// The other branch; the input itself where it has no layers.
    pub shortcut: Vec<Layer>,
}

pub(crate) const RESIDUAL_LAYERS: TableKey =
    layer_list("layers", Fallback::Required, "layers of the main branch");
pub(crate) const RESIDUAL_SHORTCUT: TableKey = layer_list(
    "shortcut",
    Fallback::Value("[]"),
    "layers of the other branch; if empty, that branch is the input itself",
);
pub(crate) const INNER_LAYERS: TableKey =
    layer_list("layers", Fallback::Required, "the layers, in order");
pub(crate) const REPEAT_TIMES: Key<usize> = Key::required(
    "times",
    count(),
    "number of repetitions, each with its own parameters",
);

/// A key with a list of layers inside a layer.
const fn layer_list(name: &'static str, default: Fallback, meaning: &'static str) -> TableKey {
    TableKey::new(name, Kind::Layers(LayerKeys(layer_keys)), default, meaning)
}

impl Residual {
    /// Both branches, each with its name.
    pub(super) fn branches(&self) -> Vec<(&'static str, &[Layer])> {
        vec![
            (RESIDUAL_LAYERS.name, &self.layers),
            (RESIDUAL_SHORTCUT.name, &self.shortcut),
        ]
    }
}

/// How the table of a layer is read.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Reader {
    /// As a convolution.
    Convolution(SectionReader<Convolution>),
    /// As a norm.
    Normalization(SectionReader<Normalization>),
    /// As an activation.
    Activation(SectionReader<Activation>),
    /// As a pool.
    Pooling(SectionReader<Pooling>),
    /// As a layer that is a family of its own.
    Single(SectionReader<Layer>),
    /// By the reader of lists of layers, since it has such lists inside.
    Residual,
    /// It is written out before anything is read.
    Sequential,
    /// It is written out before anything is read.
    Repeat,
}

/// Layers that are families of their own.
const SINGLE: [Variant<SectionReader<Layer>>; 4] = [
    Variant::of(linear::LINEAR, |section| {
        Layer::Linear(Linear::read(section))
    }),
    Variant::of(dropout::DROPOUT, |section| {
        Layer::Dropout(Dropout::read(section))
    }),
    Variant::of(dropout::DROPOUT2D, |section| {
        Layer::Dropout2d(Dropout::read_of_channels(section))
    }),
    Variant::of(flatten::FLATTEN, |_| Layer::Flatten),
];

/// The name of a layer with two branches.
pub(crate) const RESIDUAL: &str = "residual";

/// Layers that have lists of layers inside.
const CONTAINERS: [Variant<Reader>; 3] = [
    Variant::new(
        RESIDUAL,
        &[RESIDUAL_LAYERS.info, RESIDUAL_SHORTCUT.info],
        "sum of two branches that take the same input",
        Reader::Residual,
    ),
    Variant::new(
        "sequential",
        &[INNER_LAYERS.info],
        "layers in sequence, expanded in place",
        Reader::Sequential,
    ),
    Variant::new(
        "repeat",
        &[REPEAT_TIMES.info, INNER_LAYERS.info],
        "the same layers several times, expanded in place",
        Reader::Repeat,
    ),
];

/// Every layer of the language and its keys, in the order of the documentation.
pub static LAYER_KEYS: [KeyInfo; COUNT] = concatenated(&[
    &infos(&convolution::LAYERS),
    &[linear::LINEAR],
    &infos(&normalization::LAYERS),
    &infos(&activation::LAYERS),
    &infos(&pooling::LAYERS),
    &[dropout::DROPOUT, dropout::DROPOUT2D, flatten::FLATTEN],
    &infos(&CONTAINERS),
]);

const COUNT: usize = convolution::LAYERS.len()
    + normalization::LAYERS.len()
    + activation::LAYERS.len()
    + pooling::LAYERS.len()
    + SINGLE.len()
    + CONTAINERS.len();

/// The keys of all layers, for the kind of a list of layers, which has itself inside.
pub(crate) fn layer_keys() -> &'static [KeyInfo] {
    &LAYER_KEYS
}

/// The layer of a name.
pub(crate) fn find(name: &str) -> Option<Variant<Reader>> {
    in_family(&convolution::LAYERS, name, Reader::Convolution)
        .or_else(|| in_family(&normalization::LAYERS, name, Reader::Normalization))
        .or_else(|| in_family(&activation::LAYERS, name, Reader::Activation))
        .or_else(|| in_family(&pooling::LAYERS, name, Reader::Pooling))
        .or_else(|| in_family(&SINGLE, name, Reader::Single))
        .or_else(|| in_family(&CONTAINERS, name, |reader| reader))
}

fn in_family<R: Copy>(
    family: &[Variant<R>],
    name: &str,
    reader: impl Fn(R) -> Reader,
) -> Option<Variant<Reader>> {
    let variant = family.iter().find(|layer| layer.info.name == name)?;
    Some(Variant::of(variant.info, reader(variant.read)))
}

impl Layer {
    /// The name the language has for it.
    pub fn name(&self) -> &'static str {
        match self {
            Layer::Linear(_) => linear::LINEAR.name,
            Layer::Dropout(_) => dropout::DROPOUT.name,
            Layer::Dropout2d(_) => dropout::DROPOUT2D.name,
            Layer::Flatten => flatten::FLATTEN.name,
            Layer::Residual(_) => RESIDUAL,
            Layer::Convolution(layer) => layer.into(),
            Layer::Normalization(layer) => layer.into(),
            Layer::Activation(layer) => layer.into(),
            Layer::Pooling(layer) => layer.into(),
        }
    }

    /// The lists of layers inside, each with its name.
    pub fn branches(&self) -> Vec<(&'static str, &[Layer])> {
        match self {
            Layer::Residual(residual) => residual.branches(),
            _ => Vec::new(),
        }
    }

    /// Its shapes and parameters; `None` for a layer with layers inside, which has none of its own.
    pub(crate) fn rule(&self) -> Option<&dyn ShapeRule> {
        Some(match self {
            Layer::Linear(layer) => layer,
            Layer::Dropout(_) => &shape_rule::Elementwise,
            Layer::Dropout2d(_) => &shape_rule::ImagesOnly,
            Layer::Flatten => &flatten::Flatten,
            Layer::Residual(_) => return None,
            Layer::Convolution(layer) => layer.rule(),
            Layer::Normalization(layer) => layer.rule(),
            Layer::Activation(layer) => layer.rule(),
            Layer::Pooling(layer) => layer.rule(),
        })
    }
}
