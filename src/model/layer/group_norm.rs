//! Norms of groups of channels of each sample: group norm, instance norm, layer norm.

use burn::module::{Module, Param};
use burn::tensor::{Device, Tensor};

use crate::kernels;
use crate::kernels::group_norm::GroupNormGeometry;

/// As `torch.nn.GroupNorm`, and the norms that are cases of it. Its parameters have `D` dimensions: one where
/// each channel has its own value, three where each element of an image has.
#[derive(Module, Debug)]
pub struct GroupNorm<const D: usize> {
    pub weight: Option<Param<Tensor<D>>>,
    pub bias: Option<Param<Tensor<D>>>,
    #[module(skip)]
    geometry: GroupNormGeometry,
}

impl<const D: usize> GroupNorm<D> {
    /// With PyTorch's start values: weight 1, bias 0.
    pub fn new(
        geometry: GroupNormGeometry,
        shape: [usize; D],
        has_weight: bool,
        has_bias: bool,
        device: &Device,
    ) -> Self {
        Self {
            weight: has_weight.then(|| Param::from_tensor(Tensor::ones(shape, device))),
            bias: has_bias.then(|| Param::from_tensor(Tensor::zeros(shape, device))),
            geometry,
        }
    }

    pub fn forward<const N: usize>(&self, x: Tensor<N>) -> Tensor<N> {
        let flat = |param: &Param<Tensor<D>>| param.val().reshape([self.geometry.channels]);
        let (weight, bias) = (self.weight.as_ref().map(flat), self.bias.as_ref().map(flat));
        kernels::group_norm(x, weight, bias, self.geometry)
    }
}
