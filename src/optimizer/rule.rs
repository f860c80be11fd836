//! What an update rule is, and the formulas that several rules share.

use burn::tensor::Tensor;

/// How a parameter moves along its gradient. All tensors are as long as the parameter, and in the order
/// of its elements.
pub trait Rule: Send {
    /// PyTorch's names for the state arrays of a parameter with this number of dimensions.
    fn state_names(&self, dimensions: usize) -> Vec<&'static str>;

    /// A step; gives the parameter after it. `state` has the arrays of [`Self::state_names`], or none
    /// before the first step, and has them after it.
    fn step(
        &self,
        update: Update<'_>,
        parameter: Tensor<1>,
        gradient: Tensor<1>,
        state: &mut Vec<Tensor<1>>,
    ) -> Tensor<1>;
}

/// What a rule is told of one update.
pub struct Update<'a> {
    /// The learning rate of the step.
    pub learning_rate: f64,
    /// The number of the parameter's update, from 1.
    pub time: u64,
    /// The weight decay of the parameter.
    pub weight_decay: f64,
    /// The parameter's shape in PyTorch's layout; Burn's matrices are transposed.
    pub shape: &'a [usize],
}

/// A state of zeros, `count` arrays, before the first update.
pub fn begin(state: &mut Vec<Tensor<1>>, count: usize, parameter: &Tensor<1>) {
    if state.is_empty() {
        state.extend((0..count).map(|_| parameter.zeros_like()));
    }
}

/// `average + (1 - decay) (value - average)`, as PyTorch's `lerp_`.
pub fn lerp(average: Tensor<1>, value: Tensor<1>, decay: f64) -> Tensor<1> {
    average.clone() + (value - average) * (1.0 - decay)
}

/// `decay average + (1 - decay) value^2`
pub fn average_square(average: Tensor<1>, value: Tensor<1>, decay: f64) -> Tensor<1> {
    average * decay + value.clone() * value * (1.0 - decay)
}

/// The gradient of the loss with an L2 penalty on the parameter.
pub fn penalized(update: &Update<'_>, gradient: Tensor<1>, parameter: &Tensor<1>) -> Tensor<1> {
    match update.weight_decay != 0.0 {
        true => gradient + parameter.clone() * update.weight_decay,
        false => gradient,
    }
}

/// The parameter after a decoupled weight decay.
pub fn decayed(update: &Update<'_>, parameter: Tensor<1>) -> Tensor<1> {
    match update.weight_decay != 0.0 {
        true => parameter * (1.0 - update.learning_rate * update.weight_decay),
        false => parameter,
    }
}

/// The Euclidean norm, summed in the order of the elements.
pub fn norm(values: Tensor<1>) -> f64 {
    let data = values.into_data();
    let values = data.as_slice::<f32>().expect("32-bit floats");
    let squares = values.iter().map(|value| f64::from(*value).powi(2));
    squares.sum::<f64>().sqrt()
}
