//! Versions of ONNX's operators, and which of them a layer needs.

use crate::Error;
use crate::config::{Activation, Approximate, Layer, Linear, Normalization, Traced};

/// A version of ONNX's operators.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Opset(u32);

impl Opset {
    /// That of a network for which nothing else is asked: of 2022, and known to every reader.
    pub const DEFAULT: Self = Self(17);
    /// The first in which operators broadcast as they do today.
    pub const LEAST: Self = Self(7);
    /// The newest that was tried.
    pub const NEWEST: Self = Self(28);

    /// # Errors
    /// [`Error::NoSuchOpset`] below [`Self::LEAST`] and above [`Self::NEWEST`].
    pub fn new(number: u32) -> Result<Self, Error> {
        let opset = Self(number);
        match (Self::LEAST..=Self::NEWEST).contains(&opset) {
            true => Ok(opset),
            false => Err(Error::NoSuchOpset {
                number,
                least: Self::LEAST.0,
                newest: Self::NEWEST.0,
            }),
        }
    }

    /// Its number.
    pub fn number(self) -> u64 {
        self.0.into()
    }

    /// Whether it has what came with the opset of this number.
    pub(super) fn has(self, number: u32) -> bool {
        self.0 >= number
    }

    /// The first in which a layer can be written.
    fn of(layer: &Layer) -> Self {
        Self(match layer {
            // Before 11, `Gemm` needs a bias, and the limits of `Clip` are no inputs.
            Layer::Linear(Linear { bias: false, .. }) => 11,
            Layer::Activation(Activation::Relu6) => 11,
            // `Erf`, `Where`, and batch norms without `spatial`.
            Layer::Activation(Activation::Gelu(gelu)) => match gelu.approximate {
                Approximate::None => 9,
                Approximate::Tanh => 7,
            },
            Layer::Activation(Activation::Softplus(_)) => 9,
            Layer::Normalization(Normalization::BatchNorm1d(_) | Normalization::BatchNorm2d(_)) => {
                9
            }
            Layer::Linear(_)
            | Layer::Dropout(_)
            | Layer::Dropout2d(_)
            | Layer::Flatten
            | Layer::Residual(_)
            | Layer::Convolution(_)
            | Layer::Normalization(_)
            | Layer::Activation(_)
            | Layer::Pooling(_) => 7,
        })
    }

    /// # Errors
    /// [`Error::OpsetTooLow`] with the layer that needs the highest opset, if that is above this one.
    pub(super) fn check(self, layers: &[Traced<'_>]) -> Result<(), Error> {
        let most = layers.iter().max_by_key(|traced| Self::of(traced.layer));
        match most {
            Some(traced) if Self::of(traced.layer) > self => Err(Error::OpsetTooLow {
                layer: format!("layers.{}", traced.path),
                name: traced.layer.name(),
                least: Self::of(traced.layer).0,
                opset: self.0,
            }),
            _ => Ok(()),
        }
    }
}
