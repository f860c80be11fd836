//! The kernels' own backward passes, as nodes of Burn's autodiff graph.

use std::sync::Arc;

use burn::backend::Autodiff;
use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::tensor::FloatTensor;
use burn::backend::{AutodiffBackend, TensorMetadata};

use super::activation::Activation;
use super::adam::Adam;
use super::avg_pool::AvgPoolGeometry;
use super::batch_norm::{self, Statistics};
use super::buffer::Buffer;
use super::conv_pool;
use super::conv2d;
use super::extension::Kernels;
use super::geometry::{BlockGeometry, Conv2dGeometry};
use super::group_norm::{self, GroupNormGeometry};
use super::host::{self, Contiguous, Host, ImageTensor, Stored};
use super::loss::{Loss, Targets};
use super::prelu::{self, PreluGeometry};
use super::simd::Level;
use super::{composed, linear};
use runner_random::DropoutMask;

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
        let parents = [&input, &weight, &bias];
        tracked::<B, C, _, _>(Conv2dBackward, parents, output, |output| Conv2dState {
            input: ImageTensor::new(x),
            weight: Contiguous::new(w),
            output: relu.then(|| ImageTensor::new(output)),
            geometry,
        })
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
        let parents = [&input, &weight, &bias];
        tracked::<B, C, _, _>(LinearBackward, parents, output, |_| LinearState {
            input: Contiguous::new(x),
            weight: Contiguous::new(w),
        })
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
        let parents = [&input, &weight, &bias];
        tracked::<B, C, _, _>(FlattenLinearBackward, parents, output, |_| {
            FlattenLinearState {
                input: images,
                weight: w.clone(),
            }
        })
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
        let parents = [&input, &weight, &bias];
        let output =
            tracked::<B, C, _, _>(BatchNormBackward, parents, output, |_| BatchNormState {
                input: images,
                weight: Contiguous::new(w),
                bias: Contiguous::new(b),
                statistics,
                eps,
                relu,
            });
        (output, Self::from_inner(mean), Self::from_inner(variance))
    }

    fn avg_pool(input: FloatTensor<Self>, geometry: AvgPoolGeometry) -> FloatTensor<Self> {
        if !B::ON_HOST {
            return composed::avg_pool::<Self>(input, &geometry);
        }
        let images = ImageTensor::<B>::new(input.primitive()).channels_last();
        let output = host::avg_pool::<B>(&images, &geometry);
        tracked::<B, C, _, _>(AvgPoolBackward, [&input], output, |_| geometry)
    }

    fn dropout(input: FloatTensor<Self>, mask: DropoutMask) -> FloatTensor<Self> {
        if !B::ON_HOST {
            return composed::dropout::<Self>(input, &mask);
        }
        let output = host::dropout::<B>(input.primitive(), &mask);
        tracked::<B, C, _, _>(DropoutBackward, [&input], output, |_| mask)
    }

    fn activation(input: FloatTensor<Self>, activation: Activation) -> FloatTensor<Self> {
        if !B::ON_HOST {
            return composed::activation::<Self>(input, activation);
        }
        let stored = Stored::<B>::new(input.primitive());
        let output = host::activation::<B>(&stored, activation);
        tracked::<B, C, _, _>(ActivationBackward, [&input], output, |_| {
            (stored, activation)
        })
    }

    fn prelu(
        input: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        geometry: PreluGeometry,
    ) -> FloatTensor<Self> {
        if !B::ON_HOST {
            return composed::prelu::<Self>(input, weight, &geometry);
        }
        let (x, w) = (input.primitive(), weight.primitive());
        let output = host::prelu::<B>(x, w, &geometry);
        let parents = [&input, &weight];
        tracked::<B, C, _, _>(PreluBackward, parents, output, |_| PreluState {
            input: Contiguous::new(x),
            weight: Contiguous::new(w),
            geometry,
        })
    }

    fn group_norm(
        input: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        geometry: GroupNormGeometry,
    ) -> FloatTensor<Self> {
        if !B::ON_HOST {
            return composed::group_norm::<Self>(input, weight, bias, &geometry);
        }
        let (x, w, b) = (input.primitive(), weight.primitive(), bias.primitive());
        let output = host::group_norm::<B>(x, w, b, &geometry);
        let parents = [&input, &weight, &bias];
        tracked::<B, C, _, _>(GroupNormBackward, parents, output, |_| GroupNormState {
            input: Contiguous::new(x),
            weight: Contiguous::new(w),
            geometry,
        })
    }

    fn residual(one: FloatTensor<Self>, other: FloatTensor<Self>, relu: bool) -> FloatTensor<Self> {
        if !B::ON_HOST {
            return composed::residual::<Self>(one, other, relu);
        }
        let output = host::residual::<B>(one.primitive(), other.primitive(), relu);
        let parents = [&one, &other];
        tracked::<B, C, _, _>(ResidualBackward, parents, output, |output| {
            relu.then(|| Stored::new(output))
        })
    }

    fn loss(
        logits: FloatTensor<Self>,
        targets: Targets,
        loss: Loss,
        total: f64,
    ) -> FloatTensor<Self> {
        if !B::ON_HOST {
            return composed::loss::<Self>(logits, &targets, &loss, total);
        }
        let (value, gradient) = host::loss::<B>(logits.primitive(), &targets, &loss, total);
        tracked::<B, C, _, _>(LossBackward, [&logits], value, |_| gradient)
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

/// An output as a node of the graph, if any of its parents is one; only then its backward pass needs
/// its state.
fn tracked<B, C, K, const N: usize>(
    backward: K,
    parents: [&FloatTensor<Autodiff<B, C>>; N],
    output: FloatTensor<B>,
    state: impl FnOnce(&FloatTensor<B>) -> K::State,
) -> FloatTensor<Autodiff<B, C>>
where
    B: Host + Kernels,
    C: CheckpointStrategy,
    K: Backward<B, N>,
{
    let prepared = backward.prepare::<C>(parents.map(|parent| parent.node()));
    match prepared.compute_bound().stateful() {
        OpsKind::Tracked(prepared) => {
            let state = state(&output);
            prepared.finish(state, output)
        }
        OpsKind::UnTracked(prepared) => prepared.finish(output),
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
struct ActivationBackward;

impl<B: Host> Backward<B, 1> for ActivationBackward {
    /// The input, and of which function.
    type State = (Stored<B>, Activation);

    fn backward(
        self,
        ops: Ops<Self::State, 1>,
        grads: &mut Gradients,
        _checkpointer: &mut Checkpointer,
    ) {
        let gradient = grads.consume::<B>(&ops.node);
        let (input, activation) = ops.state;
        let gradient = host::activation_backward::<B>(&input, activation, &gradient);
        register!(grads, B, ops.parents, [Some(gradient)]);
    }
}

#[derive(Debug)]
struct PreluBackward;

#[derive(Debug, Clone)]
struct PreluState<B: Host> {
    input: Contiguous<B>,
    weight: Contiguous<B>,
    geometry: PreluGeometry,
}

impl<B: Host> Backward<B, 2> for PreluBackward {
    type State = PreluState<B>;

    fn backward(
        self,
        ops: Ops<Self::State, 2>,
        grads: &mut Gradients,
        _checkpointer: &mut Checkpointer,
    ) {
        let gradient = grads.consume::<B>(&ops.node);
        let state = ops.state;
        let gradients = prelu::backward(
            Level::best(),
            &state.geometry,
            state.input.slice(),
            state.weight.slice(),
            Contiguous::<B>::new(&gradient).slice(),
        );
        let (shape, device) = (gradient.shape(), gradient.device());
        let slopes = gradients.weight.len();
        let gradients = [
            Some(host::buffer_tensor::<B>(gradients.input, shape, &device)),
            Some(host::tensor::<B>(gradients.weight, [slopes], &device)),
        ];
        register!(grads, B, ops.parents, gradients);
    }
}

#[derive(Debug)]
struct GroupNormBackward;

#[derive(Debug, Clone)]
struct GroupNormState<B: Host> {
    input: Contiguous<B>,
    weight: Contiguous<B>,
    geometry: GroupNormGeometry,
}

impl<B: Host> Backward<B, 3> for GroupNormBackward {
    type State = GroupNormState<B>;

    fn backward(
        self,
        ops: Ops<Self::State, 3>,
        grads: &mut Gradients,
        _checkpointer: &mut Checkpointer,
    ) {
        let gradient = grads.consume::<B>(&ops.node);
        let state = ops.state;
        let gradients = group_norm::backward(
            Level::best(),
            &state.geometry,
            state.input.slice(),
            state.weight.slice(),
            Contiguous::<B>::new(&gradient).slice(),
        );
        let (shape, device) = (gradient.shape(), gradient.device());
        let channels = [state.geometry.channels];
        let gradients = [
            Some(host::buffer_tensor::<B>(gradients.input, shape, &device)),
            Some(host::tensor::<B>(gradients.weight, channels, &device)),
            Some(host::tensor::<B>(gradients.bias, channels, &device)),
        ];
        register!(grads, B, ops.parents, gradients);
    }
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
            Some(output) => host::residual_backward::<B>(&output, &gradient),
            None => gradient,
        };
        let gradients = [Some(gradient.clone()), Some(gradient)];
        register!(grads, B, ops.parents, gradients);
    }
}

#[derive(Debug)]
struct LossBackward;

impl<B: Host> Backward<B, 1> for LossBackward {
    /// The gradient of the loss.
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
