//! What a layer says of the shapes that it takes and gives, and of its parameters.

use crate::model::shape::{Shape, ShapeError, image};

/// The shapes and the parameters of one layer without layers inside.
pub(crate) trait ShapeRule {
    /// What it makes of an input.
    ///
    /// # Errors
    /// Why it cannot take the input, or none at all.
    fn output(&self, input: Shape) -> Result<Shape, ShapeError>;

    /// The number of its weights, without biases.
    fn weights(&self, _input: Shape) -> usize {
        0
    }

    /// The numbers it trains besides its weights: biases, and what norms have.
    fn other_parameters(&self, _input: Shape) -> usize {
        0
    }

    /// At how many places of one sample each weight takes part in a product.
    fn positions(&self, _input: Shape, _output: Shape) -> usize {
        1
    }
}

/// A layer that changes each number by itself.
pub(super) struct Elementwise;

impl ShapeRule for Elementwise {
    fn output(&self, input: Shape) -> Result<Shape, ShapeError> {
        Ok(input)
    }
}

/// A layer that keeps the shape of an image and takes nothing else.
pub(super) struct ImagesOnly;

impl ShapeRule for ImagesOnly {
    fn output(&self, input: Shape) -> Result<Shape, ShapeError> {
        image(input).map(|_| input)
    }
}
