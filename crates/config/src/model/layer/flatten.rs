//! Flattening: from an image to features.

use super::shape_rule::ShapeRule;
use crate::language::info::KeyInfo;
use crate::model::shape::{Shape, ShapeError, elements};

pub(super) const FLATTEN: KeyInfo = KeyInfo::choice(
    "flatten",
    &[],
    "turns an image into features, channel by channel and row by row, like torch.nn.Flatten",
);

/// The shapes of `flatten`.
pub(super) struct Flatten;

impl ShapeRule for Flatten {
    fn output(&self, input: Shape) -> Result<Shape, ShapeError> {
        Ok(Shape::Flat {
            features: elements(input),
        })
    }
}
