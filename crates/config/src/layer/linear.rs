//! The fully connected layer.

use serde::Serialize;

use super::{BIAS, IN_FEATURES};
use crate::initializer::{self, Initializer};
use crate::key::{Key, Kind};
use crate::section::Section;

/// As `torch.nn.Linear`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Linear {
    pub out_features: usize,
    pub bias: bool,
    /// That of the network where there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub init: Option<Initializer>,
}

const OUT_FEATURES: Key = Key::required(
    "out_features",
    Kind::COUNT,
    "the number of features the layer gives",
);

pub const LINEAR_KEYS: &[Key] = &[IN_FEATURES, OUT_FEATURES, BIAS, initializer::OF_LAYER];

impl Linear {
    pub(super) fn read(section: &Section<'_>) -> Self {
        Self {
            out_features: section.size(&OUT_FEATURES),
            bias: section.boolean(&BIAS),
            init: Initializer::read_of_layer(section),
        }
    }
}
