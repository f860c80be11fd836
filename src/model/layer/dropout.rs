//! Dropout whose mask follows from (seed, step, layer) alone, as Burn's own draws from a state that
//! cannot be saved.

use burn::module::Module;
use burn::tensor::{Tensor, TensorData};

use crate::kernels;
use crate::model::flow::{Flow, Mode};
use crate::random::DropoutMask;

/// As `torch.nn.Dropout` and `torch.nn.Dropout2d`.
#[derive(Module, Debug)]
pub struct Dropout {
    /// The share of elements or channels set to zero.
    p: f64,
    /// Whether whole channels are set to zero, not single elements.
    is_of_channels: bool,
    /// Number of the layer in the network.
    layer: usize,
}

impl Dropout {
    /// `dropout`; `layer` is the layer's number in the network.
    pub fn of_elements(p: f64, layer: usize) -> Self {
        Self {
            p,
            is_of_channels: false,
            layer,
        }
    }

    /// `dropout2d`; `layer` is the layer's number in the network.
    pub fn of_channels(p: f64, layer: usize) -> Self {
        Self {
            p,
            is_of_channels: true,
            layer,
        }
    }

    /// Keeps the shape; evaluation passes everything on unchanged.
    pub fn forward(&self, input: Flow, mode: Mode) -> Flow {
        match input {
            Flow::Image(x) => Flow::Image(self.apply(x, mode)),
            Flow::Flat(x) => Flow::Flat(self.apply(x, mode)),
        }
    }

    fn apply<const D: usize>(&self, x: Tensor<D>, mode: Mode) -> Tensor<D> {
        let Some(mask) = self.mask(mode) else {
            return x;
        };
        if !self.is_of_channels {
            return kernels::dropout(x, mask);
        }
        let mut shape = [1; D];
        shape[..2].copy_from_slice(&x.dims()[..2]);
        let factors = TensorData::new(mask.factors(shape[0] * shape[1]), shape);
        let device = x.device();
        x * Tensor::from_data(factors, &device)
    }

    /// Whether whole channels are dropped.
    pub fn is_of_channels(&self) -> bool {
        self.is_of_channels
    }

    /// Which elements or channels are dropped in this mode, if any.
    pub fn mask(&self, mode: Mode) -> Option<DropoutMask> {
        match mode {
            Mode::Training { seed, step, part } if self.p > 0.0 => {
                let layer = self.layer as u64 | part << 32;
                Some(DropoutMask::new(seed, step, layer, self.p))
            }
            _ => None,
        }
    }
}
