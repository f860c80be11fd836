//! The fused block conv2d + bias + ReLU + max-pool.
//!
//! The activations before the pool never reach memory beyond the cache; of them a byte an output
//! is kept, the place in the window that won. Through a pooled ReLU at most one gradient in a window is
//! not zero, so the backward pass takes these one by one: for each, the weight's gradient grows by
//! the gradient times the patch, and the patch's gradient by the gradient times the weight.

use std::sync::Arc;

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, TensorMetadata};
use runner_random::DropoutMask;

use crate::core::buffer::Buffer;
use crate::core::geometry::MemoryFormat;
use crate::core::node::register;
use crate::core::simd::Level;
use crate::core::tensor::{Contiguous, Host, ImageTensor, image_tensor};
use crate::ops::conv2d::gradient_tensors;

mod active;
mod backward;
mod dense;
mod forward;
mod geometry;
mod scatter;
mod sparse;
mod unpool;
mod weight;

pub use backward::backward;
pub use forward::forward;
pub use geometry::ConvReluPoolGeometry;

/// The output of the block; with `winners`, of its own length, also what its backward pass needs.
pub(crate) fn on_host<B: Host>(
    input: &FloatTensor<B>,
    weight: &FloatTensor<B>,
    bias: &FloatTensor<B>,
    geometry: &ConvReluPoolGeometry,
    mask: Option<&DropoutMask>,
    winners: Option<&mut Buffer>,
) -> FloatTensor<B> {
    let batch = input.shape()[0];
    let (weight, bias) = (Contiguous::<B>::new(weight), Contiguous::<B>::new(bias));
    let mut output = Buffer::take(batch * geometry.output_len());
    forward(
        Level::best(),
        geometry,
        ImageTensor::<B>::new(input).images(),
        weight.slice(),
        Some(bias.slice()),
        mask,
        &mut output,
        winners.map(Buffer::bytes_mut),
    );
    let [height, width] = geometry.output_size();
    let sizes = [batch, geometry.conv2d.out_channels, height, width];
    image_tensor::<B>(output, sizes, MemoryFormat::ChannelsLast, &input.device())
}

pub(crate) fn on_graph<B: Host, C: CheckpointStrategy>(
    input: &FloatTensor<Autodiff<B, C>>,
    weight: &FloatTensor<Autodiff<B, C>>,
    bias: &FloatTensor<Autodiff<B, C>>,
    geometry: &ConvReluPoolGeometry,
    mask: Option<&DropoutMask>,
) -> FloatTensor<Autodiff<B, C>> {
    let (x, w, b) = (input.primitive(), weight.primitive(), bias.primitive());
    let nodes = [input.node(), weight.node(), bias.node()];
    match ConvReluPoolBackward
        .prepare::<C>(nodes)
        .compute_bound()
        .stateful()
    {
        OpsKind::Tracked(prepared) => {
            let batch = x.shape()[0];
            let mut winners = Buffer::take_bytes(geometry.winners_len(batch));
            let kept = Some(&mut winners);
            let output = on_host::<B>(x, w, b, geometry, mask, kept);
            let state = ConvReluPoolState {
                input: ImageTensor::new(x),
                weight: Contiguous::new(w),
                winners: Arc::new(winners),
                scale: mask.map_or(1.0, DropoutMask::scale),
                geometry: *geometry,
            };
            prepared.finish(state, output)
        }
        OpsKind::UnTracked(prepared) => {
            let output = on_host::<B>(x, w, b, geometry, mask, None);
            prepared.finish(output)
        }
    }
}

#[derive(Debug)]
struct ConvReluPoolBackward;

#[derive(Debug, Clone)]
struct ConvReluPoolState<B: Host> {
    input: ImageTensor<B>,
    weight: Contiguous<B>,
    winners: Arc<Buffer>,
    scale: f32,
    geometry: ConvReluPoolGeometry,
}

impl<B: Host> Backward<B, 3> for ConvReluPoolBackward {
    type State = ConvReluPoolState<B>;

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
            state.input.images(),
            state.weight.slice(),
            state.winners.bytes(),
            state.scale,
            ImageTensor::<B>::new(&gradient).images(),
            ops.parents[0].is_some(),
        );
        let device = gradient.device();
        let gradients = gradient_tensors::<B>(gradients, &state.geometry.conv2d, &device);
        register!(grads, B, ops.parents, gradients);
    }
}
