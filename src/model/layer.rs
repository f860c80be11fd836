//! One layer: built from its config, run forward.

use burn::module::{Module, Param};
use burn::nn::Linear;
use burn::nn::PaddingConfig2d;
use burn::nn::conv::{Conv2d, ConvTranspose2d};
use burn::nn::pool::{MaxPool2d, MaxPool2dConfig};
use burn::tensor::{Device, Tensor};

use super::batch_norm::{BatchNorm, BatchStatistics};
use super::convolution;
use super::dropout::Dropout;
use super::fusion;
use super::group_norm::GroupNorm;
use super::initialization;
use super::mode::Mode;
use super::parameters::from_array;
use crate::array::{Array, Values};
use crate::config::{self, Initializer, Shape};
use crate::kernels::group_norm::GroupNormGeometry;
use crate::kernels::{self, PoolGeometry, activation};

#[derive(Module, Debug)]
pub enum Layer {
    Conv2d(Conv2d),
    ConvTranspose2d(ConvTranspose2d),
    Linear(Linear),
    BatchNorm(BatchNorm),
    GroupNorm(GroupNorm<1>),
    /// The norm of images as a whole, whose parameters have their shape.
    ImageNorm(GroupNorm<3>),
    Relu(Relu),
    Activation(Activation),
    Prelu(Prelu),
    MaxPool2d(MaxPool2d),
    AvgPool2d(AvgPool2d),
    AdaptiveAvgPool2d(AdaptiveAvgPool2d),
    GlobalAvgPool(GlobalAvgPool),
    Dropout(Dropout),
    Flatten(Flatten),
    Residual(Residual),
}

/// `max(0, x)`
#[derive(Module, Debug)]
pub struct Relu;

/// A function of each element.
#[derive(Module, Debug)]
pub struct Activation {
    #[module(skip)]
    function: activation::Activation,
}

/// As `torch.nn.PReLU`.
#[derive(Module, Debug)]
pub struct Prelu {
    pub weight: Param<Tensor<1>>,
}

/// As `torch.nn.AvgPool2d`.
#[derive(Module, Debug)]
pub struct AvgPool2d {
    #[module(skip)]
    pool: PoolGeometry,
    count_include_pad: bool,
}

/// As `torch.nn.AdaptiveAvgPool2d`.
#[derive(Module, Debug)]
pub struct AdaptiveAvgPool2d {
    output_size: [usize; 2],
}

/// `[batch, channels, height, width]` to the means `[batch, channels]`.
#[derive(Module, Debug)]
pub struct GlobalAvgPool;

/// `[batch, channels, height, width]` to `[batch, features]`, as `torch.nn.Flatten`.
#[derive(Module, Debug)]
pub struct Flatten;

/// The sum of two branches; without a shortcut the other one is the input.
#[derive(Module, Debug)]
pub struct Residual {
    pub layers: Vec<Layer>,
    pub shortcut: Vec<Layer>,
}

/// What flows between layers.
#[derive(Debug, Clone)]
pub enum Flow {
    /// `[batch, channels, height, width]`
    Image(Tensor<4>),
    /// `[batch, features]`
    Flat(Tensor<2>),
}

/// What layers are built with.
pub struct Builder<'a> {
    pub seed: u64,
    pub init: &'a Initializer,
    pub device: &'a Device,
    /// Layers so far; those with layers inside come before them.
    pub count: usize,
}

impl Builder<'_> {
    /// The layers of a list whose parameters' names begin with `path`, with their start values.
    pub fn list(&mut self, layers: &[config::Layer], path: &str, mut input: Shape) -> Vec<Layer> {
        let mut built = Vec::with_capacity(layers.len());
        for (index, layer) in layers.iter().enumerate() {
            built.push(self.layer(layer, &format!("{path}.{index}"), input));
            input = config::after_fitting(layer, input);
        }
        built
    }

    fn layer(&mut self, layer: &config::Layer, path: &str, input: Shape) -> Layer {
        let number = self.count;
        self.count += 1;
        let (channels, pixels) = match input {
            Shape::Image {
                channels,
                height,
                width,
            } => (channels, height * width),
            Shape::Flat { features } => (features, 1),
        };
        let geometry = |channels, pixels, groups, eps| GroupNormGeometry {
            channels,
            pixels,
            groups,
            eps,
        };
        let group_norm = |groups, eps, has: bool| {
            let geometry = geometry(channels, pixels, groups, eps);
            Layer::GroupNorm(GroupNorm::new(geometry, [channels], has, has, self.device))
        };
        let function = |function| Layer::Activation(Activation { function });
        match layer {
            config::Layer::Conv2d(conv) => {
                let [height, width] = conv.kernel_size;
                let shape = [conv.out_channels, channels / conv.groups, height, width];
                let init = conv.init.as_ref();
                let bias = conv.bias.then_some(conv.out_channels);
                let (weight, bias) = self.weight_and_bias(path, init, &shape, bias);
                let [[top, bottom], [left, right]] = conv.sides();
                Layer::Conv2d(Conv2d {
                    weight,
                    bias,
                    stride: conv.stride,
                    kernel_size: conv.kernel_size,
                    dilation: conv.dilation,
                    groups: conv.groups,
                    padding: PaddingConfig2d::Explicit(top, left, bottom, right),
                })
            }
            config::Layer::ConvTranspose2d(conv) => {
                let [height, width] = conv.kernel_size;
                let shape = [channels, conv.out_channels / conv.groups, height, width];
                let init = conv.init.as_ref();
                let bias = conv.bias.then_some(conv.out_channels);
                let (weight, bias) = self.weight_and_bias(path, init, &shape, bias);
                Layer::ConvTranspose2d(ConvTranspose2d {
                    weight,
                    bias,
                    stride: conv.stride,
                    kernel_size: conv.kernel_size,
                    dilation: conv.dilation,
                    groups: conv.groups,
                    padding: conv.padding,
                    padding_out: conv.output_padding,
                    channels: [channels, conv.out_channels],
                })
            }
            config::Layer::Linear(linear) => {
                let shape = [linear.out_features, channels];
                let init = linear.init.as_ref();
                let bias = linear.bias.then_some(linear.out_features);
                let (weight, bias) = self.weight_and_bias(path, init, &shape, bias);
                Layer::Linear(Linear { weight, bias })
            }
            config::Layer::BatchNorm2d(norm) | config::Layer::BatchNorm1d(norm) => {
                Layer::BatchNorm(BatchNorm::new(norm, channels, self.device))
            }
            config::Layer::GroupNorm(norm) => group_norm(norm.num_groups, norm.eps, norm.affine),
            config::Layer::InstanceNorm2d(norm) => group_norm(channels, norm.eps, norm.affine),
            config::Layer::LayerNorm(norm) => {
                // Each element is a channel of its own.
                let geometry = geometry(channels * pixels, 1, 1, norm.eps);
                let has_weight = norm.elementwise_affine;
                let has_bias = has_weight && norm.bias;
                match input {
                    Shape::Image {
                        channels,
                        height,
                        width,
                    } => {
                        let shape = [channels, height, width];
                        let norm =
                            GroupNorm::new(geometry, shape, has_weight, has_bias, self.device);
                        Layer::ImageNorm(norm)
                    }
                    Shape::Flat { features } => {
                        let shape = [features];
                        let norm =
                            GroupNorm::new(geometry, shape, has_weight, has_bias, self.device);
                        Layer::GroupNorm(norm)
                    }
                }
            }
            config::Layer::Relu => Layer::Relu(Relu),
            config::Layer::Relu6 => function(activation::Activation::Relu6),
            config::Layer::LeakyRelu(leaky) => function(activation::Activation::LeakyRelu {
                negative_slope: leaky.negative_slope as f32,
            }),
            config::Layer::Gelu(gelu) => function(match gelu.approximate {
                config::Approximate::None => activation::Activation::Gelu,
                config::Approximate::Tanh => activation::Activation::GeluTanh,
            }),
            config::Layer::Silu => function(activation::Activation::Silu),
            config::Layer::Elu(elu) => function(activation::Activation::Elu {
                alpha: elu.alpha as f32,
            }),
            config::Layer::HardSwish => function(activation::Activation::HardSwish),
            config::Layer::Sigmoid => function(activation::Activation::Sigmoid),
            config::Layer::Tanh => function(activation::Activation::Tanh),
            config::Layer::Softplus(softplus) => function(activation::Activation::Softplus {
                beta: softplus.beta as f32,
                threshold: softplus.threshold as f32,
            }),
            config::Layer::Prelu(prelu) => {
                let slopes = vec![prelu.init as f32; prelu.num_parameters];
                let slopes = Tensor::from_floats(slopes.as_slice(), self.device);
                Layer::Prelu(Prelu {
                    weight: Param::from_tensor(slopes),
                })
            }
            config::Layer::MaxPool2d(pool) => {
                let [vertical, horizontal] = pool.padding;
                let padding = PaddingConfig2d::Explicit(vertical, horizontal, vertical, horizontal);
                Layer::MaxPool2d(
                    MaxPool2dConfig::new(pool.kernel_size)
                        .with_strides(pool.stride)
                        .with_padding(padding)
                        .init(),
                )
            }
            config::Layer::AvgPool2d(pool) => Layer::AvgPool2d(AvgPool2d {
                pool: PoolGeometry {
                    kernel_size: pool.kernel_size,
                    stride: pool.stride,
                    padding: pool.padding,
                },
                count_include_pad: pool.count_include_pad,
            }),
            config::Layer::AdaptiveAvgPool2d(pool) => {
                let output_size = pool.output_size;
                Layer::AdaptiveAvgPool2d(AdaptiveAvgPool2d { output_size })
            }
            config::Layer::GlobalAvgPool => Layer::GlobalAvgPool(GlobalAvgPool),
            config::Layer::Dropout(dropout) => {
                Layer::Dropout(Dropout::of_elements(dropout.p, number))
            }
            config::Layer::Dropout2d(dropout) => {
                Layer::Dropout(Dropout::of_channels(dropout.p, number))
            }
            config::Layer::Flatten => Layer::Flatten(Flatten),
            config::Layer::Residual(residual) => Layer::Residual(Residual {
                layers: self.list(&residual.layers, &format!("{path}.layers"), input),
                shortcut: self.list(&residual.shortcut, &format!("{path}.shortcut"), input),
            }),
        }
    }

    /// Parameters with their start values; `shape` is PyTorch's of the weight, `bias` the length of
    /// the bias, if there is one.
    fn weight_and_bias<const D: usize>(
        &self,
        path: &str,
        init: Option<&Initializer>,
        shape: &[usize; D],
        bias: Option<usize>,
    ) -> (Param<Tensor<D>>, Option<Param<Tensor<1>>>) {
        let init = init.unwrap_or(self.init);
        // Drawn in PyTorch's layout, turned into Burn's.
        let data = |values, shape: &[usize]| {
            let array = Array {
                shape: shape.to_vec(),
                values: Values::F32(values),
            };
            from_array(&array).expect("it was made of floats")
        };
        let weight = initialization::weight(init, self.seed, &format!("{path}.weight"), shape);
        let bias = bias.map(|length| {
            let name = format!("{path}.bias");
            let values = initialization::bias(init, self.seed, &name, shape, length);
            Param::from_data(data(values, &[length]), self.device)
        });
        (Param::from_data(data(weight, shape), self.device), bias)
    }
}

impl Layer {
    /// Batch normalizations add what they have seen to `statistics`.
    pub fn forward(&self, input: Flow, mode: Mode, statistics: &mut Vec<BatchStatistics>) -> Flow {
        match (self, input) {
            (Layer::Conv2d(conv), Flow::Image(x)) => {
                let (weight, bias) = (conv.weight.val(), conv.bias.as_ref().map(Param::val));
                Flow::Image(convolution::forward(conv, x, weight, bias, false))
            }
            (Layer::ConvTranspose2d(conv), Flow::Image(x)) => {
                Flow::Image(convolution::transposed(conv, x))
            }
            (Layer::Linear(linear), Flow::Flat(x)) => {
                let bias = linear.bias.as_ref().map(Param::val);
                Flow::Flat(kernels::linear(x, linear.weight.val(), bias))
            }
            (Layer::BatchNorm(norm), Flow::Image(x)) => {
                Flow::Image(norm.forward(x, mode, false, statistics))
            }
            (Layer::BatchNorm(norm), Flow::Flat(x)) => {
                let [batch, features] = x.dims();
                let images = x.reshape([batch, features, 1, 1]);
                let images = norm.forward(images, mode, false, statistics);
                Flow::Flat(images.reshape([batch, features]))
            }
            (Layer::GroupNorm(norm), Flow::Image(x)) => Flow::Image(norm.forward(x)),
            (Layer::GroupNorm(norm), Flow::Flat(x)) => Flow::Flat(norm.forward(x)),
            (Layer::ImageNorm(norm), Flow::Image(x)) => Flow::Image(norm.forward(x)),
            (Layer::Relu(_), input) => input.map(activation::Activation::Relu),
            (Layer::Activation(layer), input) => input.map(layer.function),
            (Layer::Prelu(prelu), Flow::Image(x)) => {
                Flow::Image(kernels::prelu(x, prelu.weight.val()))
            }
            (Layer::Prelu(prelu), Flow::Flat(x)) => {
                Flow::Flat(kernels::prelu(x, prelu.weight.val()))
            }
            (Layer::MaxPool2d(pool), Flow::Image(x)) => Flow::Image(pool.forward(x)),
            (Layer::AvgPool2d(layer), Flow::Image(x)) => {
                Flow::Image(kernels::avg_pool2d(x, layer.pool, layer.count_include_pad))
            }
            (Layer::AdaptiveAvgPool2d(pool), Flow::Image(x)) => {
                Flow::Image(kernels::adaptive_avg_pool2d(x, pool.output_size))
            }
            (Layer::GlobalAvgPool(_), Flow::Image(x)) => {
                Flow::Flat(kernels::adaptive_avg_pool2d(x, [1, 1]).flatten(1, 3))
            }
            (Layer::Dropout(dropout), Flow::Image(x)) => Flow::Image(dropout.forward(x, mode)),
            (Layer::Dropout(dropout), Flow::Flat(x)) => Flow::Flat(dropout.forward(x, mode)),
            (Layer::Flatten(_), Flow::Image(x)) => Flow::Flat(x.flatten(1, 3)),
            (Layer::Flatten(_), flat) => flat,
            (Layer::Residual(residual), input) => residual.forward(input, mode, false, statistics),
            (
                Layer::Conv2d(_)
                | Layer::ConvTranspose2d(_)
                | Layer::MaxPool2d(_)
                | Layer::AvgPool2d(_)
                | Layer::AdaptiveAvgPool2d(_)
                | Layer::GlobalAvgPool(_)
                | Layer::ImageNorm(_),
                Flow::Flat(_),
            )
            | (Layer::Linear(_), Flow::Image(_)) => {
                unreachable!("the shapes of an experiment fit")
            }
        }
    }
}

impl Residual {
    /// The sum of the branches, then ReLU where it is asked for.
    pub fn forward(
        &self,
        input: Flow,
        mode: Mode,
        relu: bool,
        statistics: &mut Vec<BatchStatistics>,
    ) -> Flow {
        let one = fusion::forward_all(&self.layers, input.clone(), mode, statistics);
        let other = fusion::forward_all(&self.shortcut, input, mode, statistics);
        match (one, other) {
            (Flow::Image(one), Flow::Image(other)) => {
                Flow::Image(kernels::residual(one, other, relu))
            }
            (Flow::Flat(one), Flow::Flat(other)) => Flow::Flat(kernels::residual(one, other, relu)),
            _ => unreachable!("the shapes of an experiment fit"),
        }
    }
}

impl Flow {
    fn map(self, function: activation::Activation) -> Self {
        match self {
            Flow::Image(x) => Flow::Image(kernels::activation(x, function)),
            Flow::Flat(x) => Flow::Flat(kernels::activation(x, function)),
        }
    }

    pub fn is_finite(&self) -> bool {
        match self {
            Flow::Image(x) => is_finite(x.clone().inner()),
            Flow::Flat(x) => is_finite(x.clone().inner()),
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

pub fn pool_geometry(pool: &MaxPool2d) -> PoolGeometry {
    let PaddingConfig2d::Explicit(vertical, horizontal, ..) = pool.padding else {
        unreachable!("the padding of layers is explicit")
    };
    PoolGeometry {
        kernel_size: pool.kernel_size,
        stride: pool.stride,
        padding: [vertical, horizontal],
    }
}
