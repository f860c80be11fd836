//! The sum of two branches, then ReLU where it is asked for.

use burn::backend::Autodiff;
use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops};
use burn::backend::tensor::FloatTensor;
use rayon::prelude::*;

use crate::core::buffer::Buffer;
use crate::core::node::{register, tracked};
use crate::core::tensor::{Host, Stored};

/// Numbers that are one task.
const PIECE: usize = 16384;

/// `output = one + other`
pub fn forward(one: &[f32], other: &[f32], relu: bool, output: &mut [f32]) {
    output
        .par_chunks_mut(PIECE)
        .zip(one.par_chunks(PIECE))
        .zip(other.par_chunks(PIECE))
        .for_each(|((output, one), other)| {
            for ((output, one), other) in output.iter_mut().zip(one).zip(other) {
                let sum = one + other;
                *output = if relu && sum < 0.0 { 0.0 } else { sum };
            }
        });
}

/// The gradient of either branch, given that of the output and, with ReLU, what came out of it.
pub fn backward(gradient: &[f32], output: &[f32], target: &mut [f32]) {
    target
        .par_chunks_mut(PIECE)
        .zip(gradient.par_chunks(PIECE))
        .zip(output.par_chunks(PIECE))
        .for_each(|((target, gradient), output)| {
            for ((target, gradient), output) in target.iter_mut().zip(gradient).zip(output) {
                *target = if *output > 0.0 { *gradient } else { 0.0 };
            }
        });
}

// The kernel on tensors of the CPU, and as a node of the autodiff graph.

pub(crate) fn on_host<B: Host>(
    one: &FloatTensor<B>,
    other: &FloatTensor<B>,
    relu: bool,
) -> FloatTensor<B> {
    let one = Stored::<B>::new(one);
    let other = one.alike(other);
    let mut output = Buffer::take(one.values().len());
    forward(one.values(), other.values(), relu, &mut output);
    one.like(output)
}

/// The gradient of either branch of a [`on_host`] with ReLU.
pub(crate) fn backward_on_host<B: Host>(
    output: &Stored<B>,
    gradient: &FloatTensor<B>,
) -> FloatTensor<B> {
    let gradient = output.alike(gradient);
    let mut target = Buffer::take(output.values().len());
    backward(gradient.values(), output.values(), &mut target);
    output.like(target)
}

pub(crate) fn on_graph<B: Host, C: CheckpointStrategy>(
    one: &FloatTensor<Autodiff<B, C>>,
    other: &FloatTensor<Autodiff<B, C>>,
    relu: bool,
) -> FloatTensor<Autodiff<B, C>> {
    let output = on_host::<B>(one.primitive(), other.primitive(), relu);
    let parents = [one, other];
    tracked::<B, C, _, _>(ResidualBackward, parents, output, |output| {
        relu.then(|| Stored::new(output))
    })
}

#[derive(Debug)]
struct ResidualBackward;

impl<B: Host> Backward<B, 2> for ResidualBackward {
    /// With ReLU: what came out of it.
    type State = Option<Stored<B>>;

    fn backward(
        self,
        ops: Ops<Self::State, 2>,
        grads: &mut Gradients,
        _checkpointer: &mut Checkpointer,
    ) {
        let gradient = grads.consume::<B>(&ops.node);
        let gradient = match ops.state {
            Some(output) => backward_on_host::<B>(&output, &gradient),
            None => gradient,
        };
        let gradients = [Some(gradient.clone()), Some(gradient)];
        register!(grads, B, ops.parents, gradients);
    }
}
