//! Dropout with a mask that is a pure function of (seed, step, layer, index).

use rayon::prelude::*;

use super::simd::{Level, Vector, on_level};
use runner_random::DropoutMask;

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

/// Plain Rust, which the compiler turns into vectors of the level.
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
