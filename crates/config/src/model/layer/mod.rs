//! The layers, with PyTorch's names and defaults.
//!
//! A family of layers has a file, in which each layer's struct, keys, reader, shapes and parameters stand
//! together; the list of them is here. [`Layer`] and [`Residual`] refer to each other, so both are here.

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
use strum::IntoStaticStr;

use crate::language::choice::{Variant, infos};
use crate::language::info::{Fallback, KeyInfo, Kind, LayerKeys};
use crate::language::key::{Key, TableKey};
use crate::language::section::Section;
use crate::language::values::count;

pub use activation::{Approximate, Elu, Gelu, LeakyRelu, Prelu, Softplus};
pub use convolution::{Conv2d, ConvTranspose2d, Padding};
pub use dropout::Dropout;
pub use linear::Linear;
pub use normalization::{BatchNorm, GroupNorm, InstanceNorm2d, LayerNorm};
pub use options::INPUT_SIZE_KEYS;
pub use pooling::{AdaptiveAvgPool2d, AvgPool2d, MaxPool2d};
pub(crate) use shape_rule::ShapeRule;

/// One layer as the file declares it. What it takes from the layer before (channels, features) is
/// inferred, see `shape.rs`; `sequential` and `repeat` are written out, see `expand.rs`.
#[derive(Debug, Clone, PartialEq, Serialize, IntoStaticStr)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Layer {
    /// `torch.nn.Conv2d`
    Conv2d(Conv2d),
    /// `torch.nn.ConvTranspose2d`
    ConvTranspose2d(ConvTranspose2d),
    /// `torch.nn.Linear`
    Linear(Linear),
    /// `torch.nn.BatchNorm2d`
    BatchNorm2d(BatchNorm),
    /// `torch.nn.BatchNorm1d`
    BatchNorm1d(BatchNorm),
    /// `torch.nn.GroupNorm`
    GroupNorm(GroupNorm),
    /// `torch.nn.LayerNorm` over all of a sample.
    LayerNorm(LayerNorm),
    /// `torch.nn.InstanceNorm2d`
    InstanceNorm2d(InstanceNorm2d),
    /// `torch.nn.ReLU`
    Relu,
    /// `torch.nn.ReLU6`
    Relu6,
    /// `torch.nn.LeakyReLU`
    LeakyRelu(LeakyRelu),
    /// `torch.nn.GELU`
    Gelu(Gelu),
    /// `torch.nn.SiLU`
    Silu,
    /// `torch.nn.ELU`
    Elu(Elu),
    /// `torch.nn.Hardswish`
    HardSwish,
    /// `torch.nn.Sigmoid`
    Sigmoid,
    /// `torch.nn.Tanh`
    Tanh,
    /// `torch.nn.Softplus`
    Softplus(Softplus),
    /// `torch.nn.PReLU`
    Prelu(Prelu),
    /// `torch.nn.MaxPool2d`
    MaxPool2d(MaxPool2d),
    /// `torch.nn.AvgPool2d`
    AvgPool2d(AvgPool2d),
    /// `torch.nn.AdaptiveAvgPool2d`
    AdaptiveAvgPool2d(AdaptiveAvgPool2d),
    /// The mean of each channel, as features: Keras's `GlobalAveragePooling2D`.
    GlobalAvgPool,
    /// `torch.nn.Dropout`
    Dropout(Dropout),
    /// `torch.nn.Dropout2d`
    Dropout2d(Dropout),
    /// `torch.nn.Flatten`: channel by channel and, within one, row by row.
    Flatten,
    /// The sum of two branches that take the same input.
    Residual(Residual),
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
    layer_list("layers", Fallback::Required, "the layers of the one branch");
pub(crate) const RESIDUAL_SHORTCUT: TableKey = layer_list(
    "shortcut",
    Fallback::Value("[]"),
    "the layers of the other branch; with none it is the input itself",
);
pub(crate) const INNER_LAYERS: TableKey = layer_list(
    "layers",
    Fallback::Required,
    "the layers, one after the other",
);
pub(crate) const REPEAT_TIMES: Key<usize> = Key::required(
    "times",
    count(),
    "how often the layers come, each time with parameters of their own",
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
    /// By a function of its own.
    Plain(fn(&Section<'_>) -> Layer),
    /// By the reader of lists of layers, since it has such lists inside.
    Residual,
    /// It is written out before anything is read.
    Sequential,
    /// It is written out before anything is read.
    Repeat,
}

use Reader::Plain;

pub(crate) const RESIDUAL: Variant<Reader> = Variant::new(
    "residual",
    &[RESIDUAL_LAYERS.info, RESIDUAL_SHORTCUT.info],
    "the sum of two branches that take the same input",
    Reader::Residual,
);

/// Every layer of the language, in the order of the documentation.
const LAYERS: [Variant<Reader>; 29] = [
    Variant::of(
        convolution::CONV2D,
        Plain(|section| Layer::Conv2d(Conv2d::read(section))),
    ),
    Variant::of(
        convolution::CONV_TRANSPOSE2D,
        Plain(|section| Layer::ConvTranspose2d(ConvTranspose2d::read(section))),
    ),
    Variant::of(
        linear::LINEAR,
        Plain(|section| Layer::Linear(Linear::read(section))),
    ),
    Variant::of(
        normalization::BATCH_NORM2D,
        Plain(|section| Layer::BatchNorm2d(BatchNorm::read(section))),
    ),
    Variant::of(
        normalization::BATCH_NORM1D,
        Plain(|section| Layer::BatchNorm1d(BatchNorm::read(section))),
    ),
    Variant::of(
        normalization::GROUP_NORM,
        Plain(|section| Layer::GroupNorm(GroupNorm::read(section))),
    ),
    Variant::of(
        normalization::LAYER_NORM,
        Plain(|section| Layer::LayerNorm(LayerNorm::read(section))),
    ),
    Variant::of(
        normalization::INSTANCE_NORM2D,
        Plain(|section| Layer::InstanceNorm2d(InstanceNorm2d::read(section))),
    ),
    Variant::of(activation::RELU, Plain(|_| Layer::Relu)),
    Variant::of(activation::RELU6, Plain(|_| Layer::Relu6)),
    Variant::of(
        activation::LEAKY_RELU,
        Plain(|section| Layer::LeakyRelu(LeakyRelu::read(section))),
    ),
    Variant::of(
        activation::GELU,
        Plain(|section| Layer::Gelu(Gelu::read(section))),
    ),
    Variant::of(activation::SILU, Plain(|_| Layer::Silu)),
    Variant::of(
        activation::ELU,
        Plain(|section| Layer::Elu(Elu::read(section))),
    ),
    Variant::of(activation::HARD_SWISH, Plain(|_| Layer::HardSwish)),
    Variant::of(activation::SIGMOID, Plain(|_| Layer::Sigmoid)),
    Variant::of(activation::TANH, Plain(|_| Layer::Tanh)),
    Variant::of(
        activation::SOFTPLUS,
        Plain(|section| Layer::Softplus(Softplus::read(section))),
    ),
    Variant::of(
        activation::PRELU,
        Plain(|section| Layer::Prelu(Prelu::read(section))),
    ),
    Variant::of(
        pooling::MAX_POOL2D,
        Plain(|section| Layer::MaxPool2d(MaxPool2d::read(section))),
    ),
    Variant::of(
        pooling::AVG_POOL2D,
        Plain(|section| Layer::AvgPool2d(AvgPool2d::read(section))),
    ),
    Variant::of(
        pooling::ADAPTIVE_AVG_POOL2D,
        Plain(|section| Layer::AdaptiveAvgPool2d(AdaptiveAvgPool2d::read(section))),
    ),
    Variant::of(pooling::GLOBAL_AVG_POOL, Plain(|_| Layer::GlobalAvgPool)),
    Variant::of(
        dropout::DROPOUT,
        Plain(|section| Layer::Dropout(Dropout::read(section))),
    ),
    Variant::of(
        dropout::DROPOUT2D,
        Plain(|section| Layer::Dropout2d(Dropout::read_of_channels(section))),
    ),
    Variant::of(flatten::FLATTEN, Plain(|_| Layer::Flatten)),
    RESIDUAL,
    Variant::new(
        "sequential",
        &[INNER_LAYERS.info],
        "layers one after the other, written out in place",
        Reader::Sequential,
    ),
    Variant::new(
        "repeat",
        &[REPEAT_TIMES.info, INNER_LAYERS.info],
        "the same layers so many times, written out in place",
        Reader::Repeat,
    ),
];

/// Every layer of the language and its keys, in the order of the documentation.
pub static LAYER_KEYS: [KeyInfo; 29] = infos(&LAYERS);

/// The keys of all layers, for the kind of a list of layers, which has itself inside.
pub(crate) fn layer_keys() -> &'static [KeyInfo] {
    &LAYER_KEYS
}

/// The layer of a name.
pub(crate) fn find(name: &str) -> Option<&'static Variant<Reader>> {
    const { &LAYERS }
        .iter()
        .find(|layer| layer.info.name == name)
}

impl Layer {
    /// The name the language has for it.
    pub fn name(&self) -> &'static str {
        self.into()
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
            Layer::Conv2d(it) => it,
            Layer::ConvTranspose2d(it) => it,
            Layer::Linear(it) => it,
            Layer::BatchNorm2d(it) => normalization::of_images(it),
            Layer::BatchNorm1d(it) => normalization::of_features(it),
            Layer::GroupNorm(it) => it,
            Layer::LayerNorm(it) => it,
            Layer::InstanceNorm2d(it) => it,
            Layer::Relu
            | Layer::Relu6
            | Layer::LeakyRelu(_)
            | Layer::Gelu(_)
            | Layer::Silu
            | Layer::Elu(_)
            | Layer::HardSwish
            | Layer::Sigmoid
            | Layer::Tanh
            | Layer::Softplus(_) => &shape_rule::Elementwise,
            Layer::Prelu(it) => it,
            Layer::MaxPool2d(it) => it,
            Layer::AvgPool2d(it) => it,
            Layer::AdaptiveAvgPool2d(it) => it,
            Layer::GlobalAvgPool => &pooling::GlobalAvgPool,
            Layer::Dropout(_) => &shape_rule::Elementwise,
            Layer::Dropout2d(_) => &shape_rule::ImagesOnly,
            Layer::Flatten => &flatten::Flatten,
            Layer::Residual(_) => return None,
        })
    }
}
