//! The sum of two branches, then ReLU where it is asked for.

use rayon::prelude::*;

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
