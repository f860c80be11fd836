//! What flows between layers, and what a forward pass gathers on its way.

use burn::tensor::Tensor;

/// What a forward pass is for.
#[derive(Debug, Clone, Copy)]
pub enum Mode {
    /// A step of training, in which layers drop out and batch norms use the batch's statistics.
    Training {
        /// The experiment's.
        seed: u64,
        /// Optimizer steps done before this one.
        step: u64,
        /// Which of the batches whose gradients make the step.
        part: u64,
    },
    /// An evaluation, which depends on nothing but images and parameters.
    Evaluation,
}

/// Mean and variance of one batch, channel by channel, for the running statistics.
#[derive(Debug)]
pub struct BatchStatistics {
    pub(super) mean: Tensor<1>,
    /// Divided by n - 1.
    pub(super) variance: Tensor<1>,
}

/// One forward pass.
#[derive(Debug)]
pub struct Pass {
    /// What it is for.
    pub mode: Mode,
    /// What the batch norms have seen so far, in the order in which the pass comes by; empty in evaluation.
    pub statistics: Vec<BatchStatistics>,
}

impl Pass {
    /// One that has not begun.
    pub fn new(mode: Mode) -> Self {
        Self {
            mode,
            statistics: Vec::new(),
        }
    }
}

/// What flows between layers.
#[derive(Debug, Clone)]
pub enum Flow {
    /// `[batch, channels, height, width]`
    Image(Tensor<4>),
    /// `[batch, features]`
    Flat(Tensor<2>),
}

impl Flow {
    /// The images; only for layers that take nothing else, which their shapes were checked for.
    pub fn image(self) -> Tensor<4> {
        match self {
            Flow::Image(x) => x,
            Flow::Flat(_) => unreachable!("the shapes of an experiment fit"),
        }
    }

    /// The features; only for layers that take nothing else, which their shapes were checked for.
    pub fn flat(self) -> Tensor<2> {
        match self {
            Flow::Flat(x) => x,
            Flow::Image(_) => unreachable!("the shapes of an experiment fit"),
        }
    }

    /// Whether there is neither NaN nor infinity in it.
    pub fn is_finite(&self) -> bool {
        match self {
            Flow::Image(x) => is_finite(x.clone().inner()),
            Flow::Flat(x) => is_finite(x.clone().inner()),
        }
    }
}

/// Whether a tensor without autodiff has neither NaN nor infinity.
///
/// # Panics
/// If its elements are not 32-bit floats.
pub fn is_finite<const D: usize>(tensor: Tensor<D>) -> bool {
    let data = tensor.into_data();
    let values = data.as_slice::<f32>().expect("32-bit floats");
    // Branch-free per element, so the loop vectorizes.
    !values
        .iter()
        .fold(false, |found, value| found | !value.is_finite())
}
