//! The layers, with PyTorch's names and defaults: a file a family, each with its keys and the shapes it
//! takes and gives.

mod activation;
mod container;
mod convolution;
mod dropout;
mod linear;
mod normalization;
mod options;
mod pooling;
mod rule;

use serde::Serialize;
use strum::IntoStaticStr;

use crate::language::choice::{Variant, infos};
use crate::language::key::KeyInfo;
use crate::language::section::Section;

pub use activation::{Approximate, Elu, Gelu, LeakyRelu, Prelu, Softplus};
pub use container::Residual;
pub(crate) use container::{INNER_LAYERS, REPEAT_TIMES, RESIDUAL_LAYERS, RESIDUAL_SHORTCUT};
pub use convolution::{Conv2d, ConvTranspose2d, Padding};
pub use dropout::Dropout;
pub use linear::Linear;
pub use normalization::{BatchNorm, GroupNorm, InstanceNorm2d, LayerNorm};
pub use options::INPUT_SIZE_KEYS;
pub use pooling::{AdaptiveAvgPool2d, AvgPool2d, MaxPool2d};
pub(crate) use rule::ShapeRule;

/// One layer as the file declares it. What it takes from the layer before (channels, features) is
/// inferred, see `shape.rs`; `sequential` and `repeat` are written out, see `expand.rs`.
#[derive(Debug, Clone, PartialEq, Serialize, IntoStaticStr)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Layer {
    Conv2d(Conv2d),
    ConvTranspose2d(ConvTranspose2d),
    Linear(Linear),
    BatchNorm2d(BatchNorm),
    BatchNorm1d(BatchNorm),
    GroupNorm(GroupNorm),
    LayerNorm(LayerNorm),
    InstanceNorm2d(InstanceNorm2d),
    Relu,
    Relu6,
    LeakyRelu(LeakyRelu),
    Gelu(Gelu),
    Silu,
    Elu(Elu),
    HardSwish,
    Sigmoid,
    Tanh,
    Softplus(Softplus),
    Prelu(Prelu),
    MaxPool2d(MaxPool2d),
    AvgPool2d(AvgPool2d),
    AdaptiveAvgPool2d(AdaptiveAvgPool2d),
    GlobalAvgPool,
    Dropout(Dropout),
    Dropout2d(Dropout),
    Flatten,
    Residual(Residual),
}

/// How the table of a layer is read.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Reader {
    /// By itself.
    Plain(fn(&Section<'_>) -> Layer),
    /// By whoever reads lists of layers.
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
    Variant::new(
        "conv2d",
        convolution::CONV2D_KEYS,
        "a convolution, as torch.nn.Conv2d",
        Plain(|section| Layer::Conv2d(Conv2d::read(section))),
    ),
    Variant::new(
        "conv_transpose2d",
        convolution::CONV_TRANSPOSE2D_KEYS,
        "a transposed convolution, as torch.nn.ConvTranspose2d",
        Plain(|section| Layer::ConvTranspose2d(ConvTranspose2d::read(section))),
    ),
    Variant::new(
        "linear",
        linear::LINEAR_KEYS,
        "a fully connected layer, as torch.nn.Linear",
        Plain(|section| Layer::Linear(Linear::read(section))),
    ),
    Variant::new(
        "batch_norm2d",
        normalization::BATCH_NORM_KEYS,
        "batch normalization of images, as torch.nn.BatchNorm2d",
        Plain(|section| Layer::BatchNorm2d(BatchNorm::read(section))),
    ),
    Variant::new(
        "batch_norm1d",
        normalization::BATCH_NORM_KEYS,
        "batch normalization of features, as torch.nn.BatchNorm1d",
        Plain(|section| Layer::BatchNorm1d(BatchNorm::read(section))),
    ),
    Variant::new(
        "group_norm",
        normalization::GROUP_NORM_KEYS,
        "normalization of groups of channels, as torch.nn.GroupNorm",
        Plain(|section| Layer::GroupNorm(GroupNorm::read(section))),
    ),
    Variant::new(
        "layer_norm",
        normalization::LAYER_NORM_KEYS,
        "normalization of each sample as a whole, as torch.nn.LayerNorm",
        Plain(|section| Layer::LayerNorm(LayerNorm::read(section))),
    ),
    Variant::new(
        "instance_norm2d",
        normalization::INSTANCE_NORM2D_KEYS,
        "normalization of each channel of each image, as torch.nn.InstanceNorm2d",
        Plain(|section| Layer::InstanceNorm2d(InstanceNorm2d::read(section))),
    ),
    Variant::new(
        "relu",
        &[],
        "max(0, x), as torch.nn.ReLU",
        Plain(|_| Layer::Relu),
    ),
    Variant::new(
        "relu6",
        &[],
        "max(0, x), at most 6, as torch.nn.ReLU6",
        Plain(|_| Layer::Relu6),
    ),
    Variant::new(
        "leaky_relu",
        activation::LEAKY_RELU_KEYS,
        "x, with a small slope below 0, as torch.nn.LeakyReLU",
        Plain(|section| Layer::LeakyRelu(LeakyRelu::read(section))),
    ),
    Variant::new(
        "gelu",
        activation::GELU_KEYS,
        "x times the normal distribution's share below x, as torch.nn.GELU",
        Plain(|section| Layer::Gelu(Gelu::read(section))),
    ),
    Variant::new(
        "silu",
        &[],
        "x sigmoid(x), as torch.nn.SiLU",
        Plain(|_| Layer::Silu),
    ),
    Variant::new(
        "elu",
        activation::ELU_KEYS,
        "x, and exp(x) - 1 below 0, as torch.nn.ELU",
        Plain(|section| Layer::Elu(Elu::read(section))),
    ),
    Variant::new(
        "hard_swish",
        &[],
        "x min(max(x + 3, 0), 6) / 6, as torch.nn.Hardswish",
        Plain(|_| Layer::HardSwish),
    ),
    Variant::new(
        "sigmoid",
        &[],
        "1 / (1 + exp(-x)), as torch.nn.Sigmoid",
        Plain(|_| Layer::Sigmoid),
    ),
    Variant::new(
        "tanh",
        &[],
        "the hyperbolic tangent, as torch.nn.Tanh",
        Plain(|_| Layer::Tanh),
    ),
    Variant::new(
        "softplus",
        activation::SOFTPLUS_KEYS,
        "log(1 + exp(x)), as torch.nn.Softplus",
        Plain(|section| Layer::Softplus(Softplus::read(section))),
    ),
    Variant::new(
        "prelu",
        activation::PRELU_KEYS,
        "x, with a learned slope below 0, as torch.nn.PReLU",
        Plain(|section| Layer::Prelu(Prelu::read(section))),
    ),
    Variant::new(
        "max_pool2d",
        pooling::MAX_POOL2D_KEYS,
        "the largest of each window, as torch.nn.MaxPool2d",
        Plain(|section| Layer::MaxPool2d(MaxPool2d::read(section))),
    ),
    Variant::new(
        "avg_pool2d",
        pooling::AVG_POOL2D_KEYS,
        "the mean of each window, as torch.nn.AvgPool2d",
        Plain(|section| Layer::AvgPool2d(AvgPool2d::read(section))),
    ),
    Variant::new(
        "adaptive_avg_pool2d",
        pooling::ADAPTIVE_AVG_POOL2D_KEYS,
        "means over a grid of windows, as torch.nn.AdaptiveAvgPool2d",
        Plain(|section| Layer::AdaptiveAvgPool2d(AdaptiveAvgPool2d::read(section))),
    ),
    Variant::new(
        "global_avg_pool",
        &[],
        "the mean of each channel, as features, as Keras's GlobalAveragePooling2D",
        Plain(|_| Layer::GlobalAvgPool),
    ),
    Variant::new(
        "dropout",
        &[dropout::P.info],
        "elements set to zero at random in training, as torch.nn.Dropout",
        Plain(|section| Layer::Dropout(Dropout::read(section))),
    ),
    Variant::new(
        "dropout2d",
        &[dropout::CHANNEL_P.info],
        "whole channels set to zero at random in training, as torch.nn.Dropout2d",
        Plain(|section| Layer::Dropout2d(Dropout::read_of_channels(section))),
    ),
    Variant::new(
        "flatten",
        &[],
        "an image as features, row by row and channel by channel, as torch.nn.Flatten",
        Plain(|_| Layer::Flatten),
    ),
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
            | Layer::Softplus(_) => &rule::Elementwise,
            Layer::Prelu(it) => it,
            Layer::MaxPool2d(it) => it,
            Layer::AvgPool2d(it) => it,
            Layer::AdaptiveAvgPool2d(it) => it,
            Layer::GlobalAvgPool => &pooling::GlobalAvgPool,
            Layer::Dropout(_) => &rule::Elementwise,
            Layer::Dropout2d(_) => &rule::OfImages,
            Layer::Flatten => &rule::Flatten,
            Layer::Residual(_) => return None,
        })
    }
}
