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

/// A lower bound on the memory of a training step, in bytes: what the backward pass needs of each layer's output, and
/// the largest gradient beside what is still needed then. `traced` are all layers, those inside of others too.
pub(crate) fn step_bytes(layers: &[Layer], traced: &[Traced<'_>], batch_size: usize) -> u64 {
    let mut floats = StepFloats::default();
    floats.add(layers, &mut traced.iter());
    floats.most.saturating_mul(4 * batch_size as u64)
}

/// Floats of one image.
#[derive(Default)]
struct StepFloats {
    /// What has been kept when the forward pass has come so far.
    kept: u64,
    /// The most at any time of the backward pass.
    most: u64,
}

impl StepFloats {
    fn add<'a>(&mut self, layers: &[Layer], traced: &mut impl Iterator<Item = &'a Traced<'a>>) {
        for (index, layer) in layers.iter().enumerate() {
            let shape = traced.next().expect("every layer is traced").output;
            for (_, branch) in layer.branches() {
                self.add(branch, traced);
            }
            let before = index.checked_sub(1).map(|before| &layers[before]);
            if is_kept(before, layer, &layers[index + 1..]) {
                let floats = elements(shape) as u64;
                self.kept = self.kept.saturating_add(floats);
                self.most = self.most.max(self.kept.saturating_add(floats));
            }
        }
    }
}

/// Whether the output of a layer is kept for the backward pass: not where the layer is computed in place or with the
/// next one, nor where it is the last one, whose output only goes into a sum or a loss.
fn is_kept(before: Option<&Layer>, layer: &Layer, after: &[Layer]) -> bool {
    use Layer::{Activation, Convolution, Normalization, Pooling, Residual};
    let is_conv2d = |layer: &Layer| matches!(layer, Convolution(self::Convolution::Conv2d(_)));
    let is_norm =
        |layer: &Layer| matches!(layer, Normalization(self::Normalization::BatchNorm2d(_)));
    let Some(next) = after.first() else {
        return false;
    };
    match layer {
        Layer::Flatten | Layer::Dropout(_) => false,
        Convolution(_) | Residual(_) => !is_rectifier(next),
        Normalization(_) if is_norm(layer) => !is_rectifier(next) && !is_conv2d(next),
        Activation(_) if is_rectifier(layer) => match before {
            Some(before) if is_norm(before) => !is_conv2d(next),
            Some(before) if is_conv2d(before) => {
                !matches!(next, Pooling(self::Pooling::MaxPool2d(_)))
            }
            _ => true,
        },
        _ => true,
    }
}

fn is_rectifier(layer: &Layer) -> bool {
    matches!(
        layer,
        Layer::Activation(Activation::Relu | Activation::Relu6)
    )
}
