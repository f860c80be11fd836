//! The linear layer; a weight is `[in, out]`, as Burn keeps it.

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops};
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, TensorMetadata};
use rayon::prelude::*;

use crate::core::buffer::Buffer;
use crate::core::node::{register, tracked};
use crate::core::parallel::{add_to, chunk_size, scratch};
use crate::core::product::{Packed, Row, Segment, Start, SummedSpan, gathered, outer};
use crate::core::simd::{Level, MAX_LANES};
use crate::core::tensor::{Contiguous, Host, ImageTensor, buffer_tensor, vec_tensor};

/// Gradients of a linear layer.
#[derive(Debug, Default)]
pub struct LinearGradients {
    /// Of the input, `[batch, in]`; only where it was asked for.
    pub input: Option<Buffer>,
    /// The gradient of the weight, `[in, out]`.
    pub weight: Vec<f32>,
    /// The gradient of the bias, `[out]`.
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
    let all = [SummedSpan {
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
            gathered(level, input, &rows, &segments, packed, output, start, None);
        });
}

// The kernel on tensors of the CPU, and as a node of the autodiff graph.

pub(crate) fn on_host<B: Host>(
    input: &FloatTensor<B>,
    weight: &FloatTensor<B>,
    bias: &FloatTensor<B>,
) -> FloatTensor<B> {
    let (input_values, weight) = (Contiguous::<B>::new(input), Contiguous::<B>::new(weight));
    linear_of::<B>(input_values.slice(), weight.slice(), bias)
}

/// `[batch, out]`, where the weight's rows are in the order of the input.
fn linear_of<B: Host>(input: &[f32], weight: &[f32], bias: &FloatTensor<B>) -> FloatTensor<B> {
    let bias_values = Contiguous::<B>::new(bias);
    let out_features = bias_values.slice().len();
    let batch = input.len() * out_features / weight.len();
    let mut output = Buffer::take(batch * out_features);
    forward(
        Level::best(),
        input,
        weight,
        bias_values.slice(),
        &mut output,
    );
    buffer_tensor::<B>(output, [batch, out_features], &bias.device())
}

pub(crate) fn on_host_flattened<B: Host>(
    input: &ImageTensor<B>,
    weight: &FloatTensor<B>,
    bias: &FloatTensor<B>,
) -> FloatTensor<B> {
    let weight = input.weight_rows(weight, bias.shape()[0]);
    linear_of::<B>(input.images().values, &weight, bias)
}

pub(crate) fn on_graph<B: Host, C: CheckpointStrategy>(
    input: &FloatTensor<Autodiff<B, C>>,
    weight: &FloatTensor<Autodiff<B, C>>,
    bias: &FloatTensor<Autodiff<B, C>>,
) -> FloatTensor<Autodiff<B, C>> {
    let (x, w, b) = (input.primitive(), weight.primitive(), bias.primitive());
    let output = on_host::<B>(x, w, b);
    let parents = [input, weight, bias];
    tracked::<B, C, _, _>(LinearBackward, parents, output, |_| LinearState {
        input: Contiguous::new(x),
        weight: Contiguous::new(w),
    })
}

pub(crate) fn on_graph_flattened<B: Host, C: CheckpointStrategy>(
    input: &FloatTensor<Autodiff<B, C>>,
    weight: &FloatTensor<Autodiff<B, C>>,
    bias: &FloatTensor<Autodiff<B, C>>,
) -> FloatTensor<Autodiff<B, C>> {
    let images = ImageTensor::<B>::new(input.primitive());
    let (w, b) = (weight.primitive(), bias.primitive());
    let output = on_host_flattened::<B>(&images, w, b);
    let parents = [input, weight, bias];
    tracked::<B, C, _, _>(FlattenLinearBackward, parents, output, |_| {
        FlattenLinearState {
            input: images,
            weight: w.clone(),
        }
    })
}

#[derive(Debug)]
struct LinearBackward;

#[derive(Debug, Clone)]
struct LinearState<B: Host> {
    input: Contiguous<B>,
    weight: Contiguous<B>,
}

impl<B: Host> Backward<B, 3> for LinearBackward {
    type State = LinearState<B>;

    fn backward(
        self,
        ops: Ops<Self::State, 3>,
        grads: &mut Gradients,
        _checkpointer: &mut Checkpointer,
    ) {
        let gradient = grads.consume::<B>(&ops.node);
        let LinearState { input, weight } = ops.state;
        let [batch, out_features] = gradient.shape().dims();
        let in_features = weight.slice().len() / out_features;
        let gradients = backward(
            Level::best(),
            input.slice(),
            weight.slice(),
            Contiguous::<B>::new(&gradient).slice(),
            out_features,
            ops.parents[0].is_some(),
        );
        let device = gradient.device();
        let gradients = [
            gradients
                .input
                .map(|values| buffer_tensor::<B>(values, [batch, in_features], &device)),
            Some(vec_tensor::<B>(
                gradients.weight,
                [in_features, out_features],
                &device,
            )),
            Some(vec_tensor::<B>(gradients.bias, [out_features], &device)),
        ];
        register!(grads, B, ops.parents, gradients);
    }
}

#[derive(Debug)]
struct FlattenLinearBackward;

#[derive(Debug, Clone)]
struct FlattenLinearState<B: Host> {
    input: ImageTensor<B>,
    weight: FloatTensor<B>,
}

impl<B: Host> Backward<B, 3> for FlattenLinearBackward {
    type State = FlattenLinearState<B>;

    fn backward(
        self,
        ops: Ops<Self::State, 3>,
        grads: &mut Gradients,
        _checkpointer: &mut Checkpointer,
    ) {
        let gradient = grads.consume::<B>(&ops.node);
        let FlattenLinearState { input, weight } = ops.state;
        let [_, out_features] = gradient.shape().dims();
        let gradients = backward(
            Level::best(),
            input.images().values,
            &input.weight_rows(&weight, out_features),
            Contiguous::<B>::new(&gradient).slice(),
            out_features,
            ops.parents[0].is_some(),
        );
        let device = gradient.device();
        let weight_gradient = input.gradient_rows(&gradients.weight, out_features);
        let gradients = [
            gradients.input.map(|values| input.like(values, &device)),
            Some(vec_tensor::<B>(weight_gradient, weight.shape(), &device)),
            Some(vec_tensor::<B>(gradients.bias, [out_features], &device)),
        ];
        register!(grads, B, ops.parents, gradients);
    }
}
