//! One layer without layers inside: built from its config, run forward. A file a family.

mod activation;
mod batch_norm;
pub mod convolution;
mod dropout;
mod group_norm;
mod linear;
mod normalization;
pub mod pooling;

use burn::module::Module;

pub use activation::Activation;
pub use batch_norm::{BatchNorm, BatchStatistics};
pub use convolution::Convolution;
pub use dropout::Dropout;
pub use linear::Linear;
pub use normalization::Normalization;
pub use pooling::Pooling;

use super::builder::Place;
use super::flow::{Flow, Pass};
use crate::config;
use crate::kernels::activation::Activation as Function;

/// A layer of one of the families.
#[derive(Module, Debug)]
pub enum Layer {
    /// Convolutions.
    Convolution(Convolution),
    /// The fully connected layer.
    Linear(Linear),
    /// Norms.
    Normalization(Normalization),
    /// Functions of each element.
    Activation(Activation),
    /// Pools.
    Pooling(Pooling),
    /// Dropout of elements or channels.
    Dropout(Dropout),
    /// `[batch, channels, height, width]` to `[batch, features]`.
    Flatten(Flatten),
}

/// As `torch.nn.Flatten`.
#[derive(Module, Debug)]
pub struct Flatten;

impl Layer {
    /// The layer at a place of a network with its start values; `None` for one with layers inside.
    pub fn new(layer: &config::Layer, place: &Place<'_>) -> Option<Self> {
        use config::Layer as Config;
        let plain = |function| Self::Activation(Activation::plain(function));
        Some(match layer {
            Config::Conv2d(it) => Self::Convolution(Convolution::conv2d(it, place)),
            Config::ConvTranspose2d(it) => {
                Self::Convolution(Convolution::conv_transpose2d(it, place))
            }
            Config::Linear(it) => Self::Linear(Linear::new(it, place)),
            Config::BatchNorm2d(it) | Config::BatchNorm1d(it) => {
                Self::Normalization(Normalization::batch_norm(it, place))
            }
            Config::GroupNorm(it) => Self::Normalization(Normalization::group_norm(it, place)),
            Config::LayerNorm(it) => Self::Normalization(Normalization::layer_norm(it, place)),
            Config::InstanceNorm2d(it) => {
                Self::Normalization(Normalization::instance_norm(it, place))
            }
            Config::Relu => Self::Activation(Activation::relu()),
            Config::Relu6 => plain(Function::Relu6),
            Config::LeakyRelu(it) => Self::Activation(Activation::leaky_relu(it)),
            Config::Gelu(it) => Self::Activation(Activation::gelu(it)),
            Config::Silu => plain(Function::Silu),
            Config::Elu(it) => Self::Activation(Activation::elu(it)),
            Config::HardSwish => plain(Function::HardSwish),
            Config::Sigmoid => plain(Function::Sigmoid),
            Config::Tanh => plain(Function::Tanh),
            Config::Softplus(it) => Self::Activation(Activation::softplus(it)),
            Config::Prelu(it) => Self::Activation(Activation::prelu(it, place)),
            Config::MaxPool2d(it) => Self::Pooling(Pooling::max_pool2d(it)),
            Config::AvgPool2d(it) => Self::Pooling(Pooling::avg_pool2d(it)),
            Config::AdaptiveAvgPool2d(it) => Self::Pooling(Pooling::adaptive_avg_pool2d(it)),
            Config::GlobalAvgPool => Self::Pooling(Pooling::global_avg_pool()),
            Config::Dropout(it) => Self::Dropout(Dropout::of_elements(it.p, place.number)),
            Config::Dropout2d(it) => Self::Dropout(Dropout::of_channels(it.p, place.number)),
            Config::Flatten => Self::Flatten(Flatten),
            Config::Residual(_) => return None,
        })
    }

    /// What it makes of an input of the shape that it was built for.
    pub fn forward(&self, input: Flow, pass: &mut Pass) -> Flow {
        match self {
            Self::Convolution(layer) => layer.forward(input),
            Self::Linear(layer) => layer.forward(input),
            Self::Normalization(layer) => layer.forward(input, pass),
            Self::Activation(layer) => layer.forward(input),
            Self::Pooling(layer) => layer.forward(input),
            Self::Dropout(layer) => layer.forward(input, pass.mode),
            Self::Flatten(_) => match input {
                Flow::Image(x) => Flow::Flat(x.flatten(1, 3)),
                flat @ Flow::Flat(_) => flat,
            },
        }
    }
}
