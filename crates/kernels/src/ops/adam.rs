//! The step of Adam over all numbers of a parameter at once.

use burn::backend::TensorMetadata;
use burn::backend::tensor::FloatTensor;
use rayon::prelude::*;

use crate::core::simd::{Level, Vector, on_level};
use crate::core::tensor::{Contiguous, Host, vec_tensor};

/// Adam's constants and the state of its clock; the names are those of `torch.optim.Adam`.
#[derive(Debug, Clone, Copy)]
pub struct Adam {
    /// The learning rate of this step.
    pub learning_rate: f64,
    /// The decay rates of the averages of the gradient and of its square.
    pub betas: [f64; 2],
    /// Added to the denominator.
    pub eps: f64,
    /// The factor of the L2 penalty, or of the decoupled decay of the parameter itself.
    pub weight_decay: f64,
    /// Whether the decay is decoupled from the gradient, as in `torch.optim.AdamW`.
    pub is_decoupled: bool,
    /// This step's number, from 1.
    pub time: u64,
}

impl Adam {
    /// The bias corrections: the divisors of the two averages, which start at zero.
    pub fn corrections(&self) -> [f64; 2] {
        corrections(self.betas, self.time)
    }
}

/// `1 - beta^time` for each beta; `time` is the step's number, from 1.
pub fn corrections(betas: [f64; 2], time: u64) -> [f64; 2] {
    // Powers by multiplication: the system's `pow` is not the same everywhere.
    betas.map(|beta| {
        let (mut power, mut factor, mut exponent) = (1.0, beta, time);
        while exponent > 0 {
            if exponent & 1 == 1 {
                power *= factor;
            }
            factor *= factor;
            exponent >>= 1;
        }
        1.0 - power
    })
}

/// One step, in place: updates the parameter and the running averages of its gradient and of the
/// gradient's square.
///
/// `D. P. Kingma and J. Ba, "Adam: A Method for Stochastic Optimization", 2015`, in the order of
/// operations of `torch.optim.Adam` and `AdamW`.
///
/// # Panics
///
/// If the slices differ in length.
pub fn step(
    level: Level,
    adam: &Adam,
    parameter: &mut [f32],
    gradient: &[f32],
    exp_avg: &mut [f32],
    exp_avg_sq: &mut [f32],
) {
    let [beta1, beta2] = adam.betas;
    let [correction1, correction2] = adam.corrections();
    let constants = Constants {
        step_size: (adam.learning_rate / correction1) as f32,
        correction: correction2.sqrt() as f32,
        one_less_beta1: (1.0 - beta1) as f32,
        beta2: beta2 as f32,
        one_less_beta2: (1.0 - beta2) as f32,
        eps: adam.eps as f32,
        penalty: match adam.is_decoupled {
            true => 0.0,
            false => adam.weight_decay as f32,
        },
        kept: match adam.is_decoupled {
            true => (1.0 - adam.learning_rate * adam.weight_decay) as f32,
            false => 1.0,
        },
    };
    assert!(gradient.len() == parameter.len());
    assert!(exp_avg.len() == parameter.len() && exp_avg_sq.len() == parameter.len());
    parameter
        .par_chunks_mut(PIECE)
        .zip(gradient.par_chunks(PIECE))
        .zip(exp_avg.par_chunks_mut(PIECE))
        .zip(exp_avg_sq.par_chunks_mut(PIECE))
        .for_each(|(((parameter, gradient), exp_avg), exp_avg_sq)| {
            // SAFETY: the function works on slices only; the level is one of this processor.
            unsafe { step_on(level, &constants, parameter, gradient, exp_avg, exp_avg_sq) }
        });
}

/// Numbers that are one task; small parameters are not worth more than one.
const PIECE: usize = 16384;

#[derive(Debug, Clone, Copy)]
struct Constants {
    step_size: f32,
    correction: f32,
    one_less_beta1: f32,
    beta2: f32,
    one_less_beta2: f32,
    eps: f32,
    /// How much of the parameter is added to the gradient.
    penalty: f32,
    /// What the parameter is multiplied with.
    kept: f32,
}

on_level! {
    unsafe fn step_on(
        constants: &Constants, parameter: &mut [f32], gradient: &[f32], exp_avg: &mut [f32],
        exp_avg_sq: &mut [f32],
    ) = step_generic
}

/// Plain Rust, which the compiler vectorizes for the level.
#[inline(always)]
unsafe fn step_generic<S: Vector>(
    constants: &Constants,
    parameter: &mut [f32],
    gradient: &[f32],
    exp_avg: &mut [f32],
    exp_avg_sq: &mut [f32],
) {
    let averages = exp_avg.iter_mut().zip(exp_avg_sq);
    for ((parameter, gradient), (mean, square)) in parameter.iter_mut().zip(gradient).zip(averages)
    {
        let gradient = *gradient + constants.penalty * *parameter;
        *mean += (gradient - *mean) * constants.one_less_beta1;
        *square = *square * constants.beta2 + gradient * gradient * constants.one_less_beta2;
        let denominator = square.sqrt() / constants.correction + constants.eps;
        *parameter = *parameter * constants.kept - constants.step_size * (*mean / denominator);
    }
}

// The kernel on tensors of the CPU, and as a node of the autodiff graph.

pub(crate) fn on_host<B: Host>(
    parameter: &FloatTensor<B>,
    gradient: &FloatTensor<B>,
    exp_avg: &FloatTensor<B>,
    exp_avg_sq: &FloatTensor<B>,
    adam: &Adam,
) -> (FloatTensor<B>, FloatTensor<B>, FloatTensor<B>) {
    let copy = |tensor| Contiguous::<B>::new(tensor).slice().to_vec();
    let mut values = [copy(parameter), copy(exp_avg), copy(exp_avg_sq)];
    let gradient = Contiguous::<B>::new(gradient);
    let [new, mean, square] = &mut values;
    step(Level::best(), adam, new, gradient.slice(), mean, square);
    let device = parameter.device();
    let [new, mean, square] =
        values.map(|values| vec_tensor::<B>(values, parameter.shape(), &device));
    (new, mean, square)
}
