//! The kernels on tensors of a CPU backend: which slices they read, what they give back.

use burn::backend::tensor::{Device, FloatTensor};
use burn::backend::{Backend, TensorMetadata};
use burn::tensor::{Shape, TensorData};

use super::activation::{self, Activation};
use super::adam::{self, Adam};
use super::avg_pool::AvgPoolGeometry;
use super::batch_norm::{self, Statistics};
use super::buffer::Buffer;
use super::conv_pool;
use super::conv2d::{self, Conv2dGradients, Images};
use super::geometry::{BlockGeometry, Conv2dGeometry, MemoryFormat};
use super::group_norm::{self, GroupNormGeometry};
use super::image::transpose;
use super::loss::{Loss, Targets};
use super::prelu::{self, PreluGeometry};
use super::simd::Level;

use runner_random::DropoutMask;

/// A backend whose tensors may lie in the memory of the program.
pub trait Host: Backend {
    /// Whether they do.
    const ON_HOST: bool;

    /// The elements, if they lie in the order of the shape.
    fn slice(tensor: &FloatTensor<Self>) -> Option<&[f32]>;

    /// The same tensor with its elements in the order of the shape.
    fn contiguous(tensor: &FloatTensor<Self>) -> FloatTensor<Self>;
}

#[cfg(feature = "flex")]
impl Host for burn::backend::Flex {
    const ON_HOST: bool = true;

    fn slice(tensor: &FloatTensor<Self>) -> Option<&[f32]> {
        tensor.as_slice()
    }

    fn contiguous(tensor: &FloatTensor<Self>) -> FloatTensor<Self> {
        tensor.to_contiguous()
    }
}

#[cfg(feature = "ndarray")]
#[allow(
    deprecated,
    reason = "Burn prefers flex; users of ndarray may still choose it"
)]
impl Host for burn::backend::NdArray {
    const ON_HOST: bool = true;

    fn slice(tensor: &FloatTensor<Self>) -> Option<&[f32]> {
        match tensor {
            burn::backend::ndarray::NdArrayTensor::F32(storage) => storage.view().to_slice(),
            _ => None,
        }
    }

    fn contiguous(tensor: &FloatTensor<Self>) -> FloatTensor<Self> {
        match tensor {
            burn::backend::ndarray::NdArrayTensor::F32(storage) => {
                let values: Vec<f32> = storage.view().iter().copied().collect();
                FloatTensor::<Self>::from_data(TensorData::new(values, tensor.shape()))
            }
            _ => tensor.clone(),
        }
    }
}

#[cfg(feature = "cuda")]
impl Host for burn::backend::Cube {
    const ON_HOST: bool = false;

    fn slice(_tensor: &FloatTensor<Self>) -> Option<&[f32]> {
        None
    }

    fn contiguous(tensor: &FloatTensor<Self>) -> FloatTensor<Self> {
        tensor.clone()
    }
}

/// A tensor whose elements lie in the order of its shape.
#[derive(Debug, Clone)]
pub struct Contiguous<B: Host>(FloatTensor<B>);

impl<B: Host> Contiguous<B> {
    pub fn new(tensor: &FloatTensor<B>) -> Self {
        Self(match B::slice(tensor) {
            Some(_) => tensor.clone(),
            None => B::contiguous(tensor),
        })
    }

    pub fn slice(&self) -> &[f32] {
        B::slice(&self.0).expect("a contiguous tensor of 32-bit floats on the host")
    }
}

/// A tensor `[batch, channels, height, width]` in one of the memory formats.
#[derive(Debug, Clone)]
pub struct ImageTensor<B: Host> {
    /// Permuted, so that its elements lie in the order of its shape.
    stored: Contiguous<B>,
    format: MemoryFormat,
}

impl<B: Host> ImageTensor<B> {
    pub fn new(tensor: &FloatTensor<B>) -> Self {
        if B::slice(tensor).is_none() {
            let permuted = B::float_permute(tensor.clone(), &[0, 2, 3, 1]);
            if B::slice(&permuted).is_some() {
                return Self {
                    stored: Contiguous(permuted),
                    format: MemoryFormat::ChannelsLast,
                };
            }
        }
        Self {
            stored: Contiguous::new(tensor),
            format: MemoryFormat::Contiguous,
        }
    }

    /// `[batch, channels, height, width]`
    fn sizes(&self) -> [usize; 4] {
        let [batch, a, b, c] = self.stored.0.shape().dims();
        match self.format {
            MemoryFormat::Contiguous => [batch, a, b, c],
            MemoryFormat::ChannelsLast => [batch, c, a, b],
        }
    }

    /// The rows of a linear weight `[channels * height * width, columns]` in the order of the
    /// images' elements.
    pub fn weight_rows(&self, weight: &FloatTensor<B>, columns: usize) -> Buffer {
        let weight = Contiguous::<B>::new(weight);
        let mut rows = Buffer::take(weight.slice().len());
        self.reorder(weight.slice(), columns, &mut rows, |target, source| {
            (target, source)
        });
        rows
    }

    /// The inverse of [`Self::weight_rows`] for the weight's gradient.
    pub fn gradient_rows(&self, gradient: &[f32], columns: usize) -> Vec<f32> {
        let mut rows = vec![0.0; gradient.len()];
        self.reorder(gradient, columns, &mut rows, |target, source| {
            (source, target)
        });
        rows
    }

    /// Copies rows; `order` gives from a row's place by the images' order and its place by the
    /// shape's the target and the source.
    fn reorder(
        &self,
        from: &[f32],
        columns: usize,
        to: &mut [f32],
        order: impl Fn(usize, usize) -> (usize, usize),
    ) {
        if self.format == MemoryFormat::Contiguous {
            return to.copy_from_slice(from);
        }
        let [_, channels, height, width] = self.sizes();
        let pixels = height * width;
        for channel in 0..channels {
            for pixel in 0..pixels {
                let (target, source) = order(pixel * channels + channel, channel * pixels + pixel);
                let row = &from[source * columns..][..columns];
                to[target * columns..][..columns].copy_from_slice(row);
            }
        }
    }

    /// A tensor of a buffer that lies as these images do.
    pub fn like(&self, values: Buffer, device: &Device<B>) -> FloatTensor<B> {
        image_tensor::<B>(values, self.sizes(), self.format, device)
    }

    /// The same images channels last.
    pub fn channels_last(self) -> Self {
        if self.format == MemoryFormat::ChannelsLast {
            return self;
        }
        let [batch, channels, height, width] = self.sizes();
        let image_len = channels * height * width;
        let mut values = Buffer::take(batch * image_len);
        let images = self.stored.slice().chunks_exact(image_len);
        for (image, target) in images.zip(values.chunks_exact_mut(image_len)) {
            transpose(image, height * width, target);
        }
        let device = self.stored.0.device();
        let stored = buffer_tensor::<B>(values, [batch, height, width, channels], &device);
        Self {
            stored: Contiguous(stored),
            format: MemoryFormat::ChannelsLast,
        }
    }

    pub fn images(&self) -> Images<'_> {
        Images {
            values: self.stored.slice(),
            format: self.format,
        }
    }
}

/// A tensor of any shape whose elements are looked at in the order in which they lie.
#[derive(Debug, Clone)]
pub enum Stored<B: Host> {
    Images(ImageTensor<B>),
    Other(Contiguous<B>),
}

impl<B: Host> Stored<B> {
    pub fn new(tensor: &FloatTensor<B>) -> Self {
        match tensor.shape().num_dims() {
            4 => Stored::Images(ImageTensor::new(tensor)),
            _ => Stored::Other(Contiguous::new(tensor)),
        }
    }

    pub fn values(&self) -> &[f32] {
        match self {
            Stored::Images(images) => images.images().values,
            Stored::Other(values) => values.slice(),
        }
    }

    /// Another tensor of this one's shape, in this one's order.
    pub fn alike(&self, tensor: &FloatTensor<B>) -> Self {
        match self {
            Stored::Images(images) => Stored::Images(match images.format {
                MemoryFormat::ChannelsLast => ImageTensor::new(tensor).channels_last(),
                MemoryFormat::Contiguous => ImageTensor {
                    stored: Contiguous::new(tensor),
                    format: MemoryFormat::Contiguous,
                },
            }),
            Stored::Other(_) => Stored::Other(Contiguous::new(tensor)),
        }
    }

    /// A tensor of a buffer that lies as this one does.
    pub fn like(&self, values: Buffer) -> FloatTensor<B> {
        match self {
            Stored::Images(images) => images.like(values, &images.stored.0.device()),
            Stored::Other(Contiguous(tensor)) => {
                buffer_tensor::<B>(values, tensor.shape(), &tensor.device())
            }
        }
    }
}

/// A tensor of `values` in the order of `shape`.
pub fn tensor<B: Host>(
    values: Vec<f32>,
    shape: impl Into<Shape>,
    device: &Device<B>,
) -> FloatTensor<B> {
    B::float_from_data(TensorData::new(values, shape), device)
}

/// A tensor of a buffer's values in the order of `shape`.
pub fn buffer_tensor<B: Host>(
    values: Buffer,
    shape: impl Into<Shape>,
    device: &Device<B>,
) -> FloatTensor<B> {
    B::float_from_data(values.into_data(shape), device)
}

/// A tensor `[batch, channels, height, width]` whose elements lie in `format`.
fn image_tensor<B: Host>(
    values: Buffer,
    [batch, channels, height, width]: [usize; 4],
    format: MemoryFormat,
    device: &Device<B>,
) -> FloatTensor<B> {
    match format {
        MemoryFormat::Contiguous => {
            buffer_tensor::<B>(values, [batch, channels, height, width], device)
        }
        MemoryFormat::ChannelsLast => {
            let stored = buffer_tensor::<B>(values, [batch, height, width, channels], device);
            B::float_permute(stored, &[0, 3, 1, 2])
        }
    }
}

pub fn conv2d<B: Host>(
    input: &FloatTensor<B>,
    weight: &FloatTensor<B>,
    bias: &FloatTensor<B>,
    geometry: &Conv2dGeometry,
    relu: bool,
) -> FloatTensor<B> {
    let batch = input.shape()[0];
    let (weight, bias) = (Contiguous::<B>::new(weight), Contiguous::<B>::new(bias));
    let mut output = Buffer::take(batch * geometry.output_len());
    conv2d::forward(
        Level::best(),
        geometry,
        ImageTensor::<B>::new(input).images(),
        weight.slice(),
        Some(bias.slice()),
        relu,
        &mut output,
    );
    let [height, width] = geometry.output_size();
    let sizes = [batch, geometry.out_channels, height, width];
    let device = input.device();
    image_tensor::<B>(output, sizes, MemoryFormat::ChannelsLast, &device)
}

/// The output of the block; with `winners`, of its own length, also what its backward pass needs.
pub fn conv2d_pool<B: Host>(
    input: &FloatTensor<B>,
    weight: &FloatTensor<B>,
    bias: &FloatTensor<B>,
    geometry: &BlockGeometry,
    mask: Option<&DropoutMask>,
    winners: Option<&mut Buffer>,
) -> FloatTensor<B> {
    let batch = input.shape()[0];
    let (weight, bias) = (Contiguous::<B>::new(weight), Contiguous::<B>::new(bias));
    let mut output = Buffer::take(batch * geometry.output_len());
    conv_pool::forward(
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

pub fn linear<B: Host>(
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
    super::linear::forward(
        Level::best(),
        input,
        weight,
        bias_values.slice(),
        &mut output,
    );
    buffer_tensor::<B>(output, [batch, out_features], &bias.device())
}

pub fn flatten_linear<B: Host>(
    input: &ImageTensor<B>,
    weight: &FloatTensor<B>,
    bias: &FloatTensor<B>,
) -> FloatTensor<B> {
    let weight = input.weight_rows(weight, bias.shape()[0]);
    linear_of::<B>(input.images().values, &weight, bias)
}

/// `input` lies channels last, and so does the output.
pub fn batch_norm<B: Host>(
    input: &ImageTensor<B>,
    weight: &FloatTensor<B>,
    bias: &FloatTensor<B>,
    eps: f64,
    relu: bool,
) -> (FloatTensor<B>, Statistics) {
    let [batch, channels, ..] = input.sizes();
    let device = weight.device();
    let (weight, bias) = (Contiguous::<B>::new(weight), Contiguous::<B>::new(bias));
    let values = input.images().values;
    let statistics = batch_norm::statistics(Level::best(), values, channels, batch);
    let mut output = Buffer::take(values.len());
    batch_norm::forward(
        Level::best(),
        values,
        batch,
        &statistics,
        weight.slice(),
        bias.slice(),
        eps,
        relu,
        &mut output,
    );
    (input.like(output, &device), statistics)
}

/// Mean and unbiased variance as tensors.
pub fn statistics<B: Host>(statistics: &Statistics, device: &Device<B>) -> [FloatTensor<B>; 2] {
    [&statistics.mean, &statistics.unbiased_variance]
        .map(|values| tensor::<B>(values.clone(), [values.len()], device))
}

/// `input` lies channels last, and so does the output.
pub fn avg_pool<B: Host>(input: &ImageTensor<B>, geometry: &AvgPoolGeometry) -> FloatTensor<B> {
    let [batch, channels, ..] = input.sizes();
    let mut output = Buffer::take(batch * geometry.output_len());
    super::avg_pool::forward(geometry, input.images().values, &mut output);
    let [height, width] = geometry.output_size;
    let sizes = [batch, channels, height, width];
    let device = input.stored.0.device();
    image_tensor::<B>(output, sizes, MemoryFormat::ChannelsLast, &device)
}

/// The gradient of [`avg_pool`]'s input.
pub fn avg_pool_backward<B: Host>(
    gradient: &ImageTensor<B>,
    geometry: &AvgPoolGeometry,
) -> FloatTensor<B> {
    let [batch, channels, ..] = gradient.sizes();
    let [height, width] = geometry.size;
    let mut target = Buffer::take(batch * channels * height * width);
    super::avg_pool::backward(geometry, gradient.images().values, &mut target);
    let sizes = [batch, channels, height, width];
    let device = gradient.stored.0.device();
    image_tensor::<B>(target, sizes, MemoryFormat::ChannelsLast, &device)
}

/// Forward and backward are the same.
pub fn dropout<B: Host>(input: &FloatTensor<B>, mask: &DropoutMask) -> FloatTensor<B> {
    let values = Contiguous::<B>::new(input);
    let mut output = Buffer::take(values.slice().len());
    super::dropout::apply(Level::best(), mask, values.slice(), &mut output);
    buffer_tensor::<B>(output, input.shape(), &input.device())
}

pub fn activation<B: Host>(input: &Stored<B>, activation: Activation) -> FloatTensor<B> {
    let mut output = Buffer::take(input.values().len());
    activation::forward(Level::best(), activation, input.values(), &mut output);
    input.like(output)
}

/// The gradient of [`activation`]'s input.
pub fn activation_backward<B: Host>(
    input: &Stored<B>,
    activation: Activation,
    gradient: &FloatTensor<B>,
) -> FloatTensor<B> {
    let gradient = input.alike(gradient);
    let mut target = Buffer::take(input.values().len());
    let level = Level::best();
    activation::backward(
        level,
        activation,
        input.values(),
        gradient.values(),
        &mut target,
    );
    input.like(target)
}

pub fn prelu<B: Host>(
    input: &FloatTensor<B>,
    weight: &FloatTensor<B>,
    geometry: &PreluGeometry,
) -> FloatTensor<B> {
    let (values, weight) = (Contiguous::<B>::new(input), Contiguous::<B>::new(weight));
    let mut output = Buffer::take(values.slice().len());
    prelu::forward(geometry, values.slice(), weight.slice(), &mut output);
    buffer_tensor::<B>(output, input.shape(), &input.device())
}

pub fn group_norm<B: Host>(
    input: &FloatTensor<B>,
    weight: &FloatTensor<B>,
    bias: &FloatTensor<B>,
    geometry: &GroupNormGeometry,
) -> FloatTensor<B> {
    let (values, weight) = (Contiguous::<B>::new(input), Contiguous::<B>::new(weight));
    let bias = Contiguous::<B>::new(bias);
    let mut output = Buffer::take(values.slice().len());
    let (weight, bias) = (weight.slice(), bias.slice());
    group_norm::forward(geometry, values.slice(), weight, bias, &mut output);
    buffer_tensor::<B>(output, input.shape(), &input.device())
}

pub fn residual<B: Host>(
    one: &FloatTensor<B>,
    other: &FloatTensor<B>,
    relu: bool,
) -> FloatTensor<B> {
    let one = Stored::<B>::new(one);
    let other = one.alike(other);
    let mut output = Buffer::take(one.values().len());
    super::residual::forward(one.values(), other.values(), relu, &mut output);
    one.like(output)
}

/// The gradient of either branch of a [`residual`] with ReLU.
pub fn residual_backward<B: Host>(output: &Stored<B>, gradient: &FloatTensor<B>) -> FloatTensor<B> {
    let gradient = output.alike(gradient);
    let mut target = Buffer::take(output.values().len());
    super::residual::backward(gradient.values(), output.values(), &mut target);
    output.like(target)
}

/// The loss and its gradient.
pub fn loss<B: Host>(
    logits: &FloatTensor<B>,
    targets: &Targets,
    loss: &Loss,
    total: f64,
) -> (FloatTensor<B>, FloatTensor<B>) {
    let device = logits.device();
    let values = Contiguous::<B>::new(logits);
    let (value, gradient) = super::loss::forward(loss, values.slice(), targets, total);
    (
        tensor::<B>(vec![value], [1], &device),
        tensor::<B>(gradient, logits.shape(), &device),
    )
}

pub fn adam_step<B: Host>(
    parameter: &FloatTensor<B>,
    gradient: &FloatTensor<B>,
    exp_avg: &FloatTensor<B>,
    exp_avg_sq: &FloatTensor<B>,
    adam: &Adam,
) -> (FloatTensor<B>, FloatTensor<B>, FloatTensor<B>) {
    let copy = |tensor| Contiguous::<B>::new(tensor).slice().to_vec();
    let mut values = [copy(parameter), copy(exp_avg), copy(exp_avg_sq)];
    let gradient = Contiguous::<B>::new(gradient);
    let [new, mean, square] = &mut values;
    adam::step(Level::best(), adam, new, gradient.slice(), mean, square);
    let device = parameter.device();
    let [new, mean, square] = values.map(|values| tensor::<B>(values, parameter.shape(), &device));
    (new, mean, square)
}

/// Gradients of a convolution as tensors: input, weight, bias.
pub fn conv2d_gradients<B: Host>(
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
        Some(tensor::<B>(gradients.weight, weight, device)),
        Some(tensor::<B>(gradients.bias, [geometry.out_channels], device)),
    ]
}
