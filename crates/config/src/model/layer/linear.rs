//! The fully connected layer.

use serde::Serialize;

use super::options::{BIAS, IN_FEATURES};
use super::shape_rule::ShapeRule;
use crate::language::info::KeyInfo;
use crate::language::key::Key;
use crate::language::section::Section;
use crate::language::values::count;
use crate::model::initializer::{self, Initializer};
use crate::model::shape::{Shape, ShapeError, elements};

/// As `torch.nn.Linear`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Linear {
    /// Features of the output.
    pub out_features: usize,
    /// Whether a bias a feature is added.
    pub bias: bool,
    /// That of the network where there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub init: Option<Initializer>,
}

const OUT_FEATURES: Key<usize> =
    Key::required("out_features", count(), "number of output features");

const LINEAR_KEYS: &[KeyInfo] = &[
    IN_FEATURES.info,
    OUT_FEATURES.info,
    BIAS.info,
    initializer::LAYER_INIT.info,
];

pub(super) const LINEAR: KeyInfo = KeyInfo::choice(
    "linear",
    LINEAR_KEYS,
    "fully connected layer, like torch.nn.Linear",
);

impl Linear {
    pub(super) fn read(section: &Section<'_>) -> Self {
        Self {
            out_features: section.read(&OUT_FEATURES),
            bias: section.read(&BIAS),
            init: Initializer::of_layer(section),
        }
    }
}

impl ShapeRule for Linear {
    fn output(&self, input: Shape) -> Result<Shape, ShapeError> {
        match input {
            Shape::Flat { .. } => Ok(Shape::Flat {
                features: self.out_features,
            }),
            Shape::Image { .. } => Err(ShapeError::of_input(
                format!("expects flat features, but its input is an image of {input}"),
                "put \"flatten\" before it",
            )),
        }
    }

    fn weights(&self, input: Shape) -> usize {
        elements(input).saturating_mul(self.out_features)
    }

    fn other_parameters(&self, _input: Shape) -> usize {
        if self.bias { self.out_features } else { 0 }
    }
}
