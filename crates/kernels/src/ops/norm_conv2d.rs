//! Batch normalization in training, ReLU or ReLU6 where one is asked for, and a 2d convolution of what they give. Only the
//! input is kept: the convolution computes what it reads, in the forward pass and again in the backward pass, while it lays
//! images into its frames.

use burn::backend::Autodiff;
use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops};
use burn::backend::tensor::FloatTensor;
use burn::backend::{AutodiffBackend, TensorMetadata};

use super::batch_norm::{self, BatchNormGradients, ImageSums, Norm, NormOptions, NormState};
use super::conv2d::{self, Conv2dGradients, Input};
use crate::core::buffer::Buffer;
use crate::core::geometry::Conv2dGeometry;
use crate::core::image::Images;
use crate::core::node::{register, tracked};
use crate::core::rectifier::Rectifier;
use crate::core::simd::Level;
use crate::core::tensor::{Contiguous, Host, ImageTensor};

/// `conv2d(rectifier(norm(input)), weight) + bias`, then ReLU or ReLU6 where one is asked for; `input` lies channels last, as
/// does `output`.
pub fn forward(
    level: Level,
    geometry: &Conv2dGeometry,
    input: &[f32],
    norm: Norm<'_>,
    weight: &[f32],
    bias: Option<&[f32]>,
    rectifier: Option<Rectifier>,
    output: &mut [f32],
) {
    let affine = norm.affine(level);
    let input = Input::through(&affine, input);
    conv2d::forward(level, geometry, input, weight, bias, rectifier, output);
}

/// The gradients of [`forward`], given that of its output: those of input and norm, then those of the convolution, whose own
/// input has none any more.
///
/// `rectified` is the rectifier after the convolution, if any, with what [`forward`] gave.
pub fn backward(
    level: Level,
    geometry: &Conv2dGeometry,
    input: &[f32],
    norm: Norm<'_>,
    weight: &[f32],
    rectified: Option<(Rectifier, &[f32])>,
    gradient: Images<'_>,
) -> (BatchNormGradients, Conv2dGradients) {
    let batch = gradient.values.len() / geometry.output_len();
    let affine = norm.affine(level);
    let normalized = Input::through(&affine, input);
    let image_len = input.len() / batch;
    let mut sums = ImageSums::new(batch, norm.weight.len());
    let pieces = sums.pieces();
    let note = |first: usize, gradients: &[f32]| {
        let images = input[first * image_len..].chunks_exact(image_len);
        let pairs = images.zip(gradients.chunks_exact(image_len));
        for (sample, (image, gradient)) in (first..).zip(pairs) {
            let sums = pieces.take(sample).expect("there are sums of each image");
            batch_norm::add_gradients(&affine, image, gradient, sums);
        }
    };
    let mut conv2d = conv2d::backward_noting(
        level,
        geometry,
        normalized,
        weight,
        rectified,
        gradient,
        Some(note),
    );
    let gradient = conv2d.input.take();
    let gradient = gradient.expect("the gradient of the input was asked for");
    drop(pieces);
    let norm = batch_norm::backward_of_sums(input, norm, affine, &sums, gradient);
    (norm, conv2d)
}

// The kernel on tensors of the CPU, and as a node of the autodiff graph.

/// The output, and the norm with what it found; `input` lies channels last.
pub(crate) fn on_host<B: Host>(
    input: &ImageTensor<B>,
    norm: [&FloatTensor<B>; 2],
    options: NormOptions,
    [weight, bias]: [&FloatTensor<B>; 2],
    geometry: &Conv2dGeometry,
    rectifier: Option<Rectifier>,
) -> (FloatTensor<B>, NormState<B>) {
    let values = input.images().values;
    let norm = NormState::new(input, norm, options);
    let (weight, bias) = (Contiguous::<B>::new(weight), Contiguous::<B>::new(bias));
    let mut output = Buffer::take(input.sizes()[0] * geometry.output_len());
    forward(
        Level::best(),
        geometry,
        values,
        norm.norm(),
        weight.slice(),
        Some(bias.slice()),
        rectifier,
        &mut output,
    );
    let output = conv2d::output_tensor::<B>(output, geometry, &input.device());
    (output, norm)
}

/// The output, the mean, the unbiased variance; gradients flow through the output only.
pub(crate) fn on_graph<B: Host, C: CheckpointStrategy>(
    input: &FloatTensor<Autodiff<B, C>>,
    norm: [&FloatTensor<Autodiff<B, C>>; 2],
    options: NormOptions,
    conv2d: [&FloatTensor<Autodiff<B, C>>; 2],
    geometry: &Conv2dGeometry,
    rectifier: Option<Rectifier>,
) -> [FloatTensor<Autodiff<B, C>>; 3] {
    let images = ImageTensor::<B>::new(input.primitive()).channels_last();
    let (output, norm_state) = on_host::<B>(
        &images,
        norm.map(|tensor| tensor.primitive()),
        options,
        conv2d.map(|tensor| tensor.primitive()),
        geometry,
        rectifier,
    );
    let [mean, variance] = norm_state.moment_tensors(&output.device());
    let parents = [input, norm[0], norm[1], conv2d[0], conv2d[1]];
    let output = tracked::<B, C, _, _>(NormConv2dBackward, parents, output, |output| {
        NormConv2dState {
            input: images,
            norm: norm_state,
            weight: Contiguous::new(conv2d[0].primitive()),
            rectified: rectifier.map(|rectifier| (rectifier, ImageTensor::new(output))),
            geometry: *geometry,
        }
    });
    [
        output,
        Autodiff::<B, C>::from_inner(mean),
        Autodiff::<B, C>::from_inner(variance),
    ]
}

#[derive(Debug)]
struct NormConv2dBackward;

#[derive(Debug, Clone)]
struct NormConv2dState<B: Host> {
    /// Channels last.
    input: ImageTensor<B>,
    norm: NormState<B>,
    weight: Contiguous<B>,
    /// The rectifier after the convolution, and what came out of it.
    rectified: Option<(Rectifier, ImageTensor<B>)>,
    geometry: Conv2dGeometry,
}

impl<B: Host> Backward<B, 5> for NormConv2dBackward {
    type State = NormConv2dState<B>;

    fn backward(
        self,
        ops: Ops<Self::State, 5>,
        grads: &mut Gradients,
        _checkpointer: &mut Checkpointer,
    ) {
        let gradient = grads.consume::<B>(&ops.node);
        let state = ops.state;
        let rectified = state.rectified.as_ref();
        let rectified = rectified.map(|(rectifier, output)| (*rectifier, output.images().values));
        let (norm, conv2d) = backward(
            Level::best(),
            &state.geometry,
            state.input.images().values,
            state.norm.norm(),
            state.weight.slice(),
            rectified,
            ImageTensor::<B>::new(&gradient).images(),
        );
        let device = gradient.device();
        let norm = batch_norm::gradient_tensors(norm, &state.input, &device);
        let [_, weight, bias] = conv2d::gradient_tensors::<B>(conv2d, &state.geometry, &device);
        let gradients = norm.into_iter().chain([weight, bias]);
        register!(grads, B, ops.parents, gradients);
    }
}
