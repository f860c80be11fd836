//! The sum of two branches, then ReLU or ReLU6 where one is asked for.

use burn::backend::Autodiff;
use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops};
use burn::backend::tensor::FloatTensor;
use rayon::prelude::*;

use crate::core::buffer::Buffer;
use crate::core::node::{register, tracked};
use crate::core::rectifier::Rectifier;
use crate::core::tensor::{Host, Stored};

/// Numbers that are one task.
const PIECE: usize = 16384;

/// `output = one + other`, then the rectifier.
pub fn forward(one: &[f32], other: &[f32], rectifier: Option<Rectifier>, output: &mut [f32]) {
    output
        .par_chunks_mut(PIECE)
        .zip(one.par_chunks(PIECE))
        .zip(other.par_chunks(PIECE))
        .for_each(|((output, one), other)| {
            for ((output, one), other) in output.iter_mut().zip(one).zip(other) {
                let sum = one + other;
                *output = rectifier.map_or(sum, |rectifier| rectifier.apply(sum));
            }
        });
}

/// The gradient of either branch, given that of the output, and what came out of the rectifier.
pub fn backward(rectifier: Rectifier, gradient: &[f32], output: &[f32], target: &mut [f32]) {
    target
        .par_chunks_mut(PIECE)
        .zip(gradient.par_chunks(PIECE))
        .zip(output.par_chunks(PIECE))
        .for_each(|((target, gradient), output)| {
            for ((target, gradient), output) in target.iter_mut().zip(gradient).zip(output) {
                *target = if rectifier.cuts(*output) {
                    0.0
                } else {
                    *gradient
                };
            }
        });
}

// The kernel on tensors of the CPU, and as a node of the autodiff graph.

pub(crate) fn on_host<B: Host>(
    one: &FloatTensor<B>,
    other: &FloatTensor<B>,
    rectifier: Option<Rectifier>,
) -> FloatTensor<B> {
    let one = Stored::<B>::new(one);
    let other = one.alike(other);
    let mut output = Buffer::take(one.values().len());
    forward(one.values(), other.values(), rectifier, &mut output);
    one.like(output)
}

/// The gradient of either branch of a [`on_host`] with a rectifier.
pub(crate) fn backward_on_host<B: Host>(
    rectifier: Rectifier,
    output: &Stored<B>,
    gradient: &FloatTensor<B>,
) -> FloatTensor<B> {
    let gradient = output.alike(gradient);
    let mut target = Buffer::take(output.values().len());
    backward(rectifier, gradient.values(), output.values(), &mut target);
    output.like(target)
}

pub(crate) fn on_graph<B: Host, C: CheckpointStrategy>(
    one: &FloatTensor<Autodiff<B, C>>,
    other: &FloatTensor<Autodiff<B, C>>,
    rectifier: Option<Rectifier>,
) -> FloatTensor<Autodiff<B, C>> {
    let output = on_host::<B>(one.primitive(), other.primitive(), rectifier);
    let parents = [one, other];
    tracked::<B, C, _, _>(ResidualBackward, parents, output, |output| {
        rectifier.map(|rectifier| (rectifier, Stored::new(output)))
    })
}

#[derive(Debug)]
struct ResidualBackward;

impl<B: Host> Backward<B, 2> for ResidualBackward {
    /// The rectifier, and what came out of it.
    type State = Option<(Rectifier, Stored<B>)>;

    fn backward(
        self,
        ops: Ops<Self::State, 2>,
        grads: &mut Gradients,
        _checkpointer: &mut Checkpointer,
    ) {
        let gradient = grads.consume::<B>(&ops.node);
        let gradient = match ops.state {
            Some((rectifier, output)) => backward_on_host::<B>(rectifier, &output, &gradient),
            None => gradient,
        };
        let gradients = [Some(gradient.clone()), Some(gradient)];
        register!(grads, B, ops.parents, gradients);
    }
}
