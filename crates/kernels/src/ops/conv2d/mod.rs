//! 2d convolution, then ReLU or ReLU6 where one is asked for, with the options of `torch.nn.Conv2d`.

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops};
use burn::backend::tensor::{Device, FloatTensor};
use burn::backend::{Autodiff, TensorMetadata};

use crate::core::buffer::Buffer;
use crate::core::geometry::{Conv2dGeometry, MemoryFormat};
use crate::core::node::{register, tracked};
use crate::core::rectifier::Rectifier;
use crate::core::simd::Level;
use crate::core::tensor::{Contiguous, Host, ImageTensor, image_tensor, vec_tensor};

mod backward;
mod depthwise;
mod forward;
mod input;
mod input_gradient;
mod weight_gradient;
mod winograd;

pub use backward::{Conv2dGradients, backward};
pub(super) use backward::{WIDE, backward_noting, backward_of};
pub(super) use forward::Convolver;
pub use forward::forward;
pub use input::Input;
pub(super) use winograd::Winograd;

pub(crate) fn on_host<B: Host>(
    input: &FloatTensor<B>,
    weight: &FloatTensor<B>,
    bias: &FloatTensor<B>,
    geometry: &Conv2dGeometry,
    rectifier: Option<Rectifier>,
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
        rectifier,
        &mut output,
    );
    output_tensor::<B>(output, geometry, &input.device())
}

/// The output of a convolution as a tensor.
pub(super) fn output_tensor<B: Host>(
    output: Buffer,
    geometry: &Conv2dGeometry,
    device: &Device<B>,
) -> FloatTensor<B> {
    let [height, width] = geometry.output_size();
    let batch = output.len() / geometry.output_len();
    let sizes = [batch, geometry.out_channels, height, width];
    image_tensor::<B>(output, sizes, MemoryFormat::ChannelsLast, device)
}

/// Gradients of a convolution as tensors: input, weight, bias.
pub(crate) fn gradient_tensors<B: Host>(
    gradients: Conv2dGradients,
    geometry: &Conv2dGeometry,
    device: &Device<B>,
) -> [Option<FloatTensor<B>>; 3] {
    let [height, width] = geometry.size;
    let [kernel_height, kernel_width] = geometry.kernel_size;
    let channels = geometry.in_channels;
    let input = gradients.input.map(|values| {
        let batch = values.len() / (channels * height * width);
        let sizes = [batch, channels, height, width];
        image_tensor::<B>(values, sizes, MemoryFormat::ChannelsLast, device)
    });
    let weight = [
        geometry.out_channels,
        geometry.group_in_channels(),
        kernel_height,
        kernel_width,
    ];
    [
        input,
        Some(vec_tensor::<B>(gradients.weight, weight, device)),
        Some(vec_tensor::<B>(
            gradients.bias,
            [geometry.out_channels],
            device,
        )),
    ]
}

pub(crate) fn on_graph<B: Host, C: CheckpointStrategy>(
    input: &FloatTensor<Autodiff<B, C>>,
    weight: &FloatTensor<Autodiff<B, C>>,
    bias: &FloatTensor<Autodiff<B, C>>,
    geometry: &Conv2dGeometry,
    rectifier: Option<Rectifier>,
) -> FloatTensor<Autodiff<B, C>> {
    let (x, w, b) = (input.primitive(), weight.primitive(), bias.primitive());
    let output = on_host::<B>(x, w, b, geometry, rectifier);
    let parents = [input, weight, bias];
    tracked::<B, C, _, _>(Conv2dBackward, parents, output, |output| Conv2dState {
        input: ImageTensor::new(x),
        weight: Contiguous::new(w),
        rectified: rectifier.map(|rectifier| (rectifier, ImageTensor::new(output))),
        geometry: *geometry,
    })
}

#[derive(Debug)]
struct Conv2dBackward;

#[derive(Debug, Clone)]
struct Conv2dState<B: Host> {
    input: ImageTensor<B>,
    weight: Contiguous<B>,
    /// The rectifier, and what came out of it.
    rectified: Option<(Rectifier, ImageTensor<B>)>,
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
        let rectified = state.rectified.as_ref();
        let rectified = rectified.map(|(rectifier, output)| (*rectifier, output.images().values));
        let gradients = backward(
            Level::best(),
            &state.geometry,
            state.input.images(),
            state.weight.slice(),
            rectified,
            ImageTensor::<B>::new(&gradient).images(),
            ops.parents[0].is_some(),
        );
        let device = gradient.device();
        let gradients = gradient_tensors::<B>(gradients, &state.geometry, &device);
        register!(grads, B, ops.parents, gradients);
    }
}
