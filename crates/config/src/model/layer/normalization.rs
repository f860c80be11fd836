//! Normalization layers.

use serde::Serialize;
use strum::IntoStaticStr;

use super::options::{NUM_CHANNELS, NUM_FEATURES};
use super::shape_rule::ShapeRule;
use crate::language::choice::Variant;
use crate::language::info::KeyInfo;
use crate::language::key::Key;
use crate::language::section::{Section, SectionReader};
use crate::language::values::{BOOLEAN, EPSILON, SHARE, count};
use crate::model::shape::{Shape, ShapeError, channels_of, elements, image};

/// A norm.
#[derive(Debug, Clone, PartialEq, Serialize, IntoStaticStr)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Normalization {
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
}

/// The layers of the family, in the order of the documentation.
pub(super) const LAYERS: [Variant<SectionReader<Normalization>>; 5] = [
    Variant::of(BATCH_NORM2D, |section| {
        Normalization::BatchNorm2d(BatchNorm::read(section))
    }),
    Variant::of(BATCH_NORM1D, |section| {
        Normalization::BatchNorm1d(BatchNorm::read(section))
    }),
    Variant::of(GROUP_NORM, |section| {
        Normalization::GroupNorm(GroupNorm::read(section))
    }),
    Variant::of(LAYER_NORM, |section| {
        Normalization::LayerNorm(LayerNorm::read(section))
    }),
    Variant::of(INSTANCE_NORM2D, |section| {
        Normalization::InstanceNorm2d(InstanceNorm2d::read(section))
    }),
];

impl Normalization {
    /// Its shapes and parameters.
    pub(super) fn rule(&self) -> &dyn ShapeRule {
        match self {
            Self::BatchNorm2d(_) => &BatchNorm2dShapes,
            Self::BatchNorm1d(_) => &BatchNorm1dShapes,
            Self::GroupNorm(it) => it,
            Self::LayerNorm(it) => it,
            Self::InstanceNorm2d(it) => it,
        }
    }
}

/// As `torch.nn.BatchNorm2d` and `torch.nn.BatchNorm1d`, affine and with running statistics.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct BatchNorm {
    /// Added to the variance.
    pub eps: f64,
    /// The share of a batch's statistics in the running ones.
    pub momentum: f64,
}

/// As `torch.nn.GroupNorm`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct GroupNorm {
    /// Groups of channels, each with statistics of its own; divides the channels.
    pub num_groups: usize,
    /// Added to the variance.
    pub eps: f64,
    /// Whether there is a weight and a bias a channel.
    pub affine: bool,
}

/// As `torch.nn.LayerNorm` over all of a sample.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LayerNorm {
    /// Added to the variance.
    pub eps: f64,
    /// Whether there is a weight for each element.
    pub elementwise_affine: bool,
    /// Whether there is a bias for each element too.
    pub bias: bool,
}

/// As `torch.nn.InstanceNorm2d`, without running statistics.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct InstanceNorm2d {
    /// Added to the variance.
    pub eps: f64,
    /// Whether there is a weight and a bias a channel.
    pub affine: bool,
}

const EPS: Key<f64> = Key::with_default(
    "eps",
    EPSILON,
    "1e-5",
    "term added to the variance for numerical stability",
);
const MOMENTUM: Key<f64> = Key::with_default(
    "momentum",
    SHARE,
    "0.1",
    "weight of each batch's statistics in the running statistics, which evaluation uses",
);
const NUM_GROUPS: Key<usize> = Key::required(
    "num_groups",
    count(),
    "number of groups the channels are split into, each with its own statistics",
);
const AFFINE: Key<bool> = Key::with_default(
    "affine",
    BOOLEAN,
    "true",
    "whether each channel has a weight and a bias",
);
const INSTANCE_AFFINE: Key<bool> = Key::with_default(
    "affine",
    BOOLEAN,
    "false",
    "whether each channel has a weight and a bias",
);
const ELEMENTWISE_AFFINE: Key<bool> = Key::with_default(
    "elementwise_affine",
    BOOLEAN,
    "true",
    "whether each element has a weight and a bias",
);
const LAYER_NORM_BIAS: Key<bool> = Key::with_default(
    "bias",
    BOOLEAN,
    "true",
    "whether there is a bias in addition to the weight",
);

const BATCH_NORM_KEYS: &[KeyInfo] = &[NUM_FEATURES.info, EPS.info, MOMENTUM.info];
const GROUP_NORM_KEYS: &[KeyInfo] = &[NUM_CHANNELS.info, NUM_GROUPS.info, EPS.info, AFFINE.info];
const LAYER_NORM_KEYS: &[KeyInfo] = &[EPS.info, ELEMENTWISE_AFFINE.info, LAYER_NORM_BIAS.info];
const INSTANCE_NORM2D_KEYS: &[KeyInfo] = &[NUM_FEATURES.info, EPS.info, INSTANCE_AFFINE.info];

const BATCH_NORM2D: KeyInfo = KeyInfo::choice(
    "batch_norm2d",
    BATCH_NORM_KEYS,
    "batch normalization of images, like torch.nn.BatchNorm2d",
);
const BATCH_NORM1D: KeyInfo = KeyInfo::choice(
    "batch_norm1d",
    BATCH_NORM_KEYS,
    "batch normalization of features, like torch.nn.BatchNorm1d",
);
const GROUP_NORM: KeyInfo = KeyInfo::choice(
    "group_norm",
    GROUP_NORM_KEYS,
    "normalization of groups of channels, like torch.nn.GroupNorm",
);
const LAYER_NORM: KeyInfo = KeyInfo::choice(
    "layer_norm",
    LAYER_NORM_KEYS,
    "normalization of each sample as a whole, like torch.nn.LayerNorm",
);
const INSTANCE_NORM2D: KeyInfo = KeyInfo::choice(
    "instance_norm2d",
    INSTANCE_NORM2D_KEYS,
    "normalization of each channel of each image, like torch.nn.InstanceNorm2d",
);

/// The shapes of `batch_norm2d`.
struct BatchNorm2dShapes;

/// The shapes of `batch_norm1d`.
struct BatchNorm1dShapes;

impl BatchNorm {
    fn read(section: &Section<'_>) -> Self {
        Self {
            eps: section.read(&EPS),
            momentum: section.read(&MOMENTUM),
        }
    }
}

impl GroupNorm {
    fn read(section: &Section<'_>) -> Self {
        Self {
            num_groups: section.read(&NUM_GROUPS),
            eps: section.read(&EPS),
            affine: section.read(&AFFINE),
        }
    }
}

impl LayerNorm {
    fn read(section: &Section<'_>) -> Self {
        Self {
            eps: section.read(&EPS),
            elementwise_affine: section.read(&ELEMENTWISE_AFFINE),
            bias: section.read(&LAYER_NORM_BIAS),
        }
    }
}

impl InstanceNorm2d {
    fn read(section: &Section<'_>) -> Self {
        Self {
            eps: section.read(&EPS),
            affine: section.read(&INSTANCE_AFFINE),
        }
    }
}

impl ShapeRule for BatchNorm2dShapes {
    fn output(&self, input: Shape) -> Result<Shape, ShapeError> {
        match input {
            Shape::Image { .. } => Ok(input),
            Shape::Flat { .. } => Err(ShapeError::of_input(
                format!("expects an image, but its input is {input}"),
                "move it before \"flatten\", or use \"batch_norm1d\" for features",
            )),
        }
    }

    fn other_parameters(&self, input: Shape) -> usize {
        2 * channels_of(input)
    }
}

impl ShapeRule for BatchNorm1dShapes {
    fn output(&self, input: Shape) -> Result<Shape, ShapeError> {
        match input {
            Shape::Flat { .. } => Ok(input),
            Shape::Image { .. } => Err(ShapeError::of_input(
                format!("expects flat features, but its input is an image of {input}"),
                "for images, use \"batch_norm2d\"",
            )),
        }
    }

    fn other_parameters(&self, input: Shape) -> usize {
        2 * channels_of(input)
    }
}

impl ShapeRule for GroupNorm {
    fn output(&self, input: Shape) -> Result<Shape, ShapeError> {
        let (channels, groups) = (channels_of(input), self.num_groups);
        if channels.is_multiple_of(groups) {
            return Ok(input);
        }
        Err(ShapeError::of_input(
            format!("{channels} channels cannot be divided into {groups} groups"),
            "choose `num_groups` so that it divides the number of channels",
        ))
    }

    fn other_parameters(&self, input: Shape) -> usize {
        if self.affine {
            2 * channels_of(input)
        } else {
            0
        }
    }
}

impl ShapeRule for LayerNorm {
    fn output(&self, input: Shape) -> Result<Shape, ShapeError> {
        Ok(input)
    }

    fn other_parameters(&self, input: Shape) -> usize {
        let arrays = 1 + usize::from(self.bias);
        if self.elementwise_affine {
            arrays * elements(input)
        } else {
            0
        }
    }
}

impl ShapeRule for InstanceNorm2d {
    fn output(&self, input: Shape) -> Result<Shape, ShapeError> {
        image(input).map(|_| input)
    }

    fn other_parameters(&self, input: Shape) -> usize {
        if self.affine {
            2 * channels_of(input)
        } else {
            0
        }
    }
}
