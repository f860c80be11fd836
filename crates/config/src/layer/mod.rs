//! The layers, with PyTorch's names and defaults.

mod activation;
mod convolution;
mod linear;
mod normalization;
mod pooling;

use serde::Serialize;

use super::key::{Fallback, Key, Kind, LayerKeys, MAX_SIZE};
use super::section::Section;

pub use activation::{Elu, Gelu, LeakyRelu, Prelu, Softplus};
pub use convolution::{Conv2d, ConvTranspose2d, Padding};
pub use linear::Linear;
pub use normalization::{BatchNorm, GroupNorm, InstanceNorm2d, LayerNorm};
pub use pooling::{AdaptiveAvgPool2d, AvgPool2d, MaxPool2d};

/// One layer as the file declares it. What it takes from the layer before (channels, features) is
/// inferred, see `shape.rs`; `sequential` and `repeat` are written out, see `expand.rs`.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
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

/// As `torch.nn.Dropout` and `torch.nn.Dropout2d`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Dropout {
    /// The share of elements, or channels, set to zero in training; the others are scaled by
    /// `1 / (1 - p)`.
    pub p: f64,
}

/// The sum of two branches that take the same input.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Residual {
    pub layers: Vec<Layer>,
    /// The input itself where there are none.
    pub shortcut: Vec<Layer>,
}

const PAIR: Kind = Kind::Pair {
    min: 1,
    max: MAX_SIZE,
};
const PIXELS: Kind = Kind::Pair {
    min: 0,
    max: MAX_SIZE,
};
const OUT_CHANNELS: Key = Key::required(
    "out_channels",
    Kind::COUNT,
    "the number of channels the layer gives",
);
const KERNEL_SIZE: Key =
    Key::required("kernel_size", PAIR, "the height and width of the window").unit("pixels");
const STRIDE: Key = Key::optional("stride", PAIR, "1", "the step of the window").unit("pixels");
const DILATION: Key = Key::optional(
    "dilation",
    PAIR,
    "1",
    "the spacing of the kernel's elements",
)
.unit("pixels");
const GROUPS: Key = Key::optional(
    "groups",
    Kind::COUNT,
    "1",
    "the number of groups the channels are split into",
);
const BIAS: Key = Key::optional("bias", Kind::Boolean, "true", "whether a bias is added");
const P: Key = Key::optional(
    "p",
    Kind::SHARE,
    "0.5",
    "the share of elements set to zero in training",
);
const CHANNEL_P: Key = Key::optional(
    "p",
    Kind::SHARE,
    "0.5",
    "the share of channels set to zero in training",
);

const IN_CHANNELS: Key = stated(
    "in_channels",
    "the number of channels the layer takes; may be stated, and is then checked",
);
const NUM_CHANNELS: Key = stated(
    "num_channels",
    "the number of channels the layer takes; may be stated, and is then checked",
);
const NUM_FEATURES: Key = stated(
    "num_features",
    "the number of channels the layer takes; may be stated, and is then checked",
);
const IN_FEATURES: Key = stated(
    "in_features",
    "the number of features the layer takes; may be stated, and is then checked",
);

/// What a config may say of a layer's input though it follows from the layer before.
pub const STATED: &[Key] = &[IN_CHANNELS, NUM_CHANNELS, NUM_FEATURES, IN_FEATURES];

const fn stated(name: &'static str, meaning: &'static str) -> Key {
    let fallback = Fallback::Derived("what the layer before gives");
    Key::new(name, Kind::COUNT, fallback, meaning)
}

pub const BRANCH: Key = Key::required(
    "layers",
    Kind::Layers(LayerKeys(layer_keys)),
    "the layers of the one branch",
);
pub const SHORTCUT: Key = Key::optional(
    "shortcut",
    Kind::Layers(LayerKeys(layer_keys)),
    "[]",
    "the layers of the other branch; with none it is the input itself",
);
pub const INSIDE: Key = Key::required(
    "layers",
    Kind::Layers(LayerKeys(layer_keys)),
    "the layers, one after the other",
);
pub const TIMES: Key = Key::required(
    "times",
    Kind::COUNT,
    "how often the layers come, each time with parameters of their own",
);

/// Every layer of the language and its keys, in the order of the README.
pub static LAYER_KEYS: [Key; 29] = [
    layer(
        "conv2d",
        convolution::CONV2D_KEYS,
        "a convolution, as torch.nn.Conv2d",
    ),
    layer(
        "conv_transpose2d",
        convolution::CONV_TRANSPOSE2D_KEYS,
        "a transposed convolution, as torch.nn.ConvTranspose2d",
    ),
    layer(
        "linear",
        linear::LINEAR_KEYS,
        "a fully connected layer, as torch.nn.Linear",
    ),
    layer(
        "batch_norm2d",
        normalization::BATCH_NORM_KEYS,
        "batch normalization of images, as torch.nn.BatchNorm2d",
    ),
    layer(
        "batch_norm1d",
        normalization::BATCH_NORM_KEYS,
        "batch normalization of features, as torch.nn.BatchNorm1d",
    ),
    layer(
        "group_norm",
        normalization::GROUP_NORM_KEYS,
        "normalization of groups of channels, as torch.nn.GroupNorm",
    ),
    layer(
        "layer_norm",
        normalization::LAYER_NORM_KEYS,
        "normalization of each sample as a whole, as torch.nn.LayerNorm",
    ),
    layer(
        "instance_norm2d",
        normalization::INSTANCE_NORM2D_KEYS,
        "normalization of each channel of each image, as torch.nn.InstanceNorm2d",
    ),
    layer("relu", &[], "max(0, x), as torch.nn.ReLU"),
    layer("relu6", &[], "max(0, x), at most 6, as torch.nn.ReLU6"),
    layer(
        "leaky_relu",
        activation::LEAKY_RELU_KEYS,
        "x, with a small slope below 0, as torch.nn.LeakyReLU",
    ),
    layer(
        "gelu",
        activation::GELU_KEYS,
        "x times the normal distribution's share below x, as torch.nn.GELU",
    ),
    layer("silu", &[], "x sigmoid(x), as torch.nn.SiLU"),
    layer(
        "elu",
        activation::ELU_KEYS,
        "x, and exp(x) - 1 below 0, as torch.nn.ELU",
    ),
    layer(
        "hard_swish",
        &[],
        "x min(max(x + 3, 0), 6) / 6, as torch.nn.Hardswish",
    ),
    layer("sigmoid", &[], "1 / (1 + exp(-x)), as torch.nn.Sigmoid"),
    layer("tanh", &[], "the hyperbolic tangent, as torch.nn.Tanh"),
    layer(
        "softplus",
        activation::SOFTPLUS_KEYS,
        "log(1 + exp(x)), as torch.nn.Softplus",
    ),
    layer(
        "prelu",
        activation::PRELU_KEYS,
        "x, with a learned slope below 0, as torch.nn.PReLU",
    ),
    layer(
        "max_pool2d",
        pooling::MAX_POOL2D_KEYS,
        "the largest of each window, as torch.nn.MaxPool2d",
    ),
    layer(
        "avg_pool2d",
        pooling::AVG_POOL2D_KEYS,
        "the mean of each window, as torch.nn.AvgPool2d",
    ),
    layer(
        "adaptive_avg_pool2d",
        pooling::ADAPTIVE_AVG_POOL2D_KEYS,
        "means over a grid of windows, as torch.nn.AdaptiveAvgPool2d",
    ),
    layer(
        "global_avg_pool",
        &[],
        "the mean of each channel, as features, as Keras's GlobalAveragePooling2D",
    ),
    layer(
        "dropout",
        &[P],
        "elements set to zero at random in training, as torch.nn.Dropout",
    ),
    layer(
        "dropout2d",
        &[CHANNEL_P],
        "whole channels set to zero at random in training, as torch.nn.Dropout2d",
    ),
    layer(
        "flatten",
        &[],
        "an image as features, row by row and channel by channel, as torch.nn.Flatten",
    ),
    layer(
        "residual",
        &[BRANCH, SHORTCUT],
        "the sum of two branches that take the same input",
    ),
    layer(
        "sequential",
        &[INSIDE],
        "layers one after the other, written out in place",
    ),
    layer(
        "repeat",
        &[TIMES, INSIDE],
        "the same layers so many times, written out in place",
    ),
];

pub fn layer_keys() -> &'static [Key] {
    &LAYER_KEYS
}

const fn layer(name: &'static str, options: &'static [Key], meaning: &'static str) -> Key {
    Key::new(name, Kind::Table(options), Fallback::Nothing, meaning)
}

impl Layer {
    /// The name the language has for it.
    pub fn name(&self) -> &'static str {
        match self {
            Layer::Conv2d(_) => "conv2d",
            Layer::ConvTranspose2d(_) => "conv_transpose2d",
            Layer::Linear(_) => "linear",
            Layer::BatchNorm2d(_) => "batch_norm2d",
            Layer::BatchNorm1d(_) => "batch_norm1d",
            Layer::GroupNorm(_) => "group_norm",
            Layer::LayerNorm(_) => "layer_norm",
            Layer::InstanceNorm2d(_) => "instance_norm2d",
            Layer::Relu => "relu",
            Layer::Relu6 => "relu6",
            Layer::LeakyRelu(_) => "leaky_relu",
            Layer::Gelu(_) => "gelu",
            Layer::Silu => "silu",
            Layer::Elu(_) => "elu",
            Layer::HardSwish => "hard_swish",
            Layer::Sigmoid => "sigmoid",
            Layer::Tanh => "tanh",
            Layer::Softplus(_) => "softplus",
            Layer::Prelu(_) => "prelu",
            Layer::MaxPool2d(_) => "max_pool2d",
            Layer::AvgPool2d(_) => "avg_pool2d",
            Layer::AdaptiveAvgPool2d(_) => "adaptive_avg_pool2d",
            Layer::GlobalAvgPool => "global_avg_pool",
            Layer::Dropout(_) => "dropout",
            Layer::Dropout2d(_) => "dropout2d",
            Layer::Flatten => "flatten",
            Layer::Residual(_) => RESIDUAL,
        }
    }

    /// Reads a layer of this name; those with layers inside are read where lists are.
    pub(super) fn read(name: &str, section: &Section<'_>) -> Self {
        match name {
            "conv2d" => Layer::Conv2d(Conv2d::read(section)),
            "conv_transpose2d" => Layer::ConvTranspose2d(ConvTranspose2d::read(section)),
            "linear" => Layer::Linear(Linear::read(section)),
            "batch_norm2d" => Layer::BatchNorm2d(BatchNorm::read(section)),
            "batch_norm1d" => Layer::BatchNorm1d(BatchNorm::read(section)),
            "group_norm" => Layer::GroupNorm(GroupNorm::read(section)),
            "layer_norm" => Layer::LayerNorm(LayerNorm::read(section)),
            "instance_norm2d" => Layer::InstanceNorm2d(InstanceNorm2d::read(section)),
            "relu" => Layer::Relu,
            "relu6" => Layer::Relu6,
            "leaky_relu" => Layer::LeakyRelu(LeakyRelu::read(section)),
            "gelu" => Layer::Gelu(Gelu::read(section)),
            "silu" => Layer::Silu,
            "elu" => Layer::Elu(Elu::read(section)),
            "hard_swish" => Layer::HardSwish,
            "sigmoid" => Layer::Sigmoid,
            "tanh" => Layer::Tanh,
            "softplus" => Layer::Softplus(Softplus::read(section)),
            "prelu" => Layer::Prelu(Prelu::read(section)),
            "max_pool2d" => Layer::MaxPool2d(MaxPool2d::read(section)),
            "avg_pool2d" => Layer::AvgPool2d(AvgPool2d::read(section)),
            "adaptive_avg_pool2d" => Layer::AdaptiveAvgPool2d(AdaptiveAvgPool2d::read(section)),
            "global_avg_pool" => Layer::GlobalAvgPool,
            "dropout" => Layer::Dropout(Dropout {
                p: section.float(&P),
            }),
            "dropout2d" => Layer::Dropout2d(Dropout {
                p: section.float(&CHANNEL_P),
            }),
            "flatten" => Layer::Flatten,
            _ => unreachable!("every layer of the language is read"),
        }
    }

    /// The lists of layers inside, each with its name.
    pub fn branches(&self) -> Vec<(&'static str, &[Layer])> {
        match self {
            Layer::Residual(residual) => vec![
                (BRANCH.name, &residual.layers),
                (SHORTCUT.name, &residual.shortcut),
            ],
            _ => Vec::new(),
        }
    }
}

pub const RESIDUAL: &str = "residual";
pub const SEQUENTIAL: &str = "sequential";
pub const REPEAT: &str = "repeat";
