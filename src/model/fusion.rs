//! Layers in a row that run as one operation. The config stays plain: nobody asks for this.

use burn::nn::conv::Conv2d;
use burn::nn::pool::MaxPool2d;
use burn::nn::{Linear, PaddingConfig2d};
use burn::tensor::Tensor;

use super::batch_norm::BatchStatistics;
use super::layer::{Activation, Layer, Mode};
use crate::kernels::conv_pool::BlockGeometry;
use crate::kernels::{self, Conv2dGeometry, PoolGeometry};

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

/// The sizes of a convolution for images `[batch, channels, height, width]`.
pub fn conv2d_geometry(
    conv: &Conv2d,
    [_, in_channels, height, width]: [usize; 4],
) -> Conv2dGeometry {
    Conv2dGeometry {
        in_channels,
        out_channels: conv.weight.dims()[0],
        size: [height, width],
        kernel_size: conv.kernel_size,
        stride: conv.stride,
        padding: both_sides(&conv.padding),
        dilation: conv.dilation,
        groups: conv.groups,
    }
}

fn pool_geometry(pool: &MaxPool2d) -> PoolGeometry {
    PoolGeometry {
        kernel_size: pool.kernel_size,
        stride: pool.stride,
        padding: both_sides(&pool.padding),
    }
}

/// Layers are built with explicit padding, the same on opposite sides.
fn both_sides(padding: &PaddingConfig2d) -> [usize; 2] {
    match padding {
        PaddingConfig2d::Explicit(top, left, ..) => [*top, *left],
        _ => unreachable!("the padding of layers is explicit"),
    }
}
