//! Normalization layers.

use serde::Serialize;

use super::{NUM_CHANNELS, NUM_FEATURES};
use crate::key::{Key, Kind};
use crate::section::Section;

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
    pub num_groups: usize,
    pub eps: f64,
    /// Whether there is a weight and a bias a channel.
    pub affine: bool,
}

/// As `torch.nn.LayerNorm` over all of a sample.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LayerNorm {
    pub eps: f64,
    /// Whether there is a weight for each element.
    pub elementwise_affine: bool,
    /// Whether there is a bias for each element too.
    pub bias: bool,
}

/// As `torch.nn.InstanceNorm2d`, without running statistics.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct InstanceNorm2d {
    pub eps: f64,
    /// Whether there is a weight and a bias a channel.
    pub affine: bool,
}

const EPS: Key = Key::optional(
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
const NUM_GROUPS: Key = Key::required(
    "num_groups",
    Kind::COUNT,
    "the number of groups the channels are split into, each with statistics of its own",
);
const AFFINE: Key = Key::optional(
    "affine",
    Kind::Boolean,
    "true",
    "whether each channel has a weight and a bias",
);
const INSTANCE_AFFINE: Key = Key::optional(
    "affine",
    Kind::Boolean,
    "false",
    "whether each channel has a weight and a bias",
);
const ELEMENTWISE_AFFINE: Key = Key::optional(
    "elementwise_affine",
    Kind::Boolean,
    "true",
    "whether each element has a weight and a bias",
);
const LAYER_NORM_BIAS: Key = Key::optional(
    "bias",
    Kind::Boolean,
    "true",
    "whether there is a bias beside the weight",
);

pub const BATCH_NORM_KEYS: &[Key] = &[NUM_FEATURES, EPS, MOMENTUM];
pub const GROUP_NORM_KEYS: &[Key] = &[NUM_CHANNELS, NUM_GROUPS, EPS, AFFINE];
pub const LAYER_NORM_KEYS: &[Key] = &[EPS, ELEMENTWISE_AFFINE, LAYER_NORM_BIAS];
pub const INSTANCE_NORM2D_KEYS: &[Key] = &[NUM_FEATURES, EPS, INSTANCE_AFFINE];

impl BatchNorm {
    pub(super) fn read(section: &Section<'_>) -> Self {
        Self {
            eps: section.float(&EPS),
            momentum: section.float(&MOMENTUM),
        }
    }
}

impl GroupNorm {
    pub(super) fn read(section: &Section<'_>) -> Self {
        Self {
            num_groups: section.size(&NUM_GROUPS),
            eps: section.float(&EPS),
            affine: section.boolean(&AFFINE),
        }
    }
}

impl LayerNorm {
    pub(super) fn read(section: &Section<'_>) -> Self {
        Self {
            eps: section.float(&EPS),
            elementwise_affine: section.boolean(&ELEMENTWISE_AFFINE),
            bias: section.boolean(&LAYER_NORM_BIAS),
        }
    }
}

impl InstanceNorm2d {
    pub(super) fn read(section: &Section<'_>) -> Self {
        Self {
            eps: section.float(&EPS),
            affine: section.boolean(&INSTANCE_AFFINE),
        }
    }
}
