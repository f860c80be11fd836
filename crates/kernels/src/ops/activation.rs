//! Activations, element by element, with the definitions of `torch.nn`.
//!
//! Exponentials are our own: those of the system are not the same everywhere. Products are not fused
//! with sums, so that all levels give the same bits.

use std::f32::consts::{FRAC_1_SQRT_2, LOG2_E};

use burn::backend::Autodiff;
use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops};
use burn::backend::tensor::FloatTensor;
use rayon::prelude::*;

use crate::core::buffer::Buffer;
use crate::core::node::{register, tracked};
use crate::core::rectifier::Rectifier;
use crate::core::simd::{Level, Vector, on_level};
use crate::core::tensor::{Host, Stored};

/// A function of one number.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Activation {
    /// `max(x, 0)`
    Relu,
    /// `min(max(x, 0), 6)`
    Relu6,
    /// `x` above 0, else `negative_slope x`.
    LeakyRelu {
        /// The slope below 0.
        negative_slope: f32,
    },
    /// `x` times the normal distribution function of `x`.
    Gelu,
    /// GELU approximated by tanh.
    GeluTanh,
    /// `x sigmoid(x)`
    Silu,
    /// `x` above 0, else `alpha (exp(x) - 1)`.
    Elu {
        /// Minus the limit at minus infinity.
        alpha: f32,
    },
    /// `x relu6(x + 3) / 6`
    HardSwish,
    /// `1 / (1 + exp(-x))`
    Sigmoid,
    /// The hyperbolic tangent.
    Tanh,
    /// `log(1 + exp(beta x)) / beta`, and `x` where `beta x` is above the threshold.
    Softplus {
        /// How sharp the bend is.
        beta: f32,
        /// Where the linear part begins, in `beta x`.
        threshold: f32,
    },
}

impl From<Rectifier> for Activation {
    fn from(rectifier: Rectifier) -> Self {
        match rectifier {
            Rectifier::Relu => Self::Relu,
            Rectifier::Relu6 => Self::Relu6,
        }
    }
}

/// `output = f(input)`
pub fn forward(level: Level, activation: Activation, input: &[f32], output: &mut [f32]) {
    output
        .par_chunks_mut(PIECE)
        .zip(input.par_chunks(PIECE))
        .for_each(|(output, input)| {
            // SAFETY: the function works on slices only; the level is one of this processor.
            unsafe { forward_on(level, activation, input, output) }
        });
}

/// `target = gradient * f'(input)`
pub fn backward(
    level: Level,
    activation: Activation,
    input: &[f32],
    gradient: &[f32],
    target: &mut [f32],
) {
    target
        .par_chunks_mut(PIECE)
        .zip(input.par_chunks(PIECE))
        .zip(gradient.par_chunks(PIECE))
        .for_each(|((target, input), gradient)| {
            // SAFETY: the function works on slices only; the level is one of this processor.
            unsafe { backward_on(level, activation, input, gradient, target) }
        });
}

/// Numbers that are one task.
const PIECE: usize = 16384;

on_level! {
    unsafe fn forward_on(activation: Activation, input: &[f32], output: &mut [f32]) = forward_generic
}
on_level! {
    unsafe fn backward_on(
        activation: Activation, input: &[f32], gradient: &[f32], target: &mut [f32],
    ) = backward_generic
}

/// Plain Rust, which the compiler vectorizes for the level.
#[inline(always)]
unsafe fn forward_generic<S: Vector>(activation: Activation, input: &[f32], output: &mut [f32]) {
    match activation {
        Activation::Relu => each(input, output, relu),
        Activation::Relu6 => each(input, output, |x| min(relu(x), 6.0)),
        Activation::LeakyRelu { negative_slope } => {
            each(
                input,
                output,
                |x| if x > 0.0 { x } else { negative_slope * x },
            );
        }
        Activation::Gelu => each(input, output, |x| x * normal_share(x)),
        Activation::GeluTanh => each(input, output, |x| 0.5 * x * (1.0 + tanh(gelu_inner(x)))),
        Activation::Silu => each(input, output, |x| x * sigmoid(x)),
        Activation::Elu { alpha } => {
            each(input, output, |x| {
                if x > 0.0 { x } else { alpha * (exp(x) - 1.0) }
            });
        }
        Activation::HardSwish => each(input, output, |x| x * min(relu(x + 3.0), 6.0) / 6.0),
        Activation::Sigmoid => each(input, output, sigmoid),
        Activation::Tanh => each(input, output, tanh),
        Activation::Softplus { beta, threshold } => each(input, output, |x| {
            let scaled = beta * x;
            if scaled > threshold {
                x
            } else {
                libm::log1pf(exp(scaled)) / beta
            }
        }),
    }
}

/// Plain Rust, which the compiler vectorizes for the level.
#[inline(always)]
unsafe fn backward_generic<S: Vector>(
    activation: Activation,
    input: &[f32],
    gradient: &[f32],
    target: &mut [f32],
) {
    match activation {
        Activation::Relu => product(input, gradient, target, |x| if x > 0.0 { 1.0 } else { 0.0 }),
        Activation::Relu6 => product(input, gradient, target, |x| {
            if x > 0.0 && x < 6.0 { 1.0 } else { 0.0 }
        }),
        Activation::LeakyRelu { negative_slope } => product(input, gradient, target, |x| {
            if x > 0.0 { 1.0 } else { negative_slope }
        }),
        Activation::Gelu => product(input, gradient, target, |x| {
            // 1 / sqrt(2 pi)
            const DENSITY: f32 = 0.398_942_3;
            normal_share(x) + x * DENSITY * exp(-0.5 * x * x)
        }),
        Activation::GeluTanh => product(input, gradient, target, |x| {
            let t = tanh(gelu_inner(x));
            let slope = GELU_SCALE * (1.0 + 3.0 * GELU_CUBIC * x * x);
            0.5 * (1.0 + t) + 0.5 * x * (1.0 - t * t) * slope
        }),
        Activation::Silu => product(input, gradient, target, |x| {
            let share = sigmoid(x);
            share * (1.0 + x * (1.0 - share))
        }),
        Activation::Elu { alpha } => product(input, gradient, target, |x| {
            if x > 0.0 { 1.0 } else { alpha * exp(x) }
        }),
        Activation::HardSwish => product(input, gradient, target, |x| {
            if x <= -3.0 {
                0.0
            } else if x >= 3.0 {
                1.0
            } else {
                (2.0 * x + 3.0) / 6.0
            }
        }),
        Activation::Sigmoid => product(input, gradient, target, |x| {
            let share = sigmoid(x);
            share * (1.0 - share)
        }),
        Activation::Tanh => product(input, gradient, target, |x| {
            let t = tanh(x);
            1.0 - t * t
        }),
        Activation::Softplus { beta, threshold } => product(input, gradient, target, |x| {
            let scaled = beta * x;
            if scaled > threshold {
                1.0
            } else {
                sigmoid(scaled)
            }
        }),
    }
}

#[inline(always)]
fn each(input: &[f32], output: &mut [f32], function: impl Fn(f32) -> f32) {
    for (output, input) in output.iter_mut().zip(input) {
        *output = function(*input);
    }
}

#[inline(always)]
fn product(input: &[f32], gradient: &[f32], target: &mut [f32], slope: impl Fn(f32) -> f32) {
    for ((target, input), gradient) in target.iter_mut().zip(input).zip(gradient) {
        *target = gradient * slope(*input);
    }
}

/// NaN stays NaN.
#[inline(always)]
fn relu(x: f32) -> f32 {
    if x < 0.0 { 0.0 } else { x }
}

/// NaN stays NaN.
#[inline(always)]
fn min(x: f32, limit: f32) -> f32 {
    if x > limit { limit } else { x }
}

#[inline(always)]
fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + exp(-x))
}

/// sqrt(2 / pi)
const GELU_SCALE: f32 = 0.797_884_6;
const GELU_CUBIC: f32 = 0.044_715;

#[inline(always)]
fn gelu_inner(x: f32) -> f32 {
    GELU_SCALE * (x + GELU_CUBIC * x * x * x)
}

/// The share of a normal distribution below `x`, to 2e-7: the error function by formula 7.1.26 of
/// `M. Abramowitz and I. A. Stegun, "Handbook of Mathematical Functions", 1964`.
#[inline(always)]
fn normal_share(x: f32) -> f32 {
    let z = x.abs() * FRAC_1_SQRT_2;
    let t = 1.0 / (1.0 + 0.327_591_1 * z);
    let series = ((((1.061_405_4 * t - 1.453_152) * t + 1.421_413_8) * t - 0.284_496_74) * t
        + 0.254_829_6)
        * t;
    // The part beyond `|x|`, in both tails.
    let tails = series * exp(-z * z);
    if x > 0.0 {
        1.0 - 0.5 * tails
    } else {
        0.5 * tails
    }
}

/// `e^x` to about 1e-7 of it: `2^n` times a polynomial of what is left, for `|r| <= ln(2) / 2`.
#[inline(always)]
fn exp(x: f32) -> f32 {
    // Two parts of ln(2), so that a product with a whole number is exact.
    const LN_2_HIGH: f32 = 0.693_359_4;
    const LN_2_LOW: f32 = -2.121_944_4e-4;
    // Beyond these `e^x` is infinite, or less than any number that is not denormal.
    let bounded = if x > 88.7 { 88.7 } else { x };
    let bounded = if bounded < -87.3 { -87.3 } else { bounded };
    let n = (bounded * LOG2_E + 0.5).floor();
    let r = bounded - n * LN_2_HIGH - n * LN_2_LOW;
    let series = 1.0 / 5040.0;
    let series = series * r + 1.0 / 720.0;
    let series = series * r + 1.0 / 120.0;
    let series = series * r + 1.0 / 24.0;
    let series = series * r + 1.0 / 6.0;
    let series = series * r + 0.5;
    let series = (series * r + 1.0) * r + 1.0;
    // In two steps: 2^128 is no float.
    let half = (n * 0.5).floor();
    let value = series * power_of_two(half) * power_of_two(n - half);
    if x > 88.722_84 {
        f32::INFINITY
    } else if x < -87.3 {
        // Nothing that anything here could tell from it.
        0.0
    } else {
        value
    }
}

/// `2^n` for a whole number from -126 to 127.
#[inline(always)]
fn power_of_two(n: f32) -> f32 {
    f32::from_bits(((n as i32 + 127) as u32) << 23)
}

/// By its series near 0, where `e^x` would lose digits.
#[inline(always)]
fn tanh(x: f32) -> f32 {
    let size = x.abs();
    let square = x * x;
    // x - x^3/3 + 2x^5/15 - 17x^7/315 + 62x^9/2835 - 1382x^11/155925
    let series = -1382.0 / 155_925.0;
    let series = series * square + 62.0 / 2835.0;
    let series = series * square - 17.0 / 315.0;
    let series = series * square + 2.0 / 15.0;
    let series = series * square - 1.0 / 3.0;
    let near = x + x * square * series;
    let far = 1.0 - 2.0 / (exp(2.0 * size) + 1.0);
    let far = if x < 0.0 { -far } else { far };
    if size < 0.35 { near } else { far }
}

// The kernel on tensors of the CPU, and as a node of the autodiff graph.

pub(crate) fn on_host<B: Host>(input: &Stored<B>, activation: Activation) -> FloatTensor<B> {
    let mut output = Buffer::take(input.values().len());
    forward(Level::best(), activation, input.values(), &mut output);
    input.like(output)
}

/// The gradient of [`on_host`]'s input.
pub(crate) fn backward_on_host<B: Host>(
    input: &Stored<B>,
    activation: Activation,
    gradient: &FloatTensor<B>,
) -> FloatTensor<B> {
    let gradient = input.alike(gradient);
    let mut target = Buffer::take(input.values().len());
    let level = Level::best();
    backward(
        level,
        activation,
        input.values(),
        gradient.values(),
        &mut target,
    );
    input.like(target)
}

pub(crate) fn on_graph<B: Host, C: CheckpointStrategy>(
    input: &FloatTensor<Autodiff<B, C>>,
    activation: Activation,
) -> FloatTensor<Autodiff<B, C>> {
    let stored = Stored::<B>::new(input.primitive());
    let output = on_host::<B>(&stored, activation);
    tracked::<B, C, _, _>(ActivationBackward, [input], output, |_| {
        (stored, activation)
    })
}

#[derive(Debug)]
struct ActivationBackward;

impl<B: Host> Backward<B, 1> for ActivationBackward {
    /// The input, and of which function.
    type State = (Stored<B>, Activation);

    fn backward(
        self,
        ops: Ops<Self::State, 1>,
        grads: &mut Gradients,
        _checkpointer: &mut Checkpointer,
    ) {
        let gradient = grads.consume::<B>(&ops.node);
        let (input, activation) = ops.state;
        let gradient = backward_on_host::<B>(&input, activation, &gradient);
        register!(grads, B, ops.parents, [Some(gradient)]);
    }
}
