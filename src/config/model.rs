//! `[model]`: the input and the list of layers, with PyTorch's names and defaults.

use serde::Serialize;

use super::key::{Fallback, Key, Kind, MAX_SIZE};
use super::section::Section;

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Model {
    /// Channels, height, width of one image.
    pub input: [usize; 3],
    pub layers: Vec<Layer>,
}

/// One layer as the file declares it. What it takes from the layer before (channels, features) is
/// inferred, see `shape.rs`.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Layer {
    Conv2d(Conv2d),
    BatchNorm2d(BatchNorm2d),
    Relu,
    MaxPool2d(MaxPool2d),
    AdaptiveAvgPool2d(AdaptiveAvgPool2d),
    Flatten,
    Dropout(Dropout),
    Linear(Linear),
}

/// As `torch.nn.Conv2d`. Pairs are height, width.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Conv2d {
    pub out_channels: usize,
    pub kernel_size: [usize; 2],
    pub stride: [usize; 2],
    /// Zeros added on both sides.
    pub padding: [usize; 2],
    pub dilation: [usize; 2],
    pub groups: usize,
    pub bias: bool,
}

/// As `torch.nn.BatchNorm2d`, affine and with running statistics.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct BatchNorm2d {
    /// Added to the variance.
    pub eps: f64,
    /// The share of a batch's statistics in the running ones.
    pub momentum: f64,
}

/// As `torch.nn.AdaptiveAvgPool2d`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AdaptiveAvgPool2d {
    /// Height and width of what it gives.
    pub output_size: [usize; 2],
}

/// As `torch.nn.MaxPool2d`, rounding down (`ceil_mode = False`). Pairs are height, width.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MaxPool2d {
    pub kernel_size: [usize; 2],
    /// The kernel's size unless stated.
    pub stride: [usize; 2],
    /// Minus infinity added on both sides.
    pub padding: [usize; 2],
}

/// As `torch.nn.Dropout`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Dropout {
    /// The share of elements set to zero in training; the others are scaled by `1 / (1 - p)`.
    pub p: f64,
}

/// As `torch.nn.Linear`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Linear {
    pub out_features: usize,
    pub bias: bool,
}

pub(super) const INPUT: Key = Key::required(
    "input",
    Kind::Array {
        each: &Kind::COUNT,
        length: Some(3),
        words: "[channels, height, width], each an integer from 1 to 1048576",
    },
    "the size of one image",
)
.unit("channels, pixels, pixels");
pub(super) const LAYERS: Key = Key::required("layers", Kind::Layers(LAYER_KEYS), "the network");
pub const KEYS: &[Key] = &[INPUT, LAYERS];

/// Stands for an input that cannot be read.
pub(super) const UNREAD: [usize; 3] = [0; 3];

const PAIR: Kind = Kind::Pair {
    min: 1,
    max: MAX_SIZE,
};
const PADDING_PAIR: Kind = Kind::Pair {
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
const POOL_STRIDE: Key = Key::new(
    "stride",
    PAIR,
    Fallback::Derived("`kernel_size`"),
    "the step of the window",
)
.unit("pixels");
const PADDING: Key = Key::optional(
    "padding",
    PADDING_PAIR,
    "0",
    "what is added on both sides before the window moves",
)
.unit("pixels");
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
const BATCH_NORM_EPS: Key = Key::optional(
    "eps",
    Kind::EPSILON,
    "1e-5",
    "the term added to the variance for numerical stability",
);
const MOMENTUM: Key = Key::optional(
    "momentum",
    Kind::SHARE,
    "0.1",
    "the share of each batch's statistics in the running ones, which evaluation uses",
);
const OUTPUT_SIZE: Key = Key::required(
    "output_size",
    PAIR,
    "the height and width that the layer gives",
);
const OUT_FEATURES: Key = Key::required(
    "out_features",
    Kind::COUNT,
    "the number of features the layer gives",
);

pub(super) const IN_CHANNELS: Key = stated(
    "in_channels",
    "the number of channels the layer takes; may be stated, and is then checked",
);
pub(super) const NUM_FEATURES: Key = stated(
    "num_features",
    "the number of channels the layer takes; may be stated, and is then checked",
);
pub(super) const IN_FEATURES: Key = stated(
    "in_features",
    "the number of features the layer takes; may be stated, and is then checked",
);

const fn stated(name: &'static str, meaning: &'static str) -> Key {
    let fallback = Fallback::Derived("what the layer before gives");
    Key::new(name, Kind::COUNT, fallback, meaning)
}

/// Every layer of the language and its keys, in the order of [`Layer`].
pub const LAYER_KEYS: &[Key] = &[
    layer(
        "conv2d",
        &[
            IN_CHANNELS,
            OUT_CHANNELS,
            KERNEL_SIZE,
            STRIDE,
            PADDING,
            DILATION,
            GROUPS,
            BIAS,
        ],
        "a convolution, as torch.nn.Conv2d",
    ),
    layer(
        "batch_norm2d",
        &[NUM_FEATURES, BATCH_NORM_EPS, MOMENTUM],
        "batch normalization, as torch.nn.BatchNorm2d",
    ),
    layer("relu", &[], "max(0, x), as torch.nn.ReLU"),
    layer(
        "max_pool2d",
        &[KERNEL_SIZE, POOL_STRIDE, PADDING],
        "the largest of each window, as torch.nn.MaxPool2d",
    ),
    layer(
        "adaptive_avg_pool2d",
        &[OUTPUT_SIZE],
        "means over a grid of windows, as torch.nn.AdaptiveAvgPool2d",
    ),
    layer(
        "flatten",
        &[],
        "an image as features, row by row and channel by channel, as torch.nn.Flatten",
    ),
    layer(
        "dropout",
        &[P],
        "elements set to zero at random in training, as torch.nn.Dropout",
    ),
    layer(
        "linear",
        &[IN_FEATURES, OUT_FEATURES, BIAS],
        "a fully connected layer, as torch.nn.Linear",
    ),
];

const fn layer(name: &'static str, options: &'static [Key], meaning: &'static str) -> Key {
    Key::new(name, Kind::Table(options), Fallback::Nothing, meaning)
}

impl Layer {
    /// The name the language has for it.
    pub fn name(&self) -> &'static str {
        match self {
            Layer::Conv2d(_) => "conv2d",
            Layer::BatchNorm2d(_) => "batch_norm2d",
            Layer::Relu => "relu",
            Layer::MaxPool2d(_) => "max_pool2d",
            Layer::AdaptiveAvgPool2d(_) => "adaptive_avg_pool2d",
            Layer::Flatten => "flatten",
            Layer::Dropout(_) => "dropout",
            Layer::Linear(_) => "linear",
        }
    }

    /// `name` is one of [`LAYER_KEYS`].
    pub(super) fn read(name: &str, section: &Section<'_>) -> Self {
        match name {
            "conv2d" => Layer::Conv2d(Conv2d {
                out_channels: section.size(&OUT_CHANNELS),
                kernel_size: section.pair(&KERNEL_SIZE),
                stride: section.pair(&STRIDE),
                padding: section.pair(&PADDING),
                dilation: section.pair(&DILATION),
                groups: section.size(&GROUPS),
                bias: section.boolean(&BIAS),
            }),
            "batch_norm2d" => Layer::BatchNorm2d(BatchNorm2d {
                eps: section.float(&BATCH_NORM_EPS),
                momentum: section.float(&MOMENTUM),
            }),
            "relu" => Layer::Relu,
            "max_pool2d" => {
                let kernel_size = section.pair(&KERNEL_SIZE);
                Layer::MaxPool2d(MaxPool2d {
                    kernel_size,
                    stride: match section.node(&POOL_STRIDE) {
                        Some(_) => section.pair(&POOL_STRIDE),
                        None => kernel_size,
                    },
                    padding: section.pair(&PADDING),
                })
            }
            "adaptive_avg_pool2d" => Layer::AdaptiveAvgPool2d(AdaptiveAvgPool2d {
                output_size: section.pair(&OUTPUT_SIZE),
            }),
            "flatten" => Layer::Flatten,
            "dropout" => Layer::Dropout(Dropout {
                p: section.float(&P),
            }),
            "linear" => Layer::Linear(Linear {
                out_features: section.size(&OUT_FEATURES),
                bias: section.boolean(&BIAS),
            }),
            _ => unreachable!("every layer of the language is read"),
        }
    }
}
