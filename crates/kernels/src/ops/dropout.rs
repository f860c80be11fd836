//! Dropout with a mask that is a pure function of (seed, step, layer, index).

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops};
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, TensorMetadata};
use rayon::prelude::*;
use runner_random::DropoutMask;

use crate::core::buffer::Buffer;
use crate::core::node::{register, tracked};
use crate::core::simd::{Level, Vector, on_level};
use crate::core::tensor::{Contiguous, Host, buffer_tensor};

/// Elements that are one task.
const PIECE: usize = 32768;

/// `output = input * factor`, where the factor of element `i` is that of the mask.
///
/// The gradient goes back by the same call.
pub fn apply(level: Level, mask: &DropoutMask, input: &[f32], output: &mut [f32]) {
    output
        .par_chunks_mut(PIECE)
        .zip(input.par_chunks(PIECE))
        .enumerate()
        .for_each(|(piece, (output, input))| {
            // SAFETY: the function works on slices only; the level is one of this processor.
            unsafe { apply_on(level, mask, piece * PIECE, input, output) }
        });
}

on_level! {
    unsafe fn apply_on(
        mask: &DropoutMask, start: usize, input: &[f32], output: &mut [f32],
    ) = apply_generic
}

/// Plain Rust, which the compiler vectorizes for the level.
#[inline(always)]
unsafe fn apply_generic<S: Vector>(
    mask: &DropoutMask,
    start: usize,
    input: &[f32],
    output: &mut [f32],
) {
    mask.apply(start, input, output);
}

/// The factors of the elements from `start` on.
pub fn factors(level: Level, mask: &DropoutMask, start: usize, factors: &mut [f32]) {
    // SAFETY: the function works on slices only; the level is one of this processor.
    unsafe { factors_on(level, mask, start, factors) }
}

on_level! {
    unsafe fn factors_on(mask: &DropoutMask, start: usize, factors: &mut [f32]) = factors_generic
}

#[inline(always)]
unsafe fn factors_generic<S: Vector>(mask: &DropoutMask, start: usize, factors: &mut [f32]) {
    mask.write_factors(start, factors);
}

// The kernel on tensors of the CPU, and as a node of the autodiff graph.

/// Forward and backward are the same.
pub(crate) fn on_host<B: Host>(input: &FloatTensor<B>, mask: &DropoutMask) -> FloatTensor<B> {
    let values = Contiguous::<B>::new(input);
    let mut output = Buffer::take(values.slice().len());
    apply(Level::best(), mask, values.slice(), &mut output);
    buffer_tensor::<B>(output, input.shape(), &input.device())
}

pub(crate) fn on_graph<B: Host, C: CheckpointStrategy>(
    input: &FloatTensor<Autodiff<B, C>>,
    mask: &DropoutMask,
) -> FloatTensor<Autodiff<B, C>> {
    let output = on_host::<B>(input.primitive(), mask);
    tracked::<B, C, _, _>(DropoutBackward, [input], output, |_| *mask)
}

#[derive(Debug)]
struct DropoutBackward;

impl<B: Host> Backward<B, 1> for DropoutBackward {
    type State = DropoutMask;

    fn backward(
        self,
        ops: Ops<Self::State, 1>,
        grads: &mut Gradients,
        _checkpointer: &mut Checkpointer,
    ) {
        let gradient = grads.consume::<B>(&ops.node);
        let gradient = on_host::<B>(&gradient, &ops.state);
        register!(grads, B, ops.parents, [Some(gradient)]);
    }
}
