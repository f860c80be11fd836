//! Functions of each element.

use burn::module::{Module, Param};
use burn::tensor::Tensor;

use crate::config;
use crate::kernels;
use crate::kernels::activation::Activation as Function;
use crate::model::builder::Place;
use crate::model::flow::Flow;

/// An activation.
#[derive(Module, Debug)]
pub enum Activation {
    /// `max(0, x)`, which many layers take in.
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
    /// `relu`
    pub fn relu() -> Self {
        Self::Relu(Relu)
    }

    /// One without parameters.
    pub fn plain(function: Function) -> Self {
        Self::Plain(Plain { function })
    }

    /// `leaky_relu`
    pub fn leaky_relu(leaky: &config::LeakyRelu) -> Self {
        Self::plain(Function::LeakyRelu {
            negative_slope: leaky.negative_slope as f32,
        })
    }

    /// `gelu`
    pub fn gelu(gelu: &config::Gelu) -> Self {
        Self::plain(match gelu.approximate {
            config::Approximate::None => Function::Gelu,
            config::Approximate::Tanh => Function::GeluTanh,
        })
    }

    /// `elu`
    pub fn elu(elu: &config::Elu) -> Self {
        Self::plain(Function::Elu {
            alpha: elu.alpha as f32,
        })
    }

    /// `softplus`
    pub fn softplus(softplus: &config::Softplus) -> Self {
        Self::plain(Function::Softplus {
            beta: softplus.beta as f32,
            threshold: softplus.threshold as f32,
        })
    }

    /// `prelu` with its start values.
    pub fn prelu(prelu: &config::Prelu, place: &Place<'_>) -> Self {
        let slopes = vec![prelu.init as f32; prelu.num_parameters];
        let slopes = Tensor::from_floats(slopes.as_slice(), place.network.device);
        Self::Prelu(Prelu {
            weight: Param::from_tensor(slopes),
        })
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
