//! Batch normalization in training, then ReLU or ReLU6 where one is asked for; images lie channels last.
//!
//! Sums over the batch are in double precision, chunk by chunk, so that the variance is exact enough
//! as the mean of squares less the square of the mean.

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops};
use burn::backend::tensor::{Device, FloatTensor};
use burn::backend::{Autodiff, AutodiffBackend, TensorMetadata};
use rayon::prelude::*;

use crate::core::buffer::Buffer;
use crate::core::node::{register, tracked};
use crate::core::parallel::chunk_size;
use crate::core::rectifier::Rectifier;
use crate::core::simd::{Level, Vector, on_level};
use crate::core::tensor::{Contiguous, Host, ImageTensor, vec_tensor};

/// Mean and variance of each channel over a batch.
#[derive(Debug, Clone)]
pub struct Statistics {
    /// Mean of each channel.
    pub mean: Vec<f32>,
    /// The variance of the batch itself, divided by n.
    pub variance: Vec<f32>,
    /// The estimate for the population, divided by n - 1, as running statistics take it.
    pub unbiased_variance: Vec<f32>,
}

/// Gradients of a batch normalization.
#[derive(Debug)]
pub struct BatchNormGradients {
    /// The gradient of the input, channels last.
    pub input: Buffer,
    /// The gradient of the weight, one a channel.
    pub weight: Vec<f32>,
    /// The gradient of the bias, one a channel.
    pub bias: Vec<f32>,
}

/// Statistics of `values`, which are pixels of `channels` each, in a batch of `batch` images.
pub fn statistics(level: Level, values: &[f32], channels: usize, batch: usize) -> Statistics {
    let chunk = chunk_size(batch) * (values.len() / batch);
    let sums = sum_chunks(values.par_chunks(chunk), channels, |values, sums| {
        // SAFETY: the function works on slices only; the level is one of this processor.
        unsafe { add_moments_on(level, values, sums) }
    });
    let count = (values.len() / channels) as f64;
    let (first, second) = sums.split_at(channels);
    let mut statistics = Statistics {
        mean: Vec::with_capacity(channels),
        variance: Vec::with_capacity(channels),
        unbiased_variance: Vec::with_capacity(channels),
    };
    for (sum, squares) in first.iter().zip(second) {
        let mean = sum / count;
        // Not `max`, which would hide a NaN.
        let variance = match squares / count - mean * mean {
            negative if negative < 0.0 => 0.0,
            variance => variance,
        };
        statistics.mean.push(mean as f32);
        statistics.variance.push(variance as f32);
        let unbiased = variance * count / (count - 1.0).max(1.0);
        statistics.unbiased_variance.push(unbiased as f32);
    }
    statistics
}

/// What each channel is multiplied with and what is added then.
fn scale_and_shift(
    statistics: &Statistics,
    weight: &[f32],
    bias: &[f32],
    eps: f64,
) -> (Vec<f32>, Vec<f32>) {
    let channels = statistics.mean.iter().zip(&statistics.variance);
    let channels = channels.zip(weight.iter().zip(bias));
    channels
        .map(|((mean, variance), (weight, bias))| {
            let scale = f64::from(*weight) / (f64::from(*variance) + eps).sqrt();
            (
                scale as f32,
                (f64::from(*bias) - f64::from(*mean) * scale) as f32,
            )
        })
        .unzip()
}

/// `(input - mean) / sqrt(variance + eps) * weight + bias`, then ReLU or ReLU6 where one is asked for.
pub fn forward(
    level: Level,
    input: &[f32],
    batch: usize,
    statistics: &Statistics,
    weight: &[f32],
    bias: &[f32],
    eps: f64,
    rectifier: Option<Rectifier>,
    output: &mut [f32],
) {
    let (scale, shift) = scale_and_shift(statistics, weight, bias, eps);
    let chunk = chunk_size(batch) * (input.len() / batch);
    output
        .par_chunks_mut(chunk)
        .zip(input.par_chunks(chunk))
        .for_each(|(output, input)| {
            // SAFETY: the function works on slices only; the level is one of this processor.
            unsafe { normalize_on(level, input, &scale, &shift, rectifier, output) }
        });
}

/// The gradients of [`forward`], the statistics' part included, given that of its output.
pub fn backward(
    level: Level,
    input: &[f32],
    batch: usize,
    statistics: &Statistics,
    weight: &[f32],
    bias: &[f32],
    eps: f64,
    rectifier: Option<Rectifier>,
    gradient: &[f32],
) -> BatchNormGradients {
    let channels = weight.len();
    let (scale, shift) = scale_and_shift(statistics, weight, bias, eps);
    let chunk = chunk_size(batch) * (input.len() / batch);
    let pairs = input.par_chunks(chunk).zip(gradient.par_chunks(chunk));
    let sums = sum_chunks(pairs, channels, |(input, gradient), sums| {
        // SAFETY: the function works on slices only; the level is one of this processor.
        unsafe { add_gradients_on(level, input, gradient, &scale, &shift, rectifier, sums) }
    });
    let (gradients, products) = sums.split_at(channels);
    let count = (input.len() / channels) as f64;
    let mut factors = Factors {
        scale,
        shift,
        input: Vec::with_capacity(channels),
        constant: Vec::with_capacity(channels),
    };
    let mut weight_gradient = Vec::with_capacity(channels);
    for channel in 0..channels {
        let mean = f64::from(statistics.mean[channel]);
        let deviation = (f64::from(statistics.variance[channel]) + eps).sqrt();
        // Σ gradient * normalized input
        let product = (products[channel] - mean * gradients[channel]) / deviation;
        weight_gradient.push(product as f32);
        let scale = f64::from(weight[channel]) / deviation;
        let input = scale * product / count / deviation;
        factors.input.push(input as f32);
        let constant = scale * gradients[channel] / count - mean * input;
        factors.constant.push(constant as f32);
    }
    let mut input_gradient = Buffer::take(input.len());
    input_gradient
        .par_chunks_mut(chunk)
        .zip(input.par_chunks(chunk).zip(gradient.par_chunks(chunk)))
        .for_each(|(target, (input, gradient))| {
            // SAFETY: the function works on slices only; the level is one of this processor.
            unsafe { input_gradient_on(level, input, gradient, &factors, rectifier, target) }
        });
    BatchNormGradients {
        input: input_gradient,
        weight: weight_gradient,
        bias: gradients.iter().map(|sum| *sum as f32).collect(),
    }
}

/// Two sums a channel over all chunks, in their order.
fn sum_chunks<T: Send>(
    chunks: impl IndexedParallelIterator<Item = T>,
    channels: usize,
    add: impl Fn(T, &mut [f64]) + Sync,
) -> Vec<f64> {
    let partial: Vec<Vec<f64>> = chunks
        .map(|chunk| {
            let mut sums = vec![0.0; 2 * channels];
            add(chunk, &mut sums);
            sums
        })
        .collect();
    let mut total = vec![0.0; 2 * channels];
    for partial in partial {
        for (total, partial) in total.iter_mut().zip(partial) {
            *total += partial;
        }
    }
    total
}

/// What the gradient of the input takes from each channel.
struct Factors {
    scale: Vec<f32>,
    shift: Vec<f32>,
    input: Vec<f32>,
    constant: Vec<f32>,
}

on_level! {
    unsafe fn add_moments_on(values: &[f32], sums: &mut [f64]) = add_moments
}

// The functions below are plain Rust, which the compiler vectorizes for the level.

#[inline(always)]
unsafe fn add_moments<S: Vector>(values: &[f32], sums: &mut [f64]) {
    let channels = sums.len() / 2;
    let (first, second) = sums.split_at_mut(channels);
    for pixel in values.chunks_exact(channels) {
        for ((value, sum), squares) in pixel.iter().zip(&mut *first).zip(&mut *second) {
            let value = f64::from(*value);
            *sum += value;
            *squares += value * value;
        }
    }
}

on_level! {
    unsafe fn normalize_on(
        input: &[f32], scale: &[f32], shift: &[f32], rectifier: Option<Rectifier>, output: &mut [f32],
    ) = normalize
}

#[inline(always)]
unsafe fn normalize<S: Vector>(
    input: &[f32],
    scale: &[f32],
    shift: &[f32],
    rectifier: Option<Rectifier>,
    output: &mut [f32],
) {
    let channels = scale.len();
    let pixels = output.chunks_exact_mut(channels);
    for (output, input) in pixels.zip(input.chunks_exact(channels)) {
        let factors = scale.iter().zip(shift);
        for ((output, input), (scale, shift)) in output.iter_mut().zip(input).zip(factors) {
            let value = input * scale + shift;
            *output = rectifier.map_or(value, |rectifier| rectifier.apply(value));
        }
    }
}

on_level! {
    unsafe fn add_gradients_on(
        input: &[f32], gradient: &[f32], scale: &[f32], shift: &[f32], rectifier: Option<Rectifier>,
        sums: &mut [f64],
    ) = add_gradients
}

/// Adds the gradients, and their products with the input.
#[inline(always)]
unsafe fn add_gradients<S: Vector>(
    input: &[f32],
    gradient: &[f32],
    scale: &[f32],
    shift: &[f32],
    rectifier: Option<Rectifier>,
    sums: &mut [f64],
) {
    let channels = scale.len();
    let (first, second) = sums.split_at_mut(channels);
    let pixels = input.chunks_exact(channels);
    for (input, gradient) in pixels.zip(gradient.chunks_exact(channels)) {
        let factors = scale.iter().zip(shift);
        let sums = first.iter_mut().zip(second.iter_mut());
        let values = input.iter().zip(gradient).zip(factors);
        for (((input, gradient), (scale, shift)), (sum, products)) in values.zip(sums) {
            // As the forward pass computed it, to the bit.
            let value = input * scale + shift;
            let is_cut = rectifier.is_some_and(|rectifier| rectifier.cuts(value));
            let gradient = f64::from(if is_cut { 0.0 } else { *gradient });
            *sum += gradient;
            *products += gradient * f64::from(*input);
        }
    }
}

on_level! {
    unsafe fn input_gradient_on(
        input: &[f32], gradient: &[f32], factors: &Factors, rectifier: Option<Rectifier>, target: &mut [f32],
    ) = input_gradient
}

#[inline(always)]
unsafe fn input_gradient<S: Vector>(
    input: &[f32],
    gradient: &[f32],
    factors: &Factors,
    rectifier: Option<Rectifier>,
    target: &mut [f32],
) {
    let channels = factors.scale.len();
    let (scale, shift) = (&factors.scale[..channels], &factors.shift[..channels]);
    let (input_factor, constant) = (&factors.input[..channels], &factors.constant[..channels]);
    let pixels = input
        .chunks_exact(channels)
        .zip(gradient.chunks_exact(channels));
    for (target, (input, gradient)) in target.chunks_exact_mut(channels).zip(pixels) {
        for channel in 0..channels {
            let value = input[channel] * scale[channel] + shift[channel];
            let is_cut = rectifier.is_some_and(|rectifier| rectifier.cuts(value));
            let gradient = if is_cut { 0.0 } else { gradient[channel] };
            target[channel] = gradient * scale[channel]
                - (input[channel] * input_factor[channel] + constant[channel]);
        }
    }
}

// The kernel on tensors of the CPU, and as a node of the autodiff graph.

/// `input` lies channels last, and so does the output.
pub(crate) fn on_host<B: Host>(
    input: &ImageTensor<B>,
    weight: &FloatTensor<B>,
    bias: &FloatTensor<B>,
    eps: f64,
    rectifier: Option<Rectifier>,
) -> (FloatTensor<B>, Statistics) {
    let [batch, channels, ..] = input.sizes();
    let device = weight.device();
    let (weight, bias) = (Contiguous::<B>::new(weight), Contiguous::<B>::new(bias));
    let values = input.images().values;
    let statistics = statistics(Level::best(), values, channels, batch);
    let mut output = Buffer::take(values.len());
    forward(
        Level::best(),
        values,
        batch,
        &statistics,
        weight.slice(),
        bias.slice(),
        eps,
        rectifier,
        &mut output,
    );
    (input.like(output, &device), statistics)
}

/// Mean and unbiased variance as tensors.
pub(crate) fn moment_tensors<B: Host>(
    statistics: &Statistics,
    device: &Device<B>,
) -> [FloatTensor<B>; 2] {
    [&statistics.mean, &statistics.unbiased_variance]
        .map(|values| vec_tensor::<B>(values.clone(), [values.len()], device))
}

/// The output, the mean, the unbiased variance; gradients flow through the output only.
pub(crate) fn on_graph<B: Host, C: CheckpointStrategy>(
    input: &FloatTensor<Autodiff<B, C>>,
    weight: &FloatTensor<Autodiff<B, C>>,
    bias: &FloatTensor<Autodiff<B, C>>,
    eps: f64,
    rectifier: Option<Rectifier>,
) -> [FloatTensor<Autodiff<B, C>>; 3] {
    let images = ImageTensor::<B>::new(input.primitive()).channels_last();
    let (w, b) = (weight.primitive(), bias.primitive());
    let (output, statistics) = on_host::<B>(&images, w, b, eps, rectifier);
    let [mean, variance] = moment_tensors::<B>(&statistics, &w.device());
    let parents = [input, weight, bias];
    let output = tracked::<B, C, _, _>(BatchNormBackward, parents, output, |_| BatchNormState {
        input: images,
        weight: Contiguous::new(w),
        bias: Contiguous::new(b),
        statistics,
        eps,
        rectifier,
    });
    [
        output,
        Autodiff::<B, C>::from_inner(mean),
        Autodiff::<B, C>::from_inner(variance),
    ]
}

#[derive(Debug)]
struct BatchNormBackward;

#[derive(Debug, Clone)]
struct BatchNormState<B: Host> {
    /// Channels last.
    input: ImageTensor<B>,
    weight: Contiguous<B>,
    bias: Contiguous<B>,
    statistics: Statistics,
    eps: f64,
    rectifier: Option<Rectifier>,
}

impl<B: Host> Backward<B, 3> for BatchNormBackward {
    type State = BatchNormState<B>;

    fn backward(
        self,
        ops: Ops<Self::State, 3>,
        grads: &mut Gradients,
        _checkpointer: &mut Checkpointer,
    ) {
        let gradient = grads.consume::<B>(&ops.node);
        let [batch, channels, ..] = gradient.shape().dims::<4>();
        let state = ops.state;
        let gradients = backward(
            Level::best(),
            state.input.images().values,
            batch,
            &state.statistics,
            state.weight.slice(),
            state.bias.slice(),
            state.eps,
            state.rectifier,
            ImageTensor::<B>::new(&gradient)
                .channels_last()
                .images()
                .values,
        );
        let device = gradient.device();
        let gradients = [
            Some(state.input.like(gradients.input, &device)),
            Some(vec_tensor::<B>(gradients.weight, [channels], &device)),
            Some(vec_tensor::<B>(gradients.bias, [channels], &device)),
        ];
        register!(grads, B, ops.parents, gradients);
    }
}
