//! What a network costs, known before it is built.

use super::layer::{Activation, Convolution, Layer, Normalization, Pooling};
use super::shape::elements;
use super::trace::Traced;

/// What one layer costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cost {
    /// Trained parameters.
    pub parameters: u64,
    /// Floating-point operations of the products in a forward pass of one image, multiplications and
    /// additions each counted; all else is small beside them and left out, as in PyTorch's
    /// `FlopCounterMode`.
    pub flops: u64,
    /// Bytes of its output for one image.
    pub output_bytes: u64,
}

impl Traced<'_> {
    /// The cost of the layer itself, without the layers inside it.
    pub fn cost(&self) -> Cost {
        let output_bytes = 4 * elements(self.output) as u64;
        let Some(rule) = self.layer.rule() else {
            return Cost {
                parameters: 0,
                flops: 0,
                output_bytes,
            };
        };
        let weights = rule.weights(self.input) as u64;
        // Every weight takes part once at each position.
        let positions = rule.positions(self.input, self.output) as u64;
        Cost {
            parameters: weights + rule.other_parameters(self.input) as u64,
            flops: (2 * weights).saturating_mul(positions),
            output_bytes,
        }
    }
}

/// A lower bound on the memory of a training step, in bytes: the output of each layer with its
/// gradient, but for layers that are computed with the next one or in place. `traced` are all layers,
/// those inside of others too.
pub(crate) fn step_bytes(layers: &[Layer], traced: &[Traced<'_>], batch_size: usize) -> u64 {
    let floats = step_floats(layers, &mut traced.iter());
    floats.saturating_mul(4 * batch_size as u64)
}

fn step_floats<'a>(layers: &[Layer], traced: &mut impl Iterator<Item = &'a Traced<'a>>) -> u64 {
    let mut floats: u64 = 0;
    for (index, layer) in layers.iter().enumerate() {
        let shape = traced.next().expect("every layer is traced").output;
        let before = index.checked_sub(1).map(|before| &layers[before]);
        let is_never_stored = matches!(
            (before, layer, layers.get(index + 1)),
            (_, Layer::Flatten | Layer::Dropout(_), _)
                | (
                    _,
                    Layer::Convolution(Convolution::Conv2d(_))
                        | Layer::Normalization(Normalization::BatchNorm2d(_)),
                    Some(Layer::Activation(Activation::Relu))
                )
                | (
                    Some(Layer::Convolution(Convolution::Conv2d(_))),
                    Layer::Activation(Activation::Relu),
                    Some(Layer::Pooling(Pooling::MaxPool2d(_)))
                )
        );
        if !is_never_stored {
            floats = floats.saturating_add(2 * elements(shape) as u64);
        }
        for (_, branch) in layer.branches() {
            floats = floats.saturating_add(step_floats(branch, traced));
        }
    }
    floats
}
