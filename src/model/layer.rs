//! One layer: built from its config, run forward.

use burn::module::{Module, Param};
use burn::nn::PaddingConfig2d;
use burn::nn::conv::Conv2d;
use burn::nn::pool::{MaxPool2d, MaxPool2dConfig};
use burn::nn::{Linear, Relu};
use burn::tensor::{Device, Tensor};

use super::batch_norm::{BatchNorm2d, BatchStatistics};
use super::initialization::uniform_fan_in;
use super::mode::Mode;
use super::parameters::from_array;
use crate::array::{Array, Values};
use crate::config::{self, Shape};
use crate::kernels::{self, Conv2dGeometry, PoolGeometry};
use crate::random::DropoutMask;

#[derive(Module, Debug)]
pub enum Layer {
    Conv2d(Conv2d),
    BatchNorm2d(BatchNorm2d),
    Relu(Relu),
    MaxPool2d(MaxPool2d),
    AdaptiveAvgPool2d(AdaptiveAvgPool2d),
    Flatten(Flatten),
    Dropout(Dropout),
    Linear(Linear),
}

/// `[batch, channels, height, width]` to `[batch, features]`, as `torch.nn.Flatten`.
#[derive(Module, Debug)]
pub struct Flatten;

/// As `torch.nn.AdaptiveAvgPool2d`.
#[derive(Module, Debug)]
pub struct AdaptiveAvgPool2d {
    pub output_size: [usize; 2],
}

/// Dropout whose mask follows from (seed, step, layer) alone, as Burn's own draws from a state
/// that cannot be saved.
#[derive(Module, Debug)]
pub struct Dropout {
    /// The share of elements set to zero.
    p: f64,
    /// Index of the layer in the network.
    layer: usize,
}

/// What flows between layers.
#[derive(Debug)]
pub enum Activation {
    /// `[batch, channels, height, width]`
    Image(Tensor<4>),
    /// `[batch, features]`
    Flat(Tensor<2>),
}

impl Layer {
    /// Layer `index` of the network, for an input of shape `input`, with its start values.
    pub fn build(
        layer: &config::Layer,
        index: usize,
        input: Shape,
        seed: u64,
        device: &Device,
    ) -> Self {
        // Drawn in PyTorch's layout, turned into Burn's.
        let draw = |parameter: &str, fan_in: usize, shape: &[usize]| {
            let name = format!("layers.{index}.{parameter}");
            let values = uniform_fan_in(seed, &name, fan_in, shape.iter().product());
            let shape = shape.to_vec();
            let array = Array {
                shape,
                values: Values::F32(values),
            };
            from_array(&array).expect("it was made of floats")
        };
        match (layer, input) {
            (config::Layer::Conv2d(conv), Shape::Image { channels, .. }) => {
                let [height, width] = conv.kernel_size;
                let group_channels = channels / conv.groups;
                let fan_in = group_channels * height * width;
                let shape = [conv.out_channels, group_channels, height, width];
                let bias = || draw("bias", fan_in, &[conv.out_channels]);
                let [vertical, horizontal] = conv.padding;
                Layer::Conv2d(Conv2d {
                    weight: Param::from_data(draw("weight", fan_in, &shape), device),
                    bias: conv.bias.then(|| Param::from_data(bias(), device)),
                    stride: conv.stride,
                    kernel_size: conv.kernel_size,
                    dilation: conv.dilation,
                    groups: conv.groups,
                    padding: PaddingConfig2d::Explicit(vertical, horizontal, vertical, horizontal),
                })
            }
            (config::Layer::BatchNorm2d(norm), Shape::Image { channels, .. }) => {
                Layer::BatchNorm2d(BatchNorm2d::new(norm, index, channels, device))
            }
            (config::Layer::Relu, _) => Layer::Relu(Relu::new()),
            (config::Layer::MaxPool2d(pool), _) => {
                let [vertical, horizontal] = pool.padding;
                let padding = PaddingConfig2d::Explicit(vertical, horizontal, vertical, horizontal);
                Layer::MaxPool2d(
                    MaxPool2dConfig::new(pool.kernel_size)
                        .with_strides(pool.stride)
                        .with_padding(padding)
                        .init(),
                )
            }
            (config::Layer::AdaptiveAvgPool2d(pool), _) => {
                let output_size = pool.output_size;
                Layer::AdaptiveAvgPool2d(AdaptiveAvgPool2d { output_size })
            }
            (config::Layer::Flatten, _) => Layer::Flatten(Flatten),
            (config::Layer::Dropout(dropout), _) => Layer::Dropout(Dropout {
                p: dropout.p,
                layer: index,
            }),
            (config::Layer::Linear(linear), Shape::Flat { features }) => {
                let shape = [linear.out_features, features];
                let bias = || draw("bias", features, &[linear.out_features]);
                Layer::Linear(Linear {
                    weight: Param::from_data(draw("weight", features, &shape), device),
                    bias: linear.bias.then(|| Param::from_data(bias(), device)),
                })
            }
            (config::Layer::Conv2d(_) | config::Layer::BatchNorm2d(_), Shape::Flat { .. })
            | (config::Layer::Linear(_), Shape::Image { .. }) => {
                unreachable!("the shapes of an experiment fit")
            }
        }
    }

    /// The name the config has for it.
    pub fn name(&self) -> &'static str {
        match self {
            Layer::Conv2d(_) => "conv2d",
            Layer::BatchNorm2d(_) => "batch_norm2d",
            Layer::Relu(_) => "relu",
            Layer::MaxPool2d(_) => "max_pool2d",
            Layer::AdaptiveAvgPool2d(_) => "adaptive_avg_pool2d",
            Layer::Flatten(_) => "flatten",
            Layer::Dropout(_) => "dropout",
            Layer::Linear(_) => "linear",
        }
    }

    /// Batch normalizations add what they have seen to `statistics`.
    pub fn forward(
        &self,
        input: Activation,
        mode: Mode,
        statistics: &mut Vec<BatchStatistics>,
    ) -> Activation {
        match (self, input) {
            (Layer::Conv2d(conv), Activation::Image(x)) => {
                let geometry = conv2d_geometry(conv, x.dims());
                let bias = conv.bias.as_ref().map(|bias| bias.val());
                let weight = conv.weight.val();
                Activation::Image(kernels::conv2d(x, weight, bias, geometry, false))
            }
            (Layer::BatchNorm2d(norm), Activation::Image(x)) => {
                Activation::Image(norm.forward(x, mode, false, statistics))
            }
            (Layer::Relu(relu), Activation::Image(x)) => Activation::Image(relu.forward(x)),
            (Layer::Relu(relu), Activation::Flat(x)) => Activation::Flat(relu.forward(x)),
            (Layer::MaxPool2d(pool), Activation::Image(x)) => Activation::Image(pool.forward(x)),
            (Layer::AdaptiveAvgPool2d(pool), Activation::Image(x)) => {
                Activation::Image(kernels::adaptive_avg_pool2d(x, pool.output_size))
            }
            (Layer::Flatten(_), Activation::Image(x)) => Activation::Flat(x.flatten(1, 3)),
            (Layer::Flatten(_), flat) => flat,
            (Layer::Dropout(dropout), Activation::Image(x)) => {
                Activation::Image(dropout.forward(x, mode))
            }
            (Layer::Dropout(dropout), Activation::Flat(x)) => {
                Activation::Flat(dropout.forward(x, mode))
            }
            (Layer::Linear(linear), Activation::Flat(x)) => {
                let bias = linear.bias.as_ref().map(|bias| bias.val());
                Activation::Flat(kernels::linear(x, linear.weight.val(), bias))
            }
            (
                Layer::Conv2d(_)
                | Layer::BatchNorm2d(_)
                | Layer::MaxPool2d(_)
                | Layer::AdaptiveAvgPool2d(_),
                Activation::Flat(_),
            )
            | (Layer::Linear(_), Activation::Image(_)) => {
                unreachable!("the shapes of an experiment fit")
            }
        }
    }
}

impl Activation {
    pub fn is_finite(&self) -> bool {
        match self {
            Activation::Image(x) => is_finite(x.clone().inner()),
            Activation::Flat(x) => is_finite(x.clone().inner()),
        }
    }
}

/// Whether a tensor has neither NaN nor infinity.
pub fn is_finite<const D: usize>(tensor: Tensor<D>) -> bool {
    let data = tensor.into_data();
    let values = data.as_slice::<f32>().expect("32-bit floats");
    // Without a jump a value, so that it runs on vectors.
    !values
        .iter()
        .fold(false, |found, value| found | !value.is_finite())
}

impl Dropout {
    /// Evaluation passes everything on unchanged.
    fn forward<const D: usize>(&self, x: Tensor<D>, mode: Mode) -> Tensor<D> {
        match self.mask(mode) {
            Some(mask) => kernels::dropout(x, mask),
            None => x,
        }
    }

    /// What is dropped in this mode, if anything.
    pub fn mask(&self, mode: Mode) -> Option<DropoutMask> {
        match mode {
            Mode::Training { seed, step } if self.p > 0.0 => {
                Some(DropoutMask::new(seed, step, self.layer as u64, self.p))
            }
            _ => None,
        }
    }
}

/// The sizes of a convolution for images `[batch, channels, height, width]`.
pub fn conv2d_geometry(
    conv: &Conv2d,
    [_, in_channels, height, width]: [usize; 4],
) -> Conv2dGeometry {
    Conv2dGeometry {
        in_channels,
        out_channels: conv.weight.dims()[0],
        size: [height, width],
        kernel_size: conv.kernel_size,
        stride: conv.stride,
        padding: both_sides(&conv.padding),
        dilation: conv.dilation,
        groups: conv.groups,
    }
}

pub fn pool_geometry(pool: &MaxPool2d) -> PoolGeometry {
    PoolGeometry {
        kernel_size: pool.kernel_size,
        stride: pool.stride,
        padding: both_sides(&pool.padding),
    }
}

/// Layers are built with explicit padding, the same on opposite sides.
fn both_sides(padding: &PaddingConfig2d) -> [usize; 2] {
    match padding {
        PaddingConfig2d::Explicit(top, left, ..) => [*top, *left],
        _ => unreachable!("the padding of layers is explicit"),
    }
}
