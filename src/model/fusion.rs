//! Layers in a row that run as one operation. The config stays plain: nobody asks for this.

use burn::nn::PaddingConfig2d;
use burn::nn::conv::Conv2d;
use burn::nn::pool::MaxPool2d;

use super::layer::{Activation, Layer, Mode};
use crate::kernels::conv_pool::BlockGeometry;
use crate::kernels::{self, Conv2dGeometry, MemoryFormat, PoolGeometry};

/// Runs as many of the first layers as run together, at least one; gives how many these were.
pub fn forward(layers: &[Layer], input: Activation, mode: Mode) -> (Activation, usize) {
    match (layers, input) {
        (
            [
                Layer::Conv2d(conv),
                Layer::Relu(_),
                Layer::MaxPool2d(pool),
                rest @ ..,
            ],
            Activation::Image(x),
        ) if is_byte_sized(pool) => {
            let geometry = BlockGeometry {
                conv2d: conv2d_geometry(conv, x.dims()),
                pool: pool_geometry(pool),
            };
            let (dropout, used) = match rest {
                [Layer::Dropout(dropout), ..] => (Some(dropout), 4),
                [Layer::Flatten(_), Layer::Dropout(dropout), ..] => (Some(dropout), 5),
                _ => (None, 3),
            };
            let mask = dropout.and_then(|dropout| dropout.mask(mode));
            // Flattening reads plane after plane.
            let is_flattened = rest.iter().take(2).any(|l| matches!(l, Layer::Flatten(_)));
            let format = if is_flattened {
                MemoryFormat::Contiguous
            } else {
                MemoryFormat::ChannelsLast
            };
            let bias = conv.bias.as_ref().map(|bias| bias.val());
            let output = kernels::conv2d_pool(x, conv.weight.val(), bias, geometry, mask, format);
            let output = Activation::Image(output);
            let output = match used {
                5 => layers[3].forward(output, mode),
                _ => output,
            };
            (output, used)
        }
        ([Layer::Conv2d(conv), Layer::Relu(_), ..], Activation::Image(x)) => {
            let geometry = conv2d_geometry(conv, x.dims());
            let bias = conv.bias.as_ref().map(|bias| bias.val());
            let output = kernels::conv2d(x, conv.weight.val(), bias, geometry, true);
            (Activation::Image(output), 2)
        }
        ([first, ..], input) => (first.forward(input, mode), 1),
        ([], input) => (input, 0),
    }
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
