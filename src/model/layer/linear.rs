//! The fully connected layer.

use burn::module::{Module, Param};
use burn::tensor::Tensor;

use crate::config;
use crate::kernels;
use crate::model::builder::Place;
use crate::model::flow::Flow;

/// As `torch.nn.Linear`.
#[derive(Module, Debug)]
pub struct Linear {
    /// `[in, out]`, Burn's layout.
    weight: Param<Tensor<2>>,
    bias: Option<Param<Tensor<1>>>,
}

impl Linear {
    /// With its start values.
    pub fn new(linear: &config::Linear, place: &Place<'_>) -> Self {
        let shape = [linear.out_features, place.channels()];
        let bias = linear.bias.then_some(linear.out_features);
        let (weight, bias) = place.weight_and_bias(linear.init.as_ref(), &shape, bias);
        Self { weight, bias }
    }

    /// Takes and gives features.
    pub fn forward(&self, input: Flow) -> Flow {
        let (weight, bias) = self.parameters();
        Flow::Flat(kernels::linear(input.flat(), weight, bias))
    }

    /// Runs `flatten` and this layer as one, without a copy of the flattened images.
    pub fn forward_flattened(&self, images: Tensor<4>) -> Flow {
        let (weight, bias) = self.parameters();
        Flow::Flat(kernels::flatten_linear(images, weight, bias))
    }

    fn parameters(&self) -> (Tensor<2>, Option<Tensor<1>>) {
        let bias = self.bias.as_ref().map(Param::val);
        (self.weight.val(), bias)
    }
}
