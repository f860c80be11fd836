//! ReLU with learned slopes below 0, as `torch.nn.PReLU`.

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops};
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, TensorMetadata};
use rayon::prelude::*;

use crate::core::buffer::Buffer;
use crate::core::node::{register, tracked};
use crate::core::parallel::{Pieces, chunk_size, sum_over_chunks};
use crate::core::simd::Level;
use crate::core::tensor::{Contiguous, Host, buffer_tensor, vec_tensor};

/// Sizes of a PReLU; a sample is `[channels, pixels]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PreluGeometry {
    /// Channels of a sample.
    pub channels: usize,
    /// Elements of a channel.
    pub pixels: usize,
}

/// Gradients of a PReLU.
#[derive(Debug)]
pub struct PreluGradients {
    /// The gradient of the input, in the input's order.
    pub input: Buffer,
    /// The gradient of the slopes, as many as there are.
    pub weight: Vec<f32>,
}

impl PreluGeometry {
    fn sample_len(&self) -> usize {
        self.channels * self.pixels
    }
}

/// `weight` is one slope, or one a channel.
pub fn forward(geometry: &PreluGeometry, input: &[f32], weight: &[f32], output: &mut [f32]) {
    output
        .par_chunks_mut(geometry.sample_len())
        .zip(input.par_chunks(geometry.sample_len()))
        .for_each(|(output, input)| {
            let channels = output.chunks_exact_mut(geometry.pixels);
            let channels = channels.zip(input.chunks_exact(geometry.pixels));
            for ((output, input), slope) in channels.zip(weight.iter().cycle()) {
                for (output, x) in output.iter_mut().zip(input) {
                    *output = if *x > 0.0 { *x } else { slope * x };
                }
            }
        });
}

/// The gradients of [`forward`], given that of its output.
pub fn backward(
    level: Level,
    geometry: &PreluGeometry,
    input: &[f32],
    weight: &[f32],
    gradient: &[f32],
) -> PreluGradients {
    let length = geometry.sample_len();
    let batch = input.len() / length;
    let chunk = chunk_size(batch);
    let mut target = Buffer::take(input.len());
    let pieces = Pieces::new(Some(&mut target[..]), chunk * length);
    let sums = sum_over_chunks(level, batch.div_ceil(chunk), weight.len(), |index, sums| {
        let target = pieces.take(index).expect("each chunk is taken once");
        let samples = target.chunks_exact_mut(length);
        for (sample, target) in (index * chunk..).zip(samples) {
            for channel in 0..geometry.channels {
                let start = channel * geometry.pixels;
                let place = sample * length + start;
                let input = &input[place..][..geometry.pixels];
                let gradient = &gradient[place..][..geometry.pixels];
                let target = &mut target[start..][..geometry.pixels];
                let slope = weight[channel % weight.len()];
                let mut sum = 0.0;
                for ((target, x), dy) in target.iter_mut().zip(input).zip(gradient) {
                    let is_positive = *x > 0.0;
                    *target = if is_positive { *dy } else { slope * dy };
                    sum += if is_positive { 0.0 } else { dy * x };
                }
                sums[channel % weight.len()] += sum;
            }
        }
    });
    PreluGradients {
        input: target,
        weight: sums,
    }
}

// The kernel on tensors of the CPU, and as a node of the autodiff graph.

pub(crate) fn on_host<B: Host>(
    input: &FloatTensor<B>,
    weight: &FloatTensor<B>,
    geometry: &PreluGeometry,
) -> FloatTensor<B> {
    let (values, weight) = (Contiguous::<B>::new(input), Contiguous::<B>::new(weight));
    let mut output = Buffer::take(values.slice().len());
    forward(geometry, values.slice(), weight.slice(), &mut output);
    buffer_tensor::<B>(output, input.shape(), &input.device())
}

pub(crate) fn on_graph<B: Host, C: CheckpointStrategy>(
    input: &FloatTensor<Autodiff<B, C>>,
    weight: &FloatTensor<Autodiff<B, C>>,
    geometry: &PreluGeometry,
) -> FloatTensor<Autodiff<B, C>> {
    let (x, w) = (input.primitive(), weight.primitive());
    let output = on_host::<B>(x, w, geometry);
    let parents = [input, weight];
    tracked::<B, C, _, _>(PreluBackward, parents, output, |_| PreluState {
        input: Contiguous::new(x),
        weight: Contiguous::new(w),
        geometry: *geometry,
    })
}

#[derive(Debug)]
struct PreluBackward;

#[derive(Debug, Clone)]
struct PreluState<B: Host> {
    input: Contiguous<B>,
    weight: Contiguous<B>,
    geometry: PreluGeometry,
}

impl<B: Host> Backward<B, 2> for PreluBackward {
    type State = PreluState<B>;

    fn backward(
        self,
        ops: Ops<Self::State, 2>,
        grads: &mut Gradients,
        _checkpointer: &mut Checkpointer,
    ) {
        let gradient = grads.consume::<B>(&ops.node);
        let state = ops.state;
        let gradients = backward(
            Level::best(),
            &state.geometry,
            state.input.slice(),
            state.weight.slice(),
            Contiguous::<B>::new(&gradient).slice(),
        );
        let (shape, device) = (gradient.shape(), gradient.device());
        let slopes = gradients.weight.len();
        let gradients = [
            Some(buffer_tensor::<B>(gradients.input, shape, &device)),
            Some(vec_tensor::<B>(gradients.weight, [slopes], &device)),
        ];
        register!(grads, B, ops.parents, gradients);
    }
}
