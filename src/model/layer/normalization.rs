//! Norms: over batches, and over groups of channels of each sample.

use burn::module::Module;
use burn::tensor::Tensor;

use super::batch_norm::BatchNorm;
use super::group_norm::GroupNorm;
use crate::config::{self, Shape};
use crate::kernels::group_norm::GroupNormGeometry;
use crate::model::builder::Place;
use crate::model::flow::{Flow, Pass};

/// A norm.
#[derive(Module, Debug)]
pub enum Normalization {
    /// As `torch.nn.BatchNorm2d` and `torch.nn.BatchNorm1d`.
    Batch(BatchNorm),
    /// As `torch.nn.GroupNorm`, and the norms that are cases of it.
    Group(GroupNorm<1>),
    /// As `torch.nn.LayerNorm` over images, whose parameters have the images' shape.
    Image(GroupNorm<3>),
}

impl Normalization {
    /// The layer at a place of a network with its start values.
    pub fn new(layer: &config::Normalization, place: &Place<'_>) -> Self {
        match layer {
            config::Normalization::BatchNorm2d(norm) | config::Normalization::BatchNorm1d(norm) => {
                let device = place.network.device;
                Self::Batch(BatchNorm::new(norm, place.channels(), device))
            }
            config::Normalization::GroupNorm(norm) => {
                Self::of_groups(norm.num_groups, norm.eps, norm.affine, place)
            }
            // A group norm with as many groups as channels.
            config::Normalization::InstanceNorm2d(norm) => {
                Self::of_groups(place.channels(), norm.eps, norm.affine, place)
            }
            config::Normalization::LayerNorm(norm) => Self::layer_norm(norm, place),
        }
    }

    fn of_groups(groups: usize, eps: f64, affine: bool, place: &Place<'_>) -> Self {
        let channels = place.channels();
        let pixels = match place.input {
            Shape::Image { height, width, .. } => height * width,
            Shape::Flat { .. } => 1,
        };
        let geometry = GroupNormGeometry {
            channels,
            pixels,
            groups,
            eps,
        };
        let device = place.network.device;
        Self::Group(GroupNorm::new(geometry, [channels], affine, affine, device))
    }

    /// A group norm of one group, in which each element is a channel of its own.
    fn layer_norm(norm: &config::LayerNorm, place: &Place<'_>) -> Self {
        let has_weight = norm.elementwise_affine;
        let has_bias = has_weight && norm.bias;
        let device = place.network.device;
        let geometry = |channels| GroupNormGeometry {
            channels,
            pixels: 1,
            groups: 1,
            eps: norm.eps,
        };
        match place.input {
            Shape::Image {
                channels,
                height,
                width,
            } => {
                let (shape, elements) = ([channels, height, width], channels * height * width);
                let geometry = geometry(elements);
                Self::Image(GroupNorm::new(
                    geometry, shape, has_weight, has_bias, device,
                ))
            }
            Shape::Flat { features } => {
                let geometry = geometry(features);
                Self::Group(GroupNorm::new(
                    geometry,
                    [features],
                    has_weight,
                    has_bias,
                    device,
                ))
            }
        }
    }

    /// Keeps the shape. In training a batch norm adds its batch's statistics to `pass`.
    pub fn forward(&self, input: Flow, pass: &mut Pass) -> Flow {
        match (self, input) {
            (Self::Batch(norm), Flow::Image(x)) => Flow::Image(norm.forward(x, pass, None)),
            (Self::Batch(norm), Flow::Flat(x)) => {
                let [batch, features] = x.dims();
                let images: Tensor<4> = x.reshape([batch, features, 1, 1]);
                let images = norm.forward(images, pass, None);
                Flow::Flat(images.reshape([batch, features]))
            }
            (Self::Group(norm), Flow::Image(x)) => Flow::Image(norm.forward(x)),
            (Self::Group(norm), Flow::Flat(x)) => Flow::Flat(norm.forward(x)),
            (Self::Image(norm), input) => Flow::Image(norm.forward(input.image())),
        }
    }
}
