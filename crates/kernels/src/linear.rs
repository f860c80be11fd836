//! The linear layer; a weight is `[in, out]`, as Burn keeps it.

use rayon::prelude::*;

use super::buffer::Buffer;
use super::parallel::{add_to, chunk_size, scratch};
use super::product::{Packed, Row, Run, Segment, Start, gathered, outer};
use super::simd::{Level, MAX_LANES};

/// Gradients of a linear layer.
#[derive(Debug, Default)]
pub struct LinearGradients {
    /// Of the input, `[batch, in]`; only where it was asked for.
    pub input: Option<Buffer>,
    /// Of the weight, `[in, out]`.
    pub weight: Vec<f32>,
    /// Of the bias, `[out]`.
    pub bias: Vec<f32>,
}

/// `input weight + bias`: `[batch, in]` to `[batch, out]`.
pub fn forward(level: Level, input: &[f32], weight: &[f32], bias: &[f32], output: &mut [f32]) {
    let out_features = bias.len();
    let in_features = weight.len() / out_features;
    let mut packed = Packed::default();
    packed.pack(level, in_features, out_features, |row, column| {
        weight[row * out_features + column]
    });
    product(
        level,
        input,
        in_features,
        &packed,
        Start::Bias(bias),
        output,
    );
}

/// The gradients of [`forward`], given that of its output.
pub fn backward(
    level: Level,
    input: &[f32],
    weight: &[f32],
    gradient: &[f32],
    out_features: usize,
    wants_input: bool,
) -> LinearGradients {
    let in_features = weight.len() / out_features;
    let batch = gradient.len() / out_features;
    let mut bias = vec![0.0; out_features];
    for row in gradient.chunks_exact(out_features) {
        add_to(level, row, &mut bias);
    }
    // Vectors may read beyond the last column.
    let mut padded = scratch(gradient.len() + MAX_LANES);
    padded[..gradient.len()].copy_from_slice(gradient);
    padded[gradient.len()..].fill(0.0);
    let padded = &padded[..];
    let all = [Run {
        a: 0,
        b: 0,
        length: batch,
    }];
    let mut weight_gradient = vec![0.0; weight.len()];
    weight_gradient
        .par_chunks_mut(ROWS * out_features)
        .enumerate()
        .for_each(|(index, part)| {
            let first = index * ROWS;
            let rows: Vec<usize> = (first..first + part.len() / out_features).collect();
            outer(
                level,
                input,
                &rows,
                in_features,
                padded,
                out_features,
                &all,
                part,
                out_features,
            );
        });
    let input_gradient = wants_input.then(|| {
        let mut packed = Packed::default();
        packed.pack(level, out_features, in_features, |row, column| {
            weight[column * out_features + row]
        });
        let mut target = Buffer::take(batch * in_features);
        product(
            level,
            gradient,
            out_features,
            &packed,
            Start::Zero,
            &mut target,
        );
        target
    });
    LinearGradients {
        input: input_gradient,
        weight: weight_gradient,
        bias,
    }
}

/// Rows of the weight whose gradient is one task.
const ROWS: usize = 96;

/// Rows of `depth` elements times a packed matrix.
fn product(
    level: Level,
    input: &[f32],
    depth: usize,
    packed: &Packed,
    start: Start<'_>,
    output: &mut [f32],
) {
    let columns = packed.columns();
    let chunk = chunk_size(output.len() / columns);
    let segments = [Segment {
        offset: 0,
        length: depth,
    }];
    output
        .par_chunks_mut(chunk * columns)
        .zip(input.par_chunks(chunk * depth))
        .for_each(|(output, input)| {
            let rows: Vec<Row> = (0..output.len() / columns)
                .map(|row| Row {
                    a: row * depth,
                    c: row * columns,
                })
                .collect();
            gathered(level, input, &rows, &segments, packed, output, start, false);
        });
}
