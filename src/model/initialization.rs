//! Start values of parameters, drawn from the program's own streams: the same on every backend.

use crate::digest;
use crate::random::{Purpose, stream};

/// PyTorch's start for conv and linear layers, weights and biases: uniform in ±1/√fan_in
/// (`kaiming_uniform_` with `a = √5`, see `torch.nn.modules.conv._ConvNd.reset_parameters`).
///
/// The stream depends on the parameter's name and not on its place among others, so that a layer
/// added elsewhere does not change it.
pub fn uniform_fan_in(seed: u64, name: &str, fan_in: usize, length: usize) -> Vec<f32> {
    let mut stream = stream(seed, Purpose::Initialization, 0, digest::of(name).word());
    let bound = 1.0 / (fan_in as f32).sqrt();
    (0..length).map(|_| stream.symmetric(bound)).collect()
}
