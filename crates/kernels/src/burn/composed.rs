//! The operations of the kernels, made of Burn's own: what other backends run, and what the
//! kernels are tested against.

use burn::backend::tensor::FloatTensor;
use burn::backend::{Backend, TensorMetadata};
use burn::tensor::TensorData;
use burn::tensor::ops::ConvOptions;
use runner_random::DropoutMask;

use crate::core::geometry::Conv2dGeometry;
use crate::core::rectifier::Rectifier;
use crate::ops::activation::Activation;
use crate::ops::adam::Adam;
use crate::ops::avg_pool::{AvgPoolGeometry, Windows};
use crate::ops::batch_norm::NormOptions;
use crate::ops::conv_relu_pool::ConvReluPoolGeometry;
use crate::ops::group_norm::GroupNormGeometry;
use crate::ops::loss::{Loss, Targets};
use crate::ops::prelu::PreluGeometry;

pub(super) fn conv2d<B: Backend>(
    input: FloatTensor<B>,
    weight: FloatTensor<B>,
    bias: FloatTensor<B>,
    geometry: &Conv2dGeometry,
    rectifier: Option<Rectifier>,
) -> FloatTensor<B> {
    let options = ConvOptions::new(
        geometry.stride,
        geometry.padding,
        geometry.dilation,
        geometry.groups,
    );
    let output = B::conv2d(input, weight, Some(bias), options);
    rectified::<B>(output, rectifier)
}

pub(super) fn conv_relu_pool<B: Backend>(
    input: FloatTensor<B>,
    weight: FloatTensor<B>,
    bias: FloatTensor<B>,
    geometry: &ConvReluPoolGeometry,
    mask: Option<&DropoutMask>,
) -> FloatTensor<B> {
    let output = conv2d::<B>(input, weight, bias, &geometry.conv2d, Some(Rectifier::Relu));
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

pub(super) fn flatten_linear<B: Backend>(
    input: FloatTensor<B>,
    weight: FloatTensor<B>,
    bias: FloatTensor<B>,
) -> FloatTensor<B> {
    let [batch, channels, height, width] = input.shape().dims();
    let flat = B::float_reshape(input, [batch, channels * height * width].into());
    B::linear(flat, weight, Some(bias))
}

pub(super) fn batch_norm<B: Backend>(
    input: FloatTensor<B>,
    weight: FloatTensor<B>,
    bias: FloatTensor<B>,
    options: NormOptions,
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
    let deviation = B::float_sqrt(B::float_add_scalar(variance.clone(), options.eps.into()));
    let normalized = B::float_div(centered, deviation);
    let output = B::float_mul(normalized, shaped(weight));
    let output = B::float_add(output, shaped(bias));
    let output = rectified::<B>(output, options.rectifier);
    let unbiased = B::float_mul_scalar(variance, (count / (count - 1.0).max(1.0)).into());
    let flat = |tensor| B::float_reshape(tensor, [channels].into());
    (output, flat(mean), flat(unbiased))
}

pub(super) fn norm_conv2d<B: Backend>(
    input: FloatTensor<B>,
    [norm_weight, norm_bias]: [FloatTensor<B>; 2],
    options: NormOptions,
    [weight, bias]: [FloatTensor<B>; 2],
    geometry: &Conv2dGeometry,
    rectifier: Option<Rectifier>,
) -> (FloatTensor<B>, FloatTensor<B>, FloatTensor<B>) {
    let (normalized, mean, variance) = batch_norm::<B>(input, norm_weight, norm_bias, options);
    let output = conv2d::<B>(normalized, weight, bias, geometry, rectifier);
    (output, mean, variance)
}

pub(super) fn dropout<B: Backend>(input: FloatTensor<B>, mask: &DropoutMask) -> FloatTensor<B> {
    let shape = input.shape();
    let factors = TensorData::new(mask.factors(shape.num_elements()), shape);
    let factors = B::float_from_data(factors, &input.device());
    B::float_mul(input, factors)
}

pub(super) fn avg_pool<B: Backend>(
    input: FloatTensor<B>,
    geometry: &AvgPoolGeometry,
) -> FloatTensor<B> {
    match geometry.windows {
        Windows::Adaptive => B::adaptive_avg_pool2d(input, geometry.output_size),
        Windows::Sliding {
            pool,
            count_include_pad,
        } => B::avg_pool2d(
            input,
            pool.kernel_size,
            pool.stride,
            pool.padding,
            count_include_pad,
            false,
        ),
    }
}

fn rectified<B: Backend>(x: FloatTensor<B>, rectifier: Option<Rectifier>) -> FloatTensor<B> {
    match rectifier {
        Some(rectifier) => activation::<B>(x, rectifier.into()),
        None => x,
    }
}

pub(super) fn activation<B: Backend>(x: FloatTensor<B>, activation: Activation) -> FloatTensor<B> {
    let scaled = |x, factor: f32| B::float_mul_scalar(x, factor.into());
    let plus = |x, term: f32| B::float_add_scalar(x, term.into());
    let half_rectified = |x| B::float_clamp(x, 0.0.into(), 6.0.into());
    match activation {
        Activation::Relu => B::relu(x),
        Activation::Relu6 => half_rectified(x),
        Activation::LeakyRelu { negative_slope } => B::leaky_relu(x, negative_slope.into()),
        Activation::Gelu => B::gelu(x),
        Activation::GeluTanh => {
            let square = B::float_mul(x.clone(), x.clone());
            let cubic = plus(scaled(square, 0.044_715), 1.0);
            let inner = scaled(B::float_mul(x.clone(), cubic), 0.797_884_6);
            scaled(B::float_mul(x, plus(B::float_tanh(inner), 1.0)), 0.5)
        }
        Activation::Silu => B::float_mul(B::sigmoid(x.clone()), x),
        Activation::Elu { alpha } => {
            let negative = B::float_clamp_max(x.clone(), 0.0.into());
            let negative = scaled(plus(B::float_exp(negative), -1.0), alpha);
            B::float_add(B::relu(x), negative)
        }
        Activation::HardSwish => {
            let gate = half_rectified(plus(x.clone(), 3.0));
            scaled(B::float_mul(x, gate), 1.0 / 6.0)
        }
        Activation::Sigmoid => B::sigmoid(x),
        Activation::Tanh => B::float_tanh(x),
        Activation::Softplus { beta, threshold } => {
            // Below the threshold the logarithm, above it what is more than the threshold too.
            let limit = threshold / beta;
            let bounded = B::float_clamp_max(x.clone(), limit.into());
            let curve = B::float_log1p(B::float_exp(scaled(bounded, beta)));
            B::float_add(scaled(curve, 1.0 / beta), B::relu(plus(x, -limit)))
        }
    }
}

pub(super) fn prelu<B: Backend>(
    input: FloatTensor<B>,
    weight: FloatTensor<B>,
    geometry: &PreluGeometry,
) -> FloatTensor<B> {
    let shape = input.shape();
    let sample = [shape[0], geometry.channels, geometry.pixels];
    let x = B::float_reshape(input, sample.into());
    let slopes = weight.shape()[0];
    let weight = B::float_reshape(weight, [1, slopes, 1].into());
    let negative = B::float_mul(B::float_clamp_max(x.clone(), 0.0.into()), weight);
    B::float_reshape(B::float_add(B::relu(x), negative), shape)
}

pub(super) fn group_norm<B: Backend>(
    input: FloatTensor<B>,
    weight: FloatTensor<B>,
    bias: FloatTensor<B>,
    geometry: &GroupNormGeometry,
) -> FloatTensor<B> {
    let shape = input.shape();
    let GroupNormGeometry {
        channels,
        pixels,
        groups,
        eps,
    } = *geometry;
    let grouped = [shape[0], groups, channels / groups * pixels];
    let x = B::float_reshape(input, grouped.into());
    let centered = B::float_sub(x.clone(), B::float_mean_dim(x, 2));
    let square = B::float_mul(centered.clone(), centered.clone());
    let variance = B::float_add_scalar(B::float_mean_dim(square, 2), eps.into());
    let normalized = B::float_div(centered, B::float_sqrt(variance));
    let normalized = B::float_reshape(normalized, [shape[0], channels, pixels].into());
    let a_channel = |tensor| B::float_reshape(tensor, [1, channels, 1].into());
    let output = B::float_mul(normalized, a_channel(weight));
    B::float_reshape(B::float_add(output, a_channel(bias)), shape)
}

pub(super) fn residual<B: Backend>(
    one: FloatTensor<B>,
    other: FloatTensor<B>,
    rectifier: Option<Rectifier>,
) -> FloatTensor<B> {
    let sum = B::float_add(one, other);
    rectified::<B>(sum, rectifier)
}

/// The sum of the losses divided by `total`, as a tensor of one element.
pub(super) fn loss<B: Backend>(
    logits: FloatTensor<B>,
    targets: &Targets,
    loss: &Loss,
    total: f64,
) -> FloatTensor<B> {
    let shape = logits.shape();
    let classes = shape[1];
    // How much each logarithm counts.
    let mut factors = vec![0.0; targets.len() * classes];
    for (sample, row) in factors.chunks_exact_mut(classes).enumerate() {
        for (class, factor) in row.iter_mut().enumerate() {
            let spread = loss.label_smoothing / classes as f64;
            *factor = (-spread * loss.weight(class) / total) as f32;
        }
        for (target, share) in targets.of(sample) {
            let own = share * (1.0 - loss.label_smoothing) * loss.weight(target);
            row[target] -= (own / total) as f32;
        }
    }
    let factors = B::float_from_data(TensorData::new(factors, shape), &logits.device());
    let logarithms = B::log_softmax(logits, 1);
    let mut terms = B::float_mul(logarithms.clone(), factors);
    if loss.gamma > 0.0 {
        let rest = B::float_add_scalar(B::float_neg(B::float_exp(logarithms)), 1.0.into());
        let rest = B::float_clamp_min(rest, 1e-30.into());
        let focus = B::float_powf_scalar(rest, (loss.gamma as f32).into());
        terms = B::float_mul(terms, focus);
    }
    B::float_sum(terms)
}

pub(super) fn adam_step<B: Backend>(
    parameter: FloatTensor<B>,
    gradient: FloatTensor<B>,
    exp_avg: FloatTensor<B>,
    exp_avg_sq: FloatTensor<B>,
    adam: &Adam,
) -> (FloatTensor<B>, FloatTensor<B>, FloatTensor<B>) {
    let scaled = |tensor, factor: f64| B::float_mul_scalar(tensor, factor.into());
    let [beta1, beta2] = adam.betas;
    let (parameter, gradient) = match adam.is_decoupled {
        true => {
            let kept = 1.0 - adam.learning_rate * adam.weight_decay;
            (scaled(parameter, kept), gradient)
        }
        false => {
            let decay = scaled(parameter.clone(), adam.weight_decay);
            (parameter, B::float_add(gradient, decay))
        }
    };
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
