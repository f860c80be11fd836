//! Layers in a row that run as one operation. The config stays plain: nobody asks for this.

use burn::nn::Linear;
use burn::nn::pool::MaxPool2d;
use burn::tensor::Tensor;

use super::batch_norm::BatchStatistics;
use super::convolution;
use super::layer::{Flow, Layer, pool_geometry};
use super::mode::Mode;
use crate::kernels::{self, BlockGeometry};

/// Runs all layers of a list.
pub fn forward_all(
    layers: &[Layer],
    mut flow: Flow,
    mode: Mode,
    statistics: &mut Vec<BatchStatistics>,
) -> Flow {
    let mut rest = layers;
    while !rest.is_empty() {
        let (output, count) = forward(rest, flow, mode, statistics);
        flow = output;
        rest = &rest[count..];
    }
    flow
}

/// Runs as many of the first layers as run together, at least one; gives how many these were.
fn forward(
    layers: &[Layer],
    input: Flow,
    mode: Mode,
    statistics: &mut Vec<BatchStatistics>,
) -> (Flow, usize) {
    match (layers, input) {
        ([Layer::Conv2d(conv), rest @ ..], Flow::Image(x)) => {
            let (weight, bias, folded) = match (rest, mode) {
                ([Layer::BatchNorm(norm), ..], Mode::Evaluation) => {
                    let (weight, bias) = norm.fold_into(conv);
                    (weight, Some(bias), 1)
                }
                _ => {
                    let bias = conv.bias.as_ref().map(|bias| bias.val());
                    (conv.weight.val(), bias, 0)
                }
            };
            match &rest[folded..] {
                [Layer::Relu(_), Layer::MaxPool2d(pool), after @ ..]
                    if is_byte_sized(pool) && convolution::surplus(conv) == [0, 0] =>
                {
                    let geometry = BlockGeometry {
                        conv2d: convolution::geometry(conv, x.dims()),
                        pool: pool_geometry(pool),
                    };
                    // Dropout of the block's output costs nothing within it.
                    let (mask, used) = match after {
                        [Layer::Dropout(dropout), ..] if !dropout.is_of_channels() => {
                            (dropout.mask(mode), 4)
                        }
                        [Layer::Flatten(_), Layer::Dropout(dropout), ..] => (dropout.mask(mode), 5),
                        _ => (None, 3),
                    };
                    let output = kernels::conv2d_pool(x, weight, bias, geometry, mask);
                    match (used, &after[used - 3..]) {
                        (5, [Layer::Linear(linear), ..]) => {
                            (flatten_linear(linear, output), 6 + folded)
                        }
                        (5, _) => (Flow::Flat(output.flatten(1, 3)), 5 + folded),
                        _ => (Flow::Image(output), used + folded),
                    }
                }
                [Layer::Relu(_), ..] => {
                    let output = convolution::forward(conv, x, weight, bias, true);
                    (Flow::Image(output), 2 + folded)
                }
                _ => {
                    let output = convolution::forward(conv, x, weight, bias, false);
                    (Flow::Image(output), 1 + folded)
                }
            }
        }
        ([Layer::BatchNorm(norm), Layer::Relu(_), ..], Flow::Image(x)) => {
            let output = norm.forward(x, mode, true, statistics);
            (Flow::Image(output), 2)
        }
        ([Layer::Residual(residual), Layer::Relu(_), ..], input) => {
            (residual.forward(input, mode, true, statistics), 2)
        }
        ([Layer::Flatten(_), Layer::Linear(linear), ..], Flow::Image(x)) => {
            (flatten_linear(linear, x), 2)
        }
        ([first, ..], input) => (first.forward(input, mode, statistics), 1),
        ([], input) => (input, 0),
    }
}

fn flatten_linear(linear: &Linear, images: Tensor<4>) -> Flow {
    let bias = linear.bias.as_ref().map(|bias| bias.val());
    Flow::Flat(kernels::flatten_linear(images, linear.weight.val(), bias))
}

/// The block keeps the place of each winner in a byte.
fn is_byte_sized(pool: &MaxPool2d) -> bool {
    pool_geometry(pool).window_len() < 256
}
