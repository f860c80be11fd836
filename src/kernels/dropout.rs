//! Dropout with a mask that is a pure function of (seed, step, layer, index).

use rayon::prelude::*;

use crate::random::DropoutMask;

/// Elements that are one task.
const PIECE: usize = 32768;

/// `output = input * factor`, where the factor of element `i` is that of the mask; the gradient goes back by
/// the same call.
pub fn apply(mask: &DropoutMask, input: &[f32], output: &mut [f32]) {
    output
        .par_chunks_mut(PIECE)
        .zip(input.par_chunks(PIECE))
        .enumerate()
        .for_each(|(piece, (output, input))| mask.apply(piece * PIECE, input, output));
}
