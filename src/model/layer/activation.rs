//! Functions of each element.

use burn::module::{Module, Param};
use burn::tensor::Tensor;

use crate::config;
use crate::kernels;
use crate::kernels::{Rectifier, activation::Activation as Function};
use crate::model::builder::Place;
use crate::model::flow::Flow;

/// An activation.
#[derive(Module, Debug)]
pub enum Activation {
    /// `max(0, x)`, which fuses with many layers before it.
    Relu(Relu),
    /// Any other without parameters.
    Plain(Plain),
    /// As `torch.nn.PReLU`.
    Prelu(Prelu),
}

/// `max(0, x)`
#[derive(Module, Debug)]
pub struct Relu;

/// A function without parameters.
#[derive(Module, Debug)]
pub struct Plain {
    #[module(skip)]
    function: Function,
}

/// As `torch.nn.PReLU`.
#[derive(Module, Debug)]
pub struct Prelu {
    /// The slopes below 0: one, or one a channel.
    pub weight: Param<Tensor<1>>,
}

impl Activation {
    /// The layer at a place of a network with its start values.
    pub fn new(layer: &config::Activation, place: &Place<'_>) -> Self {
        let function = match layer {
            config::Activation::Relu => return Self::Relu(Relu),
            config::Activation::Prelu(prelu) => return Self::Prelu(Prelu::new(prelu, place)),
            config::Activation::Relu6 => Function::Relu6,
            config::Activation::LeakyRelu(leaky) => Function::LeakyRelu {
                negative_slope: leaky.negative_slope as f32,
            },
            config::Activation::Gelu(gelu) => match gelu.approximate {
                config::Approximate::None => Function::Gelu,
                config::Approximate::Tanh => Function::GeluTanh,
            },
            config::Activation::Silu => Function::Silu,
            config::Activation::Elu(elu) => Function::Elu {
                alpha: elu.alpha as f32,
            },
            config::Activation::HardSwish => Function::HardSwish,
            config::Activation::Sigmoid => Function::Sigmoid,
            config::Activation::Tanh => Function::Tanh,
            config::Activation::Softplus(softplus) => Function::Softplus {
                beta: softplus.beta as f32,
                threshold: softplus.threshold as f32,
            },
        };
        Self::Plain(Plain { function })
    }

    /// What kernels before it can apply to what they write.
    pub fn rectifier(&self) -> Option<Rectifier> {
        match self {
            Self::Relu(_) => Some(Rectifier::Relu),
            Self::Plain(plain) if plain.function == Function::Relu6 => Some(Rectifier::Relu6),
            Self::Plain(_) | Self::Prelu(_) => None,
        }
    }

    /// Keeps the shape.
    pub fn forward(&self, input: Flow) -> Flow {
        match input {
            Flow::Image(x) => Flow::Image(self.apply(x)),
            Flow::Flat(x) => Flow::Flat(self.apply(x)),
        }
    }

    fn apply<const D: usize>(&self, x: Tensor<D>) -> Tensor<D> {
        match self {
            Self::Relu(_) => kernels::activation(x, Function::Relu),
            Self::Plain(layer) => kernels::activation(x, layer.function),
            Self::Prelu(prelu) => kernels::prelu(x, prelu.weight.val()),
        }
    }
}

impl Prelu {
    fn new(prelu: &config::Prelu, place: &Place<'_>) -> Self {
        let slopes = vec![prelu.init as f32; prelu.num_parameters];
        let slopes = Tensor::from_floats(slopes.as_slice(), place.network.device);
        Self {
            weight: Param::from_tensor(slopes),
        }
    }
}
