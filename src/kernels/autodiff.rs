//! The kernels' own backward passes, as nodes of Burn's autodiff graph.

use std::sync::Arc;

use burn::backend::Autodiff;
use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::ops::ModuleOps;
use burn::backend::tensor::FloatTensor;
use burn::backend::{AutodiffBackend, TensorMetadata};

use super::adam::Adam;
use super::avg_pool::AvgPoolGeometry;
use super::batch_norm::{self, Statistics};
use super::buffer::Buffer;
use super::conv_pool;
use super::conv2d;
use super::extension::Kernels;
use super::geometry::{BlockGeometry, Conv2dGeometry};
use super::host::{self, Contiguous, Host, ImageTensor};
use super::simd::Level;
use super::{composed, linear};
use crate::random::DropoutMask;

impl<B: Host + Kernels, C: CheckpointStrategy> Kernels for Autodiff<B, C> {
    fn conv2d(
        input: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        geometry: Conv2dGeometry,
        relu: bool,
    ) -> FloatTensor<Self> {
        if !B::ON_HOST {
            return composed::conv2d::<Self>(input, weight, bias, &geometry, relu);
        }
        let (x, w, b) = (input.primitive(), weight.primitive(), bias.primitive());
        let output = host::conv2d::<B>(x, w, b, &geometry, relu);
        let nodes = [input.node(), weight.node(), bias.node()];
        match Conv2dBackward
            .prepare::<C>(nodes)
            .compute_bound()
            .stateful()
        {
            OpsKind::Tracked(prepared) => {
                let state = Conv2dState {
                    input: ImageTensor::new(x),
                    weight: Contiguous::new(w),
                    output: relu.then(|| ImageTensor::new(&output)),
                    geometry,
                };
                prepared.finish(state, output)
            }
            OpsKind::UnTracked(prepared) => prepared.finish(output),
        }
    }

    fn conv2d_pool(
        input: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        geometry: BlockGeometry,
        mask: Option<DropoutMask>,
    ) -> FloatTensor<Self> {
        if !B::ON_HOST {
            return composed::conv2d_pool::<Self>(input, weight, bias, &geometry, mask.as_ref());
        }
        let (x, w, b) = (input.primitive(), weight.primitive(), bias.primitive());
        let mask = mask.as_ref();
        let nodes = [input.node(), weight.node(), bias.node()];
        match Conv2dPoolBackward
            .prepare::<C>(nodes)
            .compute_bound()
            .stateful()
        {
            OpsKind::Tracked(prepared) => {
                let batch = x.shape()[0];
                let mut winners = Buffer::take_bytes(geometry.winners_len(batch));
                let kept = Some(&mut winners);
                let output = host::conv2d_pool::<B>(x, w, b, &geometry, mask, kept);
                let state = Conv2dPoolState {
                    input: ImageTensor::new(x),
                    weight: Contiguous::new(w),
                    winners: Arc::new(winners),
                    scale: mask.map_or(1.0, DropoutMask::scale),
                    geometry,
                };
                prepared.finish(state, output)
            }
            OpsKind::UnTracked(prepared) => {
                let output = host::conv2d_pool::<B>(x, w, b, &geometry, mask, None);
                prepared.finish(output)
            }
        }
    }

    fn linear(
        input: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
    ) -> FloatTensor<Self> {
        if !B::ON_HOST {
            return <Self as burn::backend::ops::ModuleOps<Self>>::linear(
                input,
                weight,
                Some(bias),
            );
        }
        let (x, w, b) = (input.primitive(), weight.primitive(), bias.primitive());
        let output = host::linear::<B>(x, w, b);
        let nodes = [input.node(), weight.node(), bias.node()];
        match LinearBackward
            .prepare::<C>(nodes)
            .compute_bound()
            .stateful()
        {
            OpsKind::Tracked(prepared) => {
                let state = LinearState::<B> {
                    input: Contiguous::new(x),
                    weight: Contiguous::new(w),
                };
                prepared.finish(state, output)
            }
            OpsKind::UnTracked(prepared) => prepared.finish(output),
        }
    }

    fn flatten_linear(
        input: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
    ) -> FloatTensor<Self> {
        if !B::ON_HOST {
            return composed::flatten_linear::<Self>(input, weight, bias);
        }
        let images = ImageTensor::<B>::new(input.primitive());
        let (w, b) = (weight.primitive(), bias.primitive());
        let output = host::flatten_linear::<B>(&images, w, b);
        let nodes = [input.node(), weight.node(), bias.node()];
        let node = FlattenLinearBackward.prepare::<C>(nodes);
        match node.compute_bound().stateful() {
            OpsKind::Tracked(prepared) => {
                let state = FlattenLinearState::<B> {
                    input: images,
                    weight: w.clone(),
                };
                prepared.finish(state, output)
            }
            OpsKind::UnTracked(prepared) => prepared.finish(output),
        }
    }

    fn batch_norm(
        input: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        eps: f64,
        relu: bool,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
        if !B::ON_HOST {
            return composed::batch_norm::<Self>(input, weight, bias, eps, relu);
        }
        let images = ImageTensor::<B>::new(input.primitive()).channels_last();
        let (w, b) = (weight.primitive(), bias.primitive());
        let (output, statistics) = host::batch_norm::<B>(&images, w, b, eps, relu);
        let [mean, variance] = host::statistics::<B>(&statistics, &w.device());
        let nodes = [input.node(), weight.node(), bias.node()];
        let output = match BatchNormBackward
            .prepare::<C>(nodes)
            .compute_bound()
            .stateful()
        {
            OpsKind::Tracked(prepared) => {
                let state = BatchNormState::<B> {
                    input: images,
                    weight: Contiguous::new(w),
                    bias: Contiguous::new(b),
                    statistics,
                    eps,
                    relu,
                };
                prepared.finish(state, output)
            }
            OpsKind::UnTracked(prepared) => prepared.finish(output),
        };
        (output, Self::from_inner(mean), Self::from_inner(variance))
    }

    fn avg_pool(input: FloatTensor<Self>, geometry: AvgPoolGeometry) -> FloatTensor<Self> {
        if !B::ON_HOST {
            return Self::adaptive_avg_pool2d(input, geometry.output_size);
        }
        let images = ImageTensor::<B>::new(input.primitive()).channels_last();
        let output = host::avg_pool::<B>(&images, &geometry);
        match AvgPoolBackward
            .prepare::<C>([input.node()])
            .compute_bound()
            .stateful()
        {
            OpsKind::Tracked(prepared) => prepared.finish(geometry, output),
            OpsKind::UnTracked(prepared) => prepared.finish(output),
        }
    }

    fn dropout(input: FloatTensor<Self>, mask: DropoutMask) -> FloatTensor<Self> {
        if !B::ON_HOST {
            return composed::dropout::<Self>(input, &mask);
        }
        let output = host::dropout::<B>(input.primitive(), &mask);
        match DropoutBackward
            .prepare::<C>([input.node()])
            .compute_bound()
            .stateful()
        {
            OpsKind::Tracked(prepared) => prepared.finish(mask, output),
            OpsKind::UnTracked(prepared) => prepared.finish(output),
        }
    }

    fn cross_entropy(logits: FloatTensor<Self>, targets: Arc<[u32]>) -> FloatTensor<Self> {
        if !B::ON_HOST {
            return composed::cross_entropy::<Self>(logits, &targets);
        }
        let (loss, gradient) = host::cross_entropy::<B>(logits.primitive(), &targets);
        match CrossEntropyBackward
            .prepare::<C>([logits.node()])
            .compute_bound()
            .stateful()
        {
            OpsKind::Tracked(prepared) => prepared.finish(gradient, loss),
            OpsKind::UnTracked(prepared) => prepared.finish(loss),
        }
    }

    /// Not differentiable, as it is not in PyTorch: what it gives are constants.
    fn adam_step(
        parameter: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
        exp_avg: FloatTensor<Self>,
        exp_avg_sq: FloatTensor<Self>,
        adam: Adam,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
        composed::adam_step::<Self>(parameter, gradient, exp_avg, exp_avg_sq, &adam)
    }
}

/// Registers the gradients that somebody asked for.
macro_rules! register {
    ($grads:expr, $backend:ty, $nodes:expr, $gradients:expr) => {
        for (node, gradient) in $nodes.into_iter().zip($gradients) {
            if let (Some(node), Some(gradient)) = (node, gradient) {
                $grads.register::<$backend>(node.id, gradient);
            }
        }
    };
}

#[derive(Debug)]
struct Conv2dBackward;

#[derive(Debug, Clone)]
struct Conv2dState<B: Host> {
    input: ImageTensor<B>,
    weight: Contiguous<B>,
    /// With ReLU: what came out of it.
    output: Option<ImageTensor<B>>,
    geometry: Conv2dGeometry,
}

impl<B: Host> Backward<B, 3> for Conv2dBackward {
    type State = Conv2dState<B>;

    fn backward(
        self,
        ops: Ops<Self::State, 3>,
        grads: &mut Gradients,
        _checkpointer: &mut Checkpointer,
    ) {
        let gradient = grads.consume::<B>(&ops.node);
        let state = ops.state;
        let gradients = conv2d::backward(
            Level::best(),
            &state.geometry,
            state.input.images(),
            state.weight.slice(),
            state.output.as_ref().map(|output| output.images().values),
            ImageTensor::<B>::new(&gradient).images(),
            ops.parents[0].is_some(),
        );
        let device = gradient.device();
        let gradients = host::conv2d_gradients::<B>(gradients, &state.geometry, &device);
        register!(grads, B, ops.parents, gradients);
    }
}

#[derive(Debug)]
struct Conv2dPoolBackward;

#[derive(Debug, Clone)]
struct Conv2dPoolState<B: Host> {
    input: ImageTensor<B>,
    weight: Contiguous<B>,
    winners: Arc<Buffer>,
    scale: f32,
    geometry: BlockGeometry,
}

impl<B: Host> Backward<B, 3> for Conv2dPoolBackward {
    type State = Conv2dPoolState<B>;

    fn backward(
        self,
        ops: Ops<Self::State, 3>,
        grads: &mut Gradients,
        _checkpointer: &mut Checkpointer,
    ) {
        let gradient = grads.consume::<B>(&ops.node);
        let state = ops.state;
        let gradients = conv_pool::backward(
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
        let gradients = host::conv2d_gradients::<B>(gradients, &state.geometry.conv2d, &device);
        register!(grads, B, ops.parents, gradients);
    }
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
        let gradients = linear::backward(
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
                .map(|values| host::buffer_tensor::<B>(values, [batch, in_features], &device)),
            Some(host::tensor::<B>(
                gradients.weight,
                [in_features, out_features],
                &device,
            )),
            Some(host::tensor::<B>(gradients.bias, [out_features], &device)),
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
        let gradients = linear::backward(
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
            Some(host::tensor::<B>(weight_gradient, weight.shape(), &device)),
            Some(host::tensor::<B>(gradients.bias, [out_features], &device)),
        ];
        register!(grads, B, ops.parents, gradients);
    }
}

#[derive(Debug)]
struct BatchNormBackward;

#[derive(Debug, Clone)]
struct BatchNormState<B: Host> {
    /// Channels last.
    input: ImageTensor<B>,
    weight: Contiguous<B>,
    bias: Contiguous<B>,
    statistics: Statistics,
    eps: f64,
    relu: bool,
}

impl<B: Host> Backward<B, 3> for BatchNormBackward {
    type State = BatchNormState<B>;

    fn backward(
        self,
        ops: Ops<Self::State, 3>,
        grads: &mut Gradients,
        _checkpointer: &mut Checkpointer,
    ) {
        let gradient = grads.consume::<B>(&ops.node);
        let [batch, channels, ..] = gradient.shape().dims::<4>();
        let state = ops.state;
        let gradients = batch_norm::backward(
            Level::best(),
            state.input.images().values,
            batch,
            &state.statistics,
            state.weight.slice(),
            state.bias.slice(),
            state.eps,
            state.relu,
            ImageTensor::<B>::new(&gradient)
                .channels_last()
                .images()
                .values,
        );
        let device = gradient.device();
        let gradients = [
            Some(state.input.like(gradients.input, &device)),
            Some(host::tensor::<B>(gradients.weight, [channels], &device)),
            Some(host::tensor::<B>(gradients.bias, [channels], &device)),
        ];
        register!(grads, B, ops.parents, gradients);
    }
}

#[derive(Debug)]
struct AvgPoolBackward;

impl<B: Host> Backward<B, 1> for AvgPoolBackward {
    type State = AvgPoolGeometry;

    fn backward(
        self,
        ops: Ops<Self::State, 1>,
        grads: &mut Gradients,
        _checkpointer: &mut Checkpointer,
    ) {
        let gradient = grads.consume::<B>(&ops.node);
        let gradient = ImageTensor::<B>::new(&gradient).channels_last();
        let gradient = host::avg_pool_backward::<B>(&gradient, &ops.state);
        register!(grads, B, ops.parents, [Some(gradient)]);
    }
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
        let gradient = host::dropout::<B>(&gradient, &ops.state);
        register!(grads, B, ops.parents, [Some(gradient)]);
    }
}

#[derive(Debug)]
struct CrossEntropyBackward;

impl<B: Host> Backward<B, 1> for CrossEntropyBackward {
    /// The gradient of the mean loss.
    type State = FloatTensor<B>;

    fn backward(
        self,
        ops: Ops<Self::State, 1>,
        grads: &mut Gradients,
        _checkpointer: &mut Checkpointer,
    ) {
        let outer = grads.consume::<B>(&ops.node);
        let outer = B::float_reshape(outer, [1, 1].into());
        let gradient = B::float_mul(ops.state, outer);
        register!(grads, B, ops.parents, [Some(gradient)]);
    }
}
