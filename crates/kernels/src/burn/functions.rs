//! The kernels as functions on tensors, for any device.

use burn::backend::Dispatch;
use burn::backend::tensor::FloatTensor;
use burn::tensor::Tensor;
use runner_random::DropoutMask;

use super::extension::Kernels;
use crate::core::geometry::{Conv2dGeometry, PoolGeometry};
use crate::core::rectifier::Rectifier;
use crate::ops::activation::Activation;
use crate::ops::adam::Adam;
use crate::ops::avg_pool::{AvgPoolGeometry, Windows};
use crate::ops::batch_norm::NormOptions;
use crate::ops::conv_relu_pool::ConvReluPoolGeometry;
use crate::ops::group_norm::GroupNormGeometry;
use crate::ops::loss::{Loss, Targets};
use crate::ops::prelu::PreluGeometry;

/// `conv2d(input, weight) + bias`, then ReLU or ReLU6 where one is asked for: `[batch, in, height, width]`
/// and `[out, in / groups, kernel_height, kernel_width]` to `[batch, out, height, width]`.
pub fn conv2d(
    input: Tensor<4>,
    weight: Tensor<4>,
    bias: Option<Tensor<1>>,
    geometry: Conv2dGeometry,
    rectifier: Option<Rectifier>,
) -> Tensor<4> {
    let bias = bias_or_zeros(bias, geometry.out_channels, &input);
    let (input, weight) = (input.into_dispatch(), weight.into_dispatch());
    let bias = bias.into_dispatch();
    Tensor::from_dispatch(Dispatch::conv2d(input, weight, bias, geometry, rectifier))
}

/// `max_pool2d(relu(conv2d(input, weight) + bias))`, then dropout if there is a mask.
pub fn conv_relu_pool(
    input: Tensor<4>,
    weight: Tensor<4>,
    bias: Option<Tensor<1>>,
    geometry: ConvReluPoolGeometry,
    mask: Option<DropoutMask>,
) -> Tensor<4> {
    let bias = bias_or_zeros(bias, geometry.conv2d.out_channels, &input);
    let (input, weight) = (input.into_dispatch(), weight.into_dispatch());
    let bias = bias.into_dispatch();
    Tensor::from_dispatch(Dispatch::conv_relu_pool(
        input, weight, bias, geometry, mask,
    ))
}

/// `input weight + bias`: `[batch, in]` and `[in, out]` to `[batch, out]`.
pub fn linear(input: Tensor<2>, weight: Tensor<2>, bias: Option<Tensor<1>>) -> Tensor<2> {
    let bias = bias_or_zeros(bias, weight.dims()[1], &input);
    let (input, weight) = (input.into_dispatch(), weight.into_dispatch());
    Tensor::from_dispatch(<Dispatch as Kernels>::linear(
        input,
        weight,
        bias.into_dispatch(),
    ))
}

/// [`linear`] of flattened images: `[batch, channels, height, width]` and
/// `[channels * height * width, out]` to `[batch, out]`. Images that lie channels last need not be
/// turned for it.
pub fn flatten_linear(input: Tensor<4>, weight: Tensor<2>, bias: Option<Tensor<1>>) -> Tensor<2> {
    let bias = bias_or_zeros(bias, weight.dims()[1], &input);
    let (input, weight) = (input.into_dispatch(), weight.into_dispatch());
    let bias = bias.into_dispatch();
    Tensor::from_dispatch(Dispatch::flatten_linear(input, weight, bias))
}

type Primitive = FloatTensor<Dispatch>;

/// What [`batch_norm`] and [`norm_conv2d`] give.
#[derive(Debug)]
pub struct BatchNorm {
    /// `[batch, channels, height, width]`
    pub output: Tensor<4>,
    /// The mean of each channel of the input over the batch.
    pub mean: Tensor<1>,
    /// The variance of each channel of the input over the batch, divided by n - 1.
    pub unbiased_variance: Tensor<1>,
}

impl BatchNorm {
    /// Statistics are constants to the gradient.
    fn new((output, mean, variance): (Primitive, Primitive, Primitive)) -> Self {
        Self {
            output: Tensor::from_dispatch(output),
            mean: Tensor::from_dispatch(mean).detach(),
            unbiased_variance: Tensor::from_dispatch(variance).detach(),
        }
    }
}

/// Batch normalization with the statistics of the batch itself, then ReLU or ReLU6 where one is asked for.
pub fn batch_norm(
    input: Tensor<4>,
    weight: Tensor<1>,
    bias: Tensor<1>,
    options: NormOptions,
) -> BatchNorm {
    let (input, weight) = (input.into_dispatch(), weight.into_dispatch());
    let bias = bias.into_dispatch();
    BatchNorm::new(Dispatch::batch_norm(input, weight, bias, options))
}

/// [`conv2d()`] of what [`batch_norm`] gives, which is not kept.
pub fn norm_conv2d(
    input: Tensor<4>,
    [norm_weight, norm_bias]: [Tensor<1>; 2],
    options: NormOptions,
    weight: Tensor<4>,
    bias: Option<Tensor<1>>,
    geometry: Conv2dGeometry,
    rectifier: Option<Rectifier>,
) -> BatchNorm {
    let bias = bias_or_zeros(bias, geometry.out_channels, &input);
    let [norm_weight, norm_bias] = [norm_weight, norm_bias].map(Tensor::into_dispatch);
    BatchNorm::new(Dispatch::norm_conv2d(
        input.into_dispatch(),
        norm_weight,
        norm_bias,
        options,
        weight.into_dispatch(),
        bias.into_dispatch(),
        geometry,
        rectifier,
    ))
}

/// The mean of each of `output_size` regions of an image, as in PyTorch.
pub fn adaptive_avg_pool2d(input: Tensor<4>, output_size: [usize; 2]) -> Tensor<4> {
    let [_, channels, height, width] = input.dims();
    let geometry = AvgPoolGeometry {
        channels,
        size: [height, width],
        output_size,
        windows: Windows::Adaptive,
    };
    Tensor::from_dispatch(Dispatch::avg_pool(input.into_dispatch(), geometry))
}

/// The mean of each window, as in PyTorch.
pub fn avg_pool2d(input: Tensor<4>, pool: PoolGeometry, count_include_pad: bool) -> Tensor<4> {
    let [_, channels, height, width] = input.dims();
    let geometry = AvgPoolGeometry {
        channels,
        size: [height, width],
        output_size: pool.output_size([height, width]),
        windows: Windows::Sliding {
            pool,
            count_include_pad,
        },
    };
    Tensor::from_dispatch(Dispatch::avg_pool(input.into_dispatch(), geometry))
}

/// The function of each element.
pub fn activation<const D: usize>(input: Tensor<D>, activation: Activation) -> Tensor<D> {
    Tensor::from_dispatch(Dispatch::activation(input.into_dispatch(), activation))
}

/// `max(x, 0) + weight min(x, 0)` of `[batch, channels, ...]`, with one weight or one a channel.
pub fn prelu<const D: usize>(input: Tensor<D>, weight: Tensor<1>) -> Tensor<D> {
    let [batch, channels] = [input.dims()[0], input.dims()[1]];
    let pixels = input.shape().num_elements() / batch / channels;
    let geometry = PreluGeometry { channels, pixels };
    let (input, weight) = (input.into_dispatch(), weight.into_dispatch());
    Tensor::from_dispatch(<Dispatch as Kernels>::prelu(input, weight, geometry))
}

/// `[batch, ...]` normalized by the moments of groups of each sample, with a weight and a bias a
/// channel, or without. What a channel is, the geometry says.
pub fn group_norm<const D: usize>(
    input: Tensor<D>,
    weight: Option<Tensor<1>>,
    bias: Option<Tensor<1>>,
    geometry: GroupNormGeometry,
) -> Tensor<D> {
    let device = input.device();
    let weight = weight.unwrap_or_else(|| Tensor::ones([geometry.channels], &device));
    let bias = bias_or_zeros(bias, geometry.channels, &input);
    let (input, weight) = (input.into_dispatch(), weight.into_dispatch());
    let bias = bias.into_dispatch();
    Tensor::from_dispatch(Dispatch::group_norm(input, weight, bias, geometry))
}

/// `one + other`, then ReLU or ReLU6 where one is asked for.
pub fn residual<const D: usize>(
    one: Tensor<D>,
    other: Tensor<D>,
    rectifier: Option<Rectifier>,
) -> Tensor<D> {
    let (one, other) = (one.into_dispatch(), other.into_dispatch());
    Tensor::from_dispatch(Dispatch::residual(one, other, rectifier))
}

fn bias_or_zeros<const D: usize>(
    bias: Option<Tensor<1>>,
    length: usize,
    like: &Tensor<D>,
) -> Tensor<1> {
    bias.unwrap_or_else(|| Tensor::zeros([length], &like.device()))
}

/// `input` times the factors of the mask, element by element in the order of the shape.
pub fn dropout<const D: usize>(input: Tensor<D>, mask: DropoutMask) -> Tensor<D> {
    Tensor::from_dispatch(Dispatch::dropout(input.into_dispatch(), mask))
}

/// The losses of logits `[batch, classes]`, in nats, added up and divided by `total`.
pub fn loss(logits: Tensor<2>, targets: Targets, loss: &Loss, total: f64) -> Tensor<1> {
    let logits = logits.into_dispatch();
    Tensor::from_dispatch(Dispatch::loss(logits, targets, loss.clone(), total))
}

/// A step of Adam: the parameter and the averages after it. Nothing of it is differentiable.
pub fn adam_step<const D: usize>(
    parameter: Tensor<D>,
    gradient: Tensor<D>,
    [exp_avg, exp_avg_sq]: [Tensor<D>; 2],
    adam: Adam,
) -> (Tensor<D>, [Tensor<D>; 2]) {
    let (parameter, exp_avg, exp_avg_sq) = Dispatch::adam_step(
        parameter.into_dispatch(),
        gradient.into_dispatch(),
        exp_avg.into_dispatch(),
        exp_avg_sq.into_dispatch(),
        adam,
    );
    let averages = [exp_avg, exp_avg_sq].map(Tensor::from_dispatch);
    (Tensor::from_dispatch(parameter), averages)
}
