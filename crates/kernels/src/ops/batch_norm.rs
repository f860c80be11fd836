//! Batch normalization in training, then ReLU or ReLU6 where one is asked for; images lie channels last.
//!
//! Sums over the batch are in double precision, so that the variance is exact enough
//! as the mean of squares less the square of the mean.

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops};
use burn::backend::tensor::{Device, FloatTensor};
use burn::backend::{Autodiff, AutodiffBackend, TensorMetadata};
use rayon::prelude::*;

use crate::core::affine::Affine;
use crate::core::buffer::Buffer;
use crate::core::node::{register, tracked};
use crate::core::parallel::Pieces;
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
    let mut sums = ImageSums::new(batch, channels);
    let images = values.par_chunks(values.len() / batch);
    sums.of_images().zip(images).for_each(|(sums, image)| {
        // SAFETY: the function works on slices only; the level is one of this processor.
        unsafe { add_moments_on(level, image, sums) }
    });
    let sums = sums.total();
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

/// What a batch norm in training is besides its tensors.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct NormOptions {
    /// Is added to the variance.
    pub eps: f64,
    /// What comes after the norm.
    pub rectifier: Option<Rectifier>,
}

/// A batch norm with the statistics of one batch.
#[derive(Debug, Clone, Copy)]
pub struct Norm<'a> {
    /// Of the batch.
    pub statistics: &'a Statistics,
    /// One a channel.
    pub weight: &'a [f32],
    /// One a channel.
    pub bias: &'a [f32],
    /// All else.
    pub options: NormOptions,
}

impl Norm<'_> {
    /// `(x - mean) / sqrt(variance + eps) * weight + bias` as one product and one sum.
    pub(super) fn affine(&self, level: Level) -> Affine {
        let Statistics { mean, variance, .. } = self.statistics;
        let moments = mean.iter().zip(variance);
        let channels = moments.zip(self.weight.iter().zip(self.bias));
        let (scale, shift) = channels
            .map(|((mean, variance), (weight, bias))| {
                let scale = f64::from(*weight) / (f64::from(*variance) + self.options.eps).sqrt();
                let shift = f64::from(*bias) - f64::from(*mean) * scale;
                (scale as f32, shift as f32)
            })
            .unzip();
        Affine {
            level,
            scale,
            shift,
            rectifier: self.options.rectifier,
        }
    }
}

/// `(input - mean) / sqrt(variance + eps) * weight + bias`, then ReLU or ReLU6 where one is asked for.
pub fn forward(level: Level, input: &[f32], norm: Norm<'_>, output: &mut [f32]) {
    let affine = norm.affine(level);
    let piece = norm.weight.len() * PIECE.div_ceil(norm.weight.len());
    output
        .par_chunks_mut(piece)
        .zip(input.par_chunks(piece))
        .for_each(|(output, input)| affine.write(input, output));
}

/// The gradients of [`forward`], the statistics' part included, given that of its output.
pub fn backward(
    level: Level,
    input: &[f32],
    batch: usize,
    norm: Norm<'_>,
    gradient: &[f32],
) -> BatchNormGradients {
    let mut target = Buffer::take(gradient.len());
    target
        .par_chunks_mut(PIECE)
        .zip(gradient.par_chunks(PIECE))
        .for_each(|(target, gradient)| target.copy_from_slice(gradient));
    backward_in_place(level, input, batch, norm, target)
}

/// As [`backward`]; the gradient of the input takes the place of that of the output.
fn backward_in_place(
    level: Level,
    input: &[f32],
    batch: usize,
    norm: Norm<'_>,
    gradient: Buffer,
) -> BatchNormGradients {
    let affine = norm.affine(level);
    let mut sums = ImageSums::new(batch, norm.weight.len());
    let image_len = input.len() / batch;
    let pairs = input
        .par_chunks(image_len)
        .zip(gradient.par_chunks(image_len));
    sums.of_images()
        .zip(pairs)
        .for_each(|(sums, (input, gradient))| {
            add_gradients(&affine, input, gradient, sums);
        });
    backward_of_sums(input, norm, affine, &sums, gradient)
}

/// Adds what the gradient of one image's output gives to its sums.
pub(super) fn add_gradients(affine: &Affine, input: &[f32], gradient: &[f32], sums: &mut [f64]) {
    // SAFETY: the function works on slices only; the level is one of this processor.
    unsafe { add_gradients_on(affine.level, input, gradient, affine, sums) }
}

/// As [`backward_in_place`], once the sums of [`add_gradients`] are there.
pub(super) fn backward_of_sums(
    input: &[f32],
    norm: Norm<'_>,
    affine: Affine,
    sums: &ImageSums,
    mut gradient: Buffer,
) -> BatchNormGradients {
    let (level, channels) = (affine.level, norm.weight.len());
    let sums = sums.total();
    let (gradients, products) = sums.split_at(channels);
    let count = (input.len() / channels) as f64;
    let mut factors = Factors {
        affine,
        input: Vec::with_capacity(channels),
        constant: Vec::with_capacity(channels),
    };
    let mut weight_gradient = Vec::with_capacity(channels);
    for channel in 0..channels {
        let mean = f64::from(norm.statistics.mean[channel]);
        let deviation = (f64::from(norm.statistics.variance[channel]) + norm.options.eps).sqrt();
        // Σ gradient * normalized input
        let product = (products[channel] - mean * gradients[channel]) / deviation;
        weight_gradient.push(product as f32);
        let scale = f64::from(norm.weight[channel]) / deviation;
        let input = scale * product / count / deviation;
        factors.input.push(input as f32);
        let constant = scale * gradients[channel] / count - mean * input;
        factors.constant.push(constant as f32);
    }
    let piece = channels * PIECE.div_ceil(channels);
    gradient
        .par_chunks_mut(piece)
        .zip(input.par_chunks(piece))
        .for_each(|(gradient, input)| {
            // SAFETY: the function works on slices only; the level is one of this processor.
            unsafe { input_gradient_on(level, input, &factors, gradient) }
        });
    BatchNormGradients {
        input: gradient,
        weight: weight_gradient,
        bias: gradients.iter().map(|sum| *sum as f32).collect(),
    }
}

/// Numbers of one task, about, where nothing is summed.
const PIECE: usize = 16384;

/// Two sums a channel, over the pixels of each image and then over the images in their order: whoever gathers them, the bits
/// are the same.
#[derive(Debug)]
pub(super) struct ImageSums {
    channels: usize,
    /// `[image][2][channel]`
    sums: Vec<f64>,
}

impl ImageSums {
    pub fn new(batch: usize, channels: usize) -> Self {
        Self {
            channels,
            sums: vec![0.0; batch * 2 * channels],
        }
    }

    /// Those of each image.
    pub fn of_images(&mut self) -> impl IndexedParallelIterator<Item = &mut [f64]> {
        self.sums.par_chunks_exact_mut(2 * self.channels)
    }

    /// Those of each image, to be taken once from any thread.
    pub fn pieces(&mut self) -> Pieces<'_, f64> {
        Pieces::new(Some(&mut self.sums), 2 * self.channels)
    }

    /// Those of the batch.
    fn total(&self) -> Vec<f64> {
        let mut total = vec![0.0; 2 * self.channels];
        for image in self.sums.chunks_exact(2 * self.channels) {
            for (total, sum) in total.iter_mut().zip(image) {
                *total += sum;
            }
        }
        total
    }
}

/// What the gradient of the input takes from each channel.
struct Factors {
    affine: Affine,
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
    unsafe fn add_gradients_on(input: &[f32], gradient: &[f32], affine: &Affine, sums: &mut [f64])
        = add_gradients_generic
}

/// Adds the gradients, and their products with the input.
#[inline(always)]
unsafe fn add_gradients_generic<S: Vector>(
    input: &[f32],
    gradient: &[f32],
    affine: &Affine,
    sums: &mut [f64],
) {
    let Affine {
        scale,
        shift,
        rectifier,
        ..
    } = affine;
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
    unsafe fn input_gradient_on(input: &[f32], factors: &Factors, gradient: &mut [f32])
        = input_gradient
}

/// Puts the gradient of the input in the place of that of the output.
#[inline(always)]
unsafe fn input_gradient<S: Vector>(input: &[f32], factors: &Factors, gradient: &mut [f32]) {
    let Affine {
        scale,
        shift,
        rectifier,
        ..
    } = &factors.affine;
    let channels = scale.len();
    let (scale, shift) = (&scale[..channels], &shift[..channels]);
    let (input_factor, constant) = (&factors.input[..channels], &factors.constant[..channels]);
    let pixels = input.chunks_exact(channels);
    for (gradient, input) in gradient.chunks_exact_mut(channels).zip(pixels) {
        for channel in 0..channels {
            let value = input[channel] * scale[channel] + shift[channel];
            let is_cut = rectifier.is_some_and(|rectifier| rectifier.cuts(value));
            let passed = if is_cut { 0.0 } else { gradient[channel] };
            gradient[channel] = passed * scale[channel]
                - (input[channel] * input_factor[channel] + constant[channel]);
        }
    }
}

// The kernel on tensors of the CPU, and as a node of the autodiff graph.

/// The output, and the norm with what it found; `input` lies channels last, and so does the output.
pub(crate) fn on_host<B: Host>(
    input: &ImageTensor<B>,
    weight: &FloatTensor<B>,
    bias: &FloatTensor<B>,
    options: NormOptions,
) -> (FloatTensor<B>, NormState<B>) {
    let norm = NormState::new(input, [weight, bias], options);
    let values = input.images().values;
    let mut output = Buffer::take(values.len());
    forward(Level::best(), values, norm.norm(), &mut output);
    (input.like(output, &input.device()), norm)
}

/// The output, the mean, the unbiased variance; gradients flow through the output only.
pub(crate) fn on_graph<B: Host, C: CheckpointStrategy>(
    input: &FloatTensor<Autodiff<B, C>>,
    weight: &FloatTensor<Autodiff<B, C>>,
    bias: &FloatTensor<Autodiff<B, C>>,
    options: NormOptions,
) -> [FloatTensor<Autodiff<B, C>>; 3] {
    let images = ImageTensor::<B>::new(input.primitive()).channels_last();
    let (w, b) = (weight.primitive(), bias.primitive());
    let (output, norm) = on_host::<B>(&images, w, b, options);
    let [mean, variance] = norm.moment_tensors(&w.device());
    let parents = [input, weight, bias];
    let output = tracked::<B, C, _, _>(BatchNormBackward, parents, output, |_| BatchNormState {
        input: images,
        norm,
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
    norm: NormState<B>,
}

/// A batch norm as nodes of the graph remember it.
#[derive(Debug, Clone)]
pub(crate) struct NormState<B: Host> {
    weight: Contiguous<B>,
    bias: Contiguous<B>,
    statistics: Statistics,
    options: NormOptions,
}

impl<B: Host> NormState<B> {
    /// Gathers the statistics of `input`, which lies channels last.
    pub fn new(
        input: &ImageTensor<B>,
        [weight, bias]: [&FloatTensor<B>; 2],
        options: NormOptions,
    ) -> Self {
        let [batch, channels, ..] = input.sizes();
        let values = input.images().values;
        Self {
            weight: Contiguous::new(weight),
            bias: Contiguous::new(bias),
            statistics: statistics(Level::best(), values, channels, batch),
            options,
        }
    }

    /// Mean and unbiased variance as tensors.
    pub fn moment_tensors(&self, device: &Device<B>) -> [FloatTensor<B>; 2] {
        [&self.statistics.mean, &self.statistics.unbiased_variance]
            .map(|values| vec_tensor::<B>(values.clone(), [values.len()], device))
    }

    pub fn norm(&self) -> Norm<'_> {
        Norm {
            statistics: &self.statistics,
            weight: self.weight.slice(),
            bias: self.bias.slice(),
            options: self.options,
        }
    }
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
        let device = gradient.device();
        let BatchNormState { input, norm } = ops.state;
        let gradient = ImageTensor::<B>::new(&gradient).channels_last();
        let gradients = backward(
            Level::best(),
            input.images().values,
            input.sizes()[0],
            norm.norm(),
            gradient.images().values,
        );
        let gradients = gradient_tensors(gradients, &input, &device);
        register!(grads, B, ops.parents, gradients);
    }
}

/// Gradients of a batch norm as tensors: input, weight, bias.
pub(super) fn gradient_tensors<B: Host>(
    gradients: BatchNormGradients,
    input: &ImageTensor<B>,
    device: &Device<B>,
) -> [Option<FloatTensor<B>>; 3] {
    let channels = gradients.weight.len();
    [
        Some(input.like(gradients.input, device)),
        Some(vec_tensor::<B>(gradients.weight, [channels], device)),
        Some(vec_tensor::<B>(gradients.bias, [channels], device)),
    ]
}
