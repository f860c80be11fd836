//! The operations of the kernels, made of Burn's own: what other backends run, and what the
//! kernels are tested against.

use burn::backend::tensor::FloatTensor;
use burn::backend::{Backend, TensorMetadata};
use burn::tensor::TensorData;
use burn::tensor::ops::ConvOptions;

use super::adam::Adam;
use super::geometry::{BlockGeometry, Conv2dGeometry};
use crate::random::DropoutMask;

pub fn conv2d<B: Backend>(
    input: FloatTensor<B>,
    weight: FloatTensor<B>,
    bias: FloatTensor<B>,
    geometry: &Conv2dGeometry,
    relu: bool,
) -> FloatTensor<B> {
    let options = ConvOptions::new(
        geometry.stride,
        geometry.padding,
        geometry.dilation,
        geometry.groups,
    );
    let output = B::conv2d(input, weight, Some(bias), options);
    if relu { B::relu(output) } else { output }
}

pub fn conv2d_pool<B: Backend>(
    input: FloatTensor<B>,
    weight: FloatTensor<B>,
    bias: FloatTensor<B>,
    geometry: &BlockGeometry,
    mask: Option<&DropoutMask>,
) -> FloatTensor<B> {
    let output = conv2d::<B>(input, weight, bias, &geometry.conv2d, true);
    let pool = &geometry.pool;
    let output = B::max_pool2d(
        output,
        pool.kernel_size,
        pool.stride,
        pool.padding,
        [1, 1],
        false,
    );
    match mask {
        Some(mask) => dropout::<B>(output, mask),
        None => output,
    }
}

pub fn flatten_linear<B: Backend>(
    input: FloatTensor<B>,
    weight: FloatTensor<B>,
    bias: FloatTensor<B>,
) -> FloatTensor<B> {
    let [batch, channels, height, width] = input.shape().dims();
    let flat = B::float_reshape(input, [batch, channels * height * width].into());
    B::linear(flat, weight, Some(bias))
}

pub fn batch_norm<B: Backend>(
    input: FloatTensor<B>,
    weight: FloatTensor<B>,
    bias: FloatTensor<B>,
    eps: f64,
    relu: bool,
) -> (FloatTensor<B>, FloatTensor<B>, FloatTensor<B>) {
    let [batch, channels, height, width] = input.shape().dims();
    let count = (batch * height * width) as f64;
    let shaped = |tensor| B::float_reshape(tensor, [1, channels, 1, 1].into());
    let mean_of = |tensor| {
        let tensor = B::float_mean_dim(B::float_mean_dim(tensor, 0), 2);
        B::float_mean_dim(tensor, 3)
    };
    let mean = mean_of(input.clone());
    let centered = B::float_sub(input, mean.clone());
    let variance = mean_of(B::float_mul(centered.clone(), centered.clone()));
    let deviation = B::float_sqrt(B::float_add_scalar(variance.clone(), eps.into()));
    let normalized = B::float_div(centered, deviation);
    let output = B::float_mul(normalized, shaped(weight));
    let output = B::float_add(output, shaped(bias));
    let output = if relu { B::relu(output) } else { output };
    let unbiased = B::float_mul_scalar(variance, (count / (count - 1.0).max(1.0)).into());
    let flat = |tensor| B::float_reshape(tensor, [channels].into());
    (output, flat(mean), flat(unbiased))
}

pub fn dropout<B: Backend>(input: FloatTensor<B>, mask: &DropoutMask) -> FloatTensor<B> {
    let shape = input.shape();
    let factors = TensorData::new(mask.factors(shape.num_elements()), shape);
    let factors = B::float_from_data(factors, &input.device());
    B::float_mul(input, factors)
}

/// The mean of `-log_softmax(logits)[target]`, as a tensor of one element.
pub fn cross_entropy<B: Backend>(logits: FloatTensor<B>, targets: &[u32]) -> FloatTensor<B> {
    let shape = logits.shape();
    let (batch, classes) = (shape[0], shape[1]);
    let mut one_hot = vec![0.0; batch * classes];
    for (row, target) in one_hot.chunks_exact_mut(classes).zip(targets) {
        row[*target as usize] = -1.0 / batch as f32;
    }
    let one_hot = B::float_from_data(TensorData::new(one_hot, shape), &logits.device());
    let probabilities = B::log_softmax(logits, 1);
    B::float_sum(B::float_mul(probabilities, one_hot))
}

pub fn adam_step<B: Backend>(
    parameter: FloatTensor<B>,
    gradient: FloatTensor<B>,
    exp_avg: FloatTensor<B>,
    exp_avg_sq: FloatTensor<B>,
    adam: &Adam,
) -> (FloatTensor<B>, FloatTensor<B>, FloatTensor<B>) {
    let scaled = |tensor, factor: f64| B::float_mul_scalar(tensor, factor.into());
    let [beta1, beta2] = adam.betas;
    let decay = scaled(parameter.clone(), adam.weight_decay);
    let gradient = B::float_add(gradient, decay);
    let exp_avg = B::float_add(
        scaled(exp_avg, beta1),
        scaled(gradient.clone(), 1.0 - beta1),
    );
    let square = B::float_mul(gradient.clone(), gradient);
    let exp_avg_sq = B::float_add(scaled(exp_avg_sq, beta2), scaled(square, 1.0 - beta2));
    let [correction1, correction2] = adam.corrections();
    let denominator = scaled(B::float_sqrt(exp_avg_sq.clone()), 1.0 / correction2.sqrt());
    let denominator = B::float_add_scalar(denominator, adam.eps.into());
    let change = B::float_div(exp_avg.clone(), denominator);
    let step = scaled(change, adam.learning_rate / correction1);
    (B::float_sub(parameter, step), exp_avg, exp_avg_sq)
}
