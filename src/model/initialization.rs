//! Start values of parameters, drawn from the program's own streams: the same on every backend. The
//! distributions are those of `torch.nn.init`.

use crate::config::{FanMode, Initializer, Kaiming, Nonlinearity};
use crate::digest;
use crate::random::{Purpose, Stream, stream};

/// The weight of this name and shape (PyTorch's) of a convolution or a linear layer.
///
/// The stream depends on the parameter's name and not on its place among others, so that a layer
/// added elsewhere does not change it.
pub fn weight(init: &Initializer, seed: u64, name: &str, shape: &[usize]) -> Vec<f32> {
    let length = shape.iter().product();
    let fans = Fans::of(shape);
    let draw = &mut of_parameter(seed, name);
    // A uniform distribution in ±bound has the deviation bound / √3.
    let root3 = 3.0_f64.sqrt();
    match init {
        Initializer::Pytorch => uniform_fan_in(draw, shape, length),
        Initializer::KaimingUniform(kaiming) => {
            uniform(draw, root3 * fans.kaiming(kaiming), length)
        }
        Initializer::XavierUniform(xavier) => {
            uniform(draw, root3 * fans.xavier(xavier.gain), length)
        }
        Initializer::KaimingNormal(kaiming) => normal(draw, fans.kaiming(kaiming), length),
        Initializer::XavierNormal(xavier) => normal(draw, fans.xavier(xavier.gain), length),
        Initializer::Orthogonal(orthogonal) => {
            orthogonal_rows(draw, shape[0], length / shape[0], orthogonal.gain)
        }
        Initializer::Zeros => vec![0.0; length],
        Initializer::Constant(constant) => vec![constant.value as f32; length],
    }
}

/// The bias of a layer whose weight has this shape: PyTorch's way for PyTorch's, else 0, as is usual
/// with any other.
pub fn bias(init: &Initializer, seed: u64, name: &str, shape: &[usize], length: usize) -> Vec<f32> {
    match init {
        Initializer::Pytorch => uniform_fan_in(&mut of_parameter(seed, name), shape, length),
        _ => vec![0.0; length],
    }
}

fn of_parameter(seed: u64, name: &str) -> Stream {
    stream(seed, Purpose::Initialization, 0, digest::of(name).word())
}

/// PyTorch's start for convolutions and linear layers, weights and biases: uniform in ±1/√fan_in
/// (`kaiming_uniform_` with `a = √5`, see `torch.nn.modules.conv._ConvNd.reset_parameters`).
fn uniform_fan_in(draw: &mut Stream, shape: &[usize], length: usize) -> Vec<f32> {
    let bound = 1.0 / (Fans::of(shape).fan_in as f32).sqrt();
    (0..length).map(|_| draw.symmetric(bound)).collect()
}

fn uniform(draw: &mut Stream, bound: f64, length: usize) -> Vec<f32> {
    let bound = bound as f32;
    (0..length).map(|_| draw.symmetric(bound)).collect()
}

fn normal(draw: &mut Stream, deviation: f64, length: usize) -> Vec<f32> {
    (0..length)
        .map(|_| (deviation * draw.normal()) as f32)
        .collect()
}

/// How many inputs an output has, and how many outputs an input.
struct Fans {
    fan_in: usize,
    fan_out: usize,
}

impl Fans {
    fn of(shape: &[usize]) -> Self {
        let window: usize = shape[2..].iter().product();
        Self {
            fan_in: shape[1] * window,
            fan_out: shape[0] * window,
        }
    }

    /// The deviation of `kaiming_normal_`.
    fn kaiming(&self, kaiming: &Kaiming) -> f64 {
        // As `torch.nn.init.calculate_gain`.
        let gain = match kaiming.nonlinearity {
            Nonlinearity::Linear => 1.0,
            Nonlinearity::Tanh => 5.0 / 3.0,
            Nonlinearity::Relu => 2.0_f64.sqrt(),
            Nonlinearity::LeakyRelu => (2.0 / (1.0 + kaiming.a * kaiming.a)).sqrt(),
        };
        let fan = match kaiming.mode {
            FanMode::FanIn => self.fan_in,
            FanMode::FanOut => self.fan_out,
        };
        gain / (fan as f64).sqrt()
    }

    /// The deviation of `xavier_normal_`.
    fn xavier(&self, gain: f64) -> f64 {
        gain * (2.0 / (self.fan_in + self.fan_out) as f64).sqrt()
    }
}

/// A matrix with orthonormal rows, or columns where it has more rows than columns, times `gain`: vectors of
/// normal draws, orthogonalized by the modified Gram-Schmidt process, twice for precision.
fn orthogonal_rows(draw: &mut Stream, rows: usize, columns: usize, gain: f64) -> Vec<f32> {
    let (count, length) = (rows.min(columns), rows.max(columns));
    let mut basis: Vec<Vec<f64>> = Vec::with_capacity(count);
    while basis.len() < count {
        let mut vector: Vec<f64> = (0..length).map(|_| draw.normal()).collect();
        for _ in 0..2 {
            for other in &basis {
                let along: f64 = vector.iter().zip(other).map(|(a, b)| a * b).sum();
                for (value, other) in vector.iter_mut().zip(other) {
                    *value -= along * other;
                }
            }
        }
        let norm = vector.iter().map(|value| value * value).sum::<f64>().sqrt();
        basis.push(vector.into_iter().map(|value| value / norm).collect());
    }
    let at = |row: usize, column: usize| match rows <= columns {
        true => basis[row][column],
        false => basis[column][row],
    };
    (0..rows * columns)
        .map(|index| (gain * at(index / columns, index % columns)) as f32)
        .collect()
}
