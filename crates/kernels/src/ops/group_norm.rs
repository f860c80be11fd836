//! Normalization of groups of channels of each sample, as `torch.nn.functional.group_norm`. A norm of
//! whole samples is one of a single group whose channels are single elements; a norm of instances has
//! as many groups as channels.

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops};
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, TensorMetadata};
use rayon::prelude::*;

use crate::core::buffer::Buffer;
use crate::core::node::{register, tracked};
use crate::core::parallel::{Pieces, chunk_size_with_sums, sum_over_chunks};
use crate::core::simd::Level;
use crate::core::tensor::{Contiguous, Host, buffer_tensor, vec_tensor};

/// Sizes of a group norm; a sample is `[channels, pixels]`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GroupNormGeometry {
    /// Channels of a sample; each has a weight and a bias.
    pub channels: usize,
    /// Elements of a channel.
    pub pixels: usize,
    /// Groups of channels that share their moments; must divide the channels.
    pub groups: usize,
    /// Added to the variance.
    pub eps: f64,
}

/// Gradients of a group norm.
#[derive(Debug)]
pub struct GroupNormGradients {
    /// The gradient of the input, in the input's order.
    pub input: Buffer,
    /// The gradient of the weight, one a channel.
    pub weight: Vec<f32>,
    /// The gradient of the bias, one a channel.
    pub bias: Vec<f32>,
}

impl GroupNormGeometry {
    fn sample_len(&self) -> usize {
        self.channels * self.pixels
    }

    fn group_len(&self) -> usize {
        self.sample_len() / self.groups
    }

    /// The channel of element `index` of group `group`.
    fn channel(&self, group: usize, index: usize) -> usize {
        group * (self.channels / self.groups) + index / self.pixels
    }

    /// Mean and 1 / deviation of a group.
    fn moments(&self, group: &[f32]) -> (f64, f64) {
        let count = group.len() as f64;
        let mean = sum(group.len(), |i| f64::from(group[i])) / count;
        let variance = sum(group.len(), |i| (f64::from(group[i]) - mean).powi(2)) / count;
        (mean, 1.0 / (variance + self.eps).sqrt())
    }
}

/// `(input - mean) / sqrt(variance + eps) * weight + bias`
pub fn forward(
    geometry: &GroupNormGeometry,
    input: &[f32],
    weight: &[f32],
    bias: &[f32],
    output: &mut [f32],
) {
    let length = geometry.group_len();
    let groups = output.par_chunks_mut(length).zip(input.par_chunks(length));
    groups.enumerate().for_each(|(index, (output, input))| {
        let group = index % geometry.groups;
        let (mean, scale) = geometry.moments(input);
        let (mean, scale) = (mean as f32, scale as f32);
        for (i, (output, x)) in output.iter_mut().zip(input).enumerate() {
            let channel = geometry.channel(group, i);
            *output = (x - mean) * scale * weight[channel] + bias[channel];
        }
    });
}

/// The gradients of [`forward`], the part of the moments included, given that of its output.
pub fn backward(
    level: Level,
    geometry: &GroupNormGeometry,
    input: &[f32],
    weight: &[f32],
    gradient: &[f32],
) -> GroupNormGradients {
    let (length, channels) = (geometry.sample_len(), geometry.channels);
    let batch = input.len() / length;
    let chunk = chunk_size_with_sums(batch, 2 * channels);
    let mut target = Buffer::take(input.len());
    let pieces = Pieces::new(Some(&mut target[..]), chunk * length);
    let sums = sum_over_chunks(level, batch.div_ceil(chunk), 2 * channels, |index, sums| {
        let target = pieces.take(index).expect("each chunk is taken once");
        let first = index * chunk * length;
        let group_len = geometry.group_len();
        let groups = target.chunks_exact_mut(group_len);
        let groups = groups
            .zip(input[first..].chunks_exact(group_len))
            .zip(gradient[first..].chunks_exact(group_len));
        for (index, ((target, input), gradient)) in groups.enumerate() {
            let group = index % geometry.groups;
            let (mean, scale) = geometry.moments(input);
            let channel = |i: usize| geometry.channel(group, i);
            let normalized = |i: usize| (f64::from(input[i]) - mean) * scale;
            let weighted = |i: usize| f64::from(gradient[i] * weight[channel(i)]);
            let count = group_len as f64;
            let plain = sum(group_len, weighted) / count;
            let along = sum(group_len, |i| weighted(i) * normalized(i)) / count;
            for i in 0..group_len {
                let x = normalized(i);
                target[i] = (scale * (weighted(i) - plain - x * along)) as f32;
                sums[channel(i)] += gradient[i] * x as f32;
                sums[channels + channel(i)] += gradient[i];
            }
        }
    });
    let (weight, bias) = sums.split_at(channels);
    GroupNormGradients {
        input: target,
        weight: weight.to_vec(),
        bias: bias.to_vec(),
    }
}

/// Sums in a fixed order that vectors can keep.
#[inline(always)]
fn sum(count: usize, term: impl Fn(usize) -> f64) -> f64 {
    const LANES: usize = 8;
    let mut lanes = [0.0; LANES];
    let whole = count - count % LANES;
    for start in (0..whole).step_by(LANES) {
        for (lane, sum) in lanes.iter_mut().enumerate() {
            *sum += term(start + lane);
        }
    }
    for i in whole..count {
        lanes[i - whole] += term(i);
    }
    lanes.iter().sum()
}

// The kernel on tensors of the CPU, and as a node of the autodiff graph.

pub(crate) fn on_host<B: Host>(
    input: &FloatTensor<B>,
    weight: &FloatTensor<B>,
    bias: &FloatTensor<B>,
    geometry: &GroupNormGeometry,
) -> FloatTensor<B> {
    let (values, weight) = (Contiguous::<B>::new(input), Contiguous::<B>::new(weight));
    let bias = Contiguous::<B>::new(bias);
    let mut output = Buffer::take(values.slice().len());
    let (weight, bias) = (weight.slice(), bias.slice());
    forward(geometry, values.slice(), weight, bias, &mut output);
    buffer_tensor::<B>(output, input.shape(), &input.device())
}

pub(crate) fn on_graph<B: Host, C: CheckpointStrategy>(
    input: &FloatTensor<Autodiff<B, C>>,
    weight: &FloatTensor<Autodiff<B, C>>,
    bias: &FloatTensor<Autodiff<B, C>>,
    geometry: &GroupNormGeometry,
) -> FloatTensor<Autodiff<B, C>> {
    let (x, w, b) = (input.primitive(), weight.primitive(), bias.primitive());
    let output = on_host::<B>(x, w, b, geometry);
    let parents = [input, weight, bias];
    tracked::<B, C, _, _>(GroupNormBackward, parents, output, |_| GroupNormState {
        input: Contiguous::new(x),
        weight: Contiguous::new(w),
        geometry: *geometry,
    })
}

#[derive(Debug)]
struct GroupNormBackward;

#[derive(Debug, Clone)]
struct GroupNormState<B: Host> {
    input: Contiguous<B>,
    weight: Contiguous<B>,
    geometry: GroupNormGeometry,
}

impl<B: Host> Backward<B, 3> for GroupNormBackward {
    type State = GroupNormState<B>;

    fn backward(
        self,
        ops: Ops<Self::State, 3>,
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
        let channels = [state.geometry.channels];
        let gradients = [
            Some(buffer_tensor::<B>(gradients.input, shape, &device)),
            Some(vec_tensor::<B>(gradients.weight, channels, &device)),
            Some(vec_tensor::<B>(gradients.bias, channels, &device)),
        ];
        register!(grads, B, ops.parents, gradients);
    }
}
