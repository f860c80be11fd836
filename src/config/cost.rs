//! What a network costs, known before it is built.

use super::model::{Layer, Model};
use super::shape::{self, Shape, elements, weights};

/// What one layer costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cost {
    /// Numbers that training moves.
    pub parameters: u64,
    /// Floating-point operations of the products in a forward pass of one image, multiplications and
    /// additions each counted; all else is small beside them and left out, as in PyTorch's
    /// `FlopCounterMode`.
    pub flops: u64,
    /// Bytes of what it gives for one image.
    pub output_bytes: u64,
}

/// The cost of every layer; `shapes` are those after each.
pub fn costs(model: &Model, shapes: &[Shape]) -> Vec<Cost> {
    let mut input = shape::of_input(model.input);
    let mut costs = Vec::with_capacity(shapes.len());
    for (layer, output) in model.layers.iter().zip(shapes) {
        costs.push(cost(layer, input, *output));
        input = *output;
    }
    costs
}

fn cost(layer: &Layer, input: Shape, output: Shape) -> Cost {
    let weights = weights(layer, input) as u64;
    let (biases, positions) = match (layer, output) {
        (Layer::Conv2d(conv), Shape::Image { height, width, .. }) => (
            if conv.bias { conv.out_channels } else { 0 },
            height * width,
        ),
        (Layer::Linear(linear), _) => (if linear.bias { linear.out_features } else { 0 }, 1),
        // A factor and a term a channel.
        (Layer::BatchNorm2d(_), Shape::Image { channels, .. }) => (2 * channels, 0),
        _ => (0, 0),
    };
    Cost {
        parameters: weights + biases as u64,
        // Every weight takes part once at each position of the output.
        flops: (2 * weights).saturating_mul(positions as u64),
        output_bytes: 4 * elements(output) as u64,
    }
}

/// Bytes that a training step needs at the least: what layers give, with its gradient, where it is
/// not gone at once in the layer after it.
pub fn step_bytes(model: &Model, shapes: &[Shape], batch_size: usize) -> u64 {
    let mut floats: u64 = 0;
    for (index, (layer, shape)) in model.layers.iter().zip(shapes).enumerate() {
        let before = index.checked_sub(1).map(|before| &model.layers[before]);
        let is_gone = matches!(
            (before, layer, model.layers.get(index + 1)),
            (_, Layer::Flatten | Layer::Dropout(_), _)
                | (
                    _,
                    Layer::Conv2d(_) | Layer::BatchNorm2d(_),
                    Some(Layer::Relu)
                )
                | (
                    Some(Layer::Conv2d(_)),
                    Layer::Relu,
                    Some(Layer::MaxPool2d(_))
                )
        );
        if !is_gone {
            floats = floats.saturating_add(2 * elements(*shape) as u64);
        }
    }
    floats.saturating_mul(4 * batch_size as u64)
}
