//! What layers are built from: the network's settings, and a layer's place in it.

use burn::module::Param;
use burn::tensor::{Device, Tensor};

use super::initialization;
use super::parameters::from_array;
use crate::array::{Array, Values};
use crate::config::{Initializer, Shape};

/// What all layers of a network share.
#[derive(Debug, Clone, Copy)]
pub struct Settings<'a> {
    /// The experiment's seed.
    pub seed: u64,
    /// How weights begin, unless a layer says otherwise.
    pub init: &'a Initializer,
    /// Where parameters are kept.
    pub device: &'a Device,
}

/// Where a layer is in the network.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    /// What all layers share.
    pub network: Settings<'a>,
    /// What the names of its parameters begin with: `layers.3`.
    pub path: &'a str,
    /// Its number in the network; a layer with layers inside comes before them.
    pub number: usize,
    /// The shape of one sample that it takes.
    pub input: Shape,
}

impl Place<'_> {
    /// The channels that it takes; the features where it takes no images.
    pub fn channels(&self) -> usize {
        match self.input {
            Shape::Image { channels, .. } => channels,
            Shape::Flat { features } => features,
        }
    }

    /// Parameters with their start values; `shape` is PyTorch's of the weight, `bias` the length of
    /// the bias, if there is one.
    pub fn weight_and_bias<const D: usize>(
        &self,
        init: Option<&Initializer>,
        shape: &[usize; D],
        bias: Option<usize>,
    ) -> (Param<Tensor<D>>, Option<Param<Tensor<1>>>) {
        let init = init.unwrap_or(self.network.init);
        // Drawn in PyTorch's layout, turned into Burn's.
        let data = |values, shape: &[usize]| {
            let array = Array {
                shape: shape.to_vec(),
                values: Values::F32(values),
            };
            from_array(&array).expect("it was made of floats")
        };
        let weight = initialization::weight(
            init,
            self.network.seed,
            &format!("{}.weight", self.path),
            shape,
        );
        let bias = bias.map(|length| {
            let name = format!("{}.bias", self.path);
            let values = initialization::bias(init, self.network.seed, &name, shape, length);
            Param::from_data(data(values, &[length]), self.network.device)
        });
        (
            Param::from_data(data(weight, shape), self.network.device),
            bias,
        )
    }
}
