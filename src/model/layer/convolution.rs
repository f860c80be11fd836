//! Convolutions and transposed convolutions, both on the one convolution kernel.

use burn::module::{Module, Param};
use burn::nn::PaddingConfig2d;
use burn::nn::conv::{Conv2d, ConvTranspose2d};
use burn::tensor::Tensor;

use crate::config;
use crate::kernels::{self, Conv2dGeometry, Rectifier};
use crate::model::builder::Place;
use crate::model::flow::Flow;

/// A convolution, its parameters in Burn's modules.
#[derive(Module, Debug)]
pub enum Convolution {
    /// As `torch.nn.Conv2d`.
    Conv2d(Conv2d),
    /// As `torch.nn.ConvTranspose2d`.
    ConvTranspose2d(ConvTranspose2d),
}

impl Convolution {
    /// The layer at a place of a network with its start values.
    pub fn new(layer: &config::Convolution, place: &Place<'_>) -> Self {
        match layer {
            config::Convolution::Conv2d(conv) => Self::conv2d(conv, place),
            config::Convolution::ConvTranspose2d(conv) => Self::conv_transpose2d(conv, place),
        }
    }

    fn conv2d(conv: &config::Conv2d, place: &Place<'_>) -> Self {
        let [height, width] = conv.kernel_size;
        let channels = place.channels() / conv.groups;
        let shape = [conv.out_channels, channels, height, width];
        let bias = conv.bias.then_some(conv.out_channels);
        let (weight, bias) = place.weight_and_bias(conv.init.as_ref(), &shape, bias);
        let [[top, bottom], [left, right]] = conv.sides();
        Self::Conv2d(Conv2d {
            weight,
            bias,
            stride: conv.stride,
            kernel_size: conv.kernel_size,
            dilation: conv.dilation,
            groups: conv.groups,
            padding: PaddingConfig2d::Explicit(top, left, bottom, right),
        })
    }

    fn conv_transpose2d(conv: &config::ConvTranspose2d, place: &Place<'_>) -> Self {
        let [height, width] = conv.kernel_size;
        let channels = place.channels();
        let shape = [channels, conv.out_channels / conv.groups, height, width];
        let bias = conv.bias.then_some(conv.out_channels);
        let (weight, bias) = place.weight_and_bias(conv.init.as_ref(), &shape, bias);
        Self::ConvTranspose2d(ConvTranspose2d {
            weight,
            bias,
            stride: conv.stride,
            kernel_size: conv.kernel_size,
            dilation: conv.dilation,
            groups: conv.groups,
            padding: conv.padding,
            padding_out: conv.output_padding,
            channels: [channels, conv.out_channels],
        })
    }

    /// Takes and gives images.
    pub fn forward(&self, input: Flow) -> Flow {
        let x = input.image();
        Flow::Image(match self {
            Self::Conv2d(conv) => {
                let bias = conv.bias.as_ref().map(Param::val);
                forward(conv, x, conv.weight.val(), bias, None)
            }
            Self::ConvTranspose2d(conv) => transposed(conv, x),
        })
    }
}

/// The convolution with this weight and bias, then ReLU or ReLU6 where one is asked for.
pub fn forward(
    conv: &Conv2d,
    x: Tensor<4>,
    weight: Tensor<4>,
    bias: Option<Tensor<1>>,
    rectifier: Option<Rectifier>,
) -> Tensor<4> {
    let geometry = geometry(conv, x.dims());
    cropped(conv, kernels::conv2d(x, weight, bias, geometry, rectifier))
}

/// The output of the kernel with [`geometry`], without its surplus.
pub fn cropped(conv: &Conv2d, output: Tensor<4>) -> Tensor<4> {
    let [above, left] = surplus(conv);
    if above + left == 0 {
        return output;
    }
    let [batch, channels, height, width] = output.dims();
    output.slice([0..batch, 0..channels, above..height, left..width])
}

/// The sizes of a convolution for images `[batch, channels, height, width]`, with as much padding before
/// as there is after.
pub fn geometry(conv: &Conv2d, [_, in_channels, height, width]: [usize; 4]) -> Conv2dGeometry {
    let [_, _, bottom, right] = padding(conv);
    Conv2dGeometry {
        in_channels,
        out_channels: conv.weight.dims()[0],
        size: [height, width],
        kernel_size: conv.kernel_size,
        stride: conv.stride,
        padding: [bottom, right],
        dilation: conv.dilation,
        groups: conv.groups,
    }
}

/// How many rows and columns to crop at the top and left of the output with [`geometry`], which pads there as
/// much as at the bottom and right. Both are 0 unless the padding is uneven, which needs a stride of 1.
pub fn surplus(conv: &Conv2d) -> [usize; 2] {
    let [top, left, bottom, right] = padding(conv);
    [bottom - top, right - left]
}

fn padding(conv: &Conv2d) -> [usize; 4] {
    match conv.padding {
        PaddingConfig2d::Explicit(top, left, bottom, right) => [top, left, bottom, right],
        _ => unreachable!("the padding of layers is explicit"),
    }
}

/// A transposed convolution is a convolution with the flipped kernel, over the input with zeros between its
/// pixels and around them: `V. Dumoulin and F. Visin, "A guide to convolution arithmetic for deep
/// learning", 2016`.
fn transposed(conv: &ConvTranspose2d, x: Tensor<4>) -> Tensor<4> {
    let [in_channels, out_channels] = conv.channels;
    let (groups, kernel) = (conv.groups, conv.kernel_size);
    let [_, _, height, width] = x.dims();
    let mut spread = x;
    let mut size = [height, width];
    for axis in 0..2 {
        spread = spread_axis(spread, 2 + axis, conv.stride[axis]);
        // Zeros around the image; a negative count crops it.
        let around = conv.dilation[axis] * (kernel[axis] - 1);
        let before = around as isize - conv.padding[axis] as isize;
        let after = before + conv.padding_out[axis] as isize;
        spread = resized(spread, 2 + axis, before, after);
        size[axis] = spread.dims()[2 + axis];
    }
    let weight = conv.weight.val();
    let weight = weight.reshape([
        groups,
        in_channels / groups,
        out_channels / groups,
        kernel[0] * kernel[1],
    ]);
    // Flips the kernel, and swaps input and output channels.
    let weight = weight.flip([3]).swap_dims(1, 2);
    let weight = weight.reshape([out_channels, in_channels / groups, kernel[0], kernel[1]]);
    let geometry = Conv2dGeometry {
        in_channels,
        out_channels,
        size,
        kernel_size: kernel,
        stride: [1, 1],
        padding: [0, 0],
        dilation: conv.dilation,
        groups,
    };
    let bias = conv.bias.as_ref().map(|bias| bias.val());
    kernels::conv2d(spread, weight, bias, geometry, None)
}

/// Inserts `stride - 1` zeros between the elements of an axis.
fn spread_axis(x: Tensor<4>, axis: usize, stride: usize) -> Tensor<4> {
    if stride == 1 {
        return x;
    }
    let shape = x.dims();
    let mut columns: [usize; 5] = [1; 5];
    columns[..=axis].copy_from_slice(&shape[..=axis]);
    columns[axis + 2..].copy_from_slice(&shape[axis + 1..]);
    let mut zeros = columns;
    zeros[axis + 1] = stride - 1;
    let device = x.device();
    let x: Tensor<5> = x.reshape(columns);
    let spread = Tensor::cat(vec![x, Tensor::zeros(zeros, &device)], axis + 1);
    let mut merged = shape;
    merged[axis] *= stride;
    let spread: Tensor<4> = spread.reshape(merged);
    resized(spread, axis, 0, 1 - stride as isize)
}

/// Pads an axis with this many zeros before and after; a negative number crops it.
fn resized(x: Tensor<4>, axis: usize, before: isize, after: isize) -> Tensor<4> {
    let cut = |count: isize| count.min(0).unsigned_abs();
    let add = |count: isize| count.max(0).unsigned_abs();
    let device = x.device();
    let shape = x.dims();
    let mut ranges = shape.map(|size| 0..size);
    ranges[axis] = cut(before)..shape[axis] - cut(after);
    let x = x.slice(ranges);
    let zeros = |count: usize| {
        let mut shape = shape;
        shape[axis] = count;
        Tensor::zeros(shape, &device)
    };
    let mut parts = vec![x];
    if before > 0 {
        parts.insert(0, zeros(add(before)));
    }
    if after > 0 {
        parts.push(zeros(add(after)));
    }
    match parts.len() {
        1 => parts.swap_remove(0),
        _ => Tensor::cat(parts, axis),
    }
}
