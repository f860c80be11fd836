//! Layers in a row that run as one operation. The config stays plain: nobody asks for this.

use burn::nn::Linear;
use burn::nn::pool::MaxPool2d;
use burn::tensor::Tensor;

use super::batch_norm::BatchStatistics;
use super::layer::{Activation, Layer, conv2d_geometry, pool_geometry};
use super::mode::Mode;
use crate::kernels::{self, BlockGeometry};

/// Runs as many of the first layers as run together, at least one; gives how many these were.
pub fn forward(
    layers: &[Layer],
    input: Activation,
    mode: Mode,
    statistics: &mut Vec<BatchStatistics>,
) -> (Activation, usize) {
    match (layers, input) {
        ([Layer::Conv2d(conv), rest @ ..], Activation::Image(x)) => {
            let (weight, bias, folded) = match (rest, mode) {
                ([Layer::BatchNorm2d(norm), ..], Mode::Evaluation) => {
                    let (weight, bias) = norm.fold_into(conv);
                    (weight, Some(bias), 1)
                }
                _ => {
                    let bias = conv.bias.as_ref().map(|bias| bias.val());
                    (conv.weight.val(), bias, 0)
                }
            };
            let geometry = conv2d_geometry(conv, x.dims());
            match &rest[folded..] {
                [Layer::Relu(_), Layer::MaxPool2d(pool), after @ ..] if is_byte_sized(pool) => {
                    let geometry = BlockGeometry {
                        conv2d: geometry,
                        pool: pool_geometry(pool),
                    };
                    let (dropout, used) = match after {
                        [Layer::Dropout(dropout), ..] => (Some(dropout), 4),
                        [Layer::Flatten(_), Layer::Dropout(dropout), ..] => (Some(dropout), 5),
                        _ => (None, 3),
                    };
                    // Dropout of the block's output costs nothing within it.
                    let mask = dropout.and_then(|dropout| dropout.mask(mode));
                    let output = kernels::conv2d_pool(x, weight, bias, geometry, mask);
                    match (used, &after[used - 3..]) {
                        (5, [Layer::Linear(linear), ..]) => {
                            (flatten_linear(linear, output), 6 + folded)
                        }
                        (5, _) => (Activation::Flat(output.flatten(1, 3)), 5 + folded),
                        _ => (Activation::Image(output), used + folded),
                    }
                }
                [Layer::Relu(_), ..] => {
                    let output = kernels::conv2d(x, weight, bias, geometry, true);
                    (Activation::Image(output), 2 + folded)
                }
                _ => {
                    let output = kernels::conv2d(x, weight, bias, geometry, false);
                    (Activation::Image(output), 1 + folded)
                }
            }
        }
        ([Layer::BatchNorm2d(norm), Layer::Relu(_), ..], Activation::Image(x)) => {
            let output = norm.forward(x, mode, true, statistics);
            (Activation::Image(output), 2)
        }
        ([Layer::Flatten(_), Layer::Linear(linear), ..], Activation::Image(x)) => {
            (flatten_linear(linear, x), 2)
        }
        ([first, ..], input) => (first.forward(input, mode, statistics), 1),
        ([], input) => (input, 0),
    }
}

fn flatten_linear(linear: &Linear, images: Tensor<4>) -> Activation {
    let bias = linear.bias.as_ref().map(|bias| bias.val());
    Activation::Flat(kernels::flatten_linear(images, linear.weight.val(), bias))
}

/// The block keeps the place of each winner in a byte.
fn is_byte_sized(pool: &MaxPool2d) -> bool {
    pool_geometry(pool).window_len() < 256
}
