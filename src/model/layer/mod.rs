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
pub use batch_norm::BatchNorm;
pub use convolution::Convolution;
pub use dropout::Dropout;
pub use linear::Linear;
pub use normalization::Normalization;
pub use pooling::Pooling;

use super::builder::Place;
use super::flow::{Flow, Pass};
use crate::config;

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
        Some(match layer {
            config::Layer::Convolution(it) => Self::Convolution(Convolution::new(it, place)),
            config::Layer::Linear(it) => Self::Linear(Linear::new(it, place)),
            config::Layer::Normalization(it) => Self::Normalization(Normalization::new(it, place)),
            config::Layer::Activation(it) => Self::Activation(Activation::new(it, place)),
            config::Layer::Pooling(it) => Self::Pooling(Pooling::new(it)),
            config::Layer::Dropout(it) => Self::Dropout(Dropout::of_elements(it.p, place.number)),
            config::Layer::Dropout2d(it) => Self::Dropout(Dropout::of_channels(it.p, place.number)),
            config::Layer::Flatten => Self::Flatten(Flatten),
            config::Layer::Residual(_) => return None,
        })
    }

    /// Runs the layer on an input of the shape that it was built for.
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
