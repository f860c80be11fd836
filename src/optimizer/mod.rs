//! The update rules, with their state kept by parameter name.
//!
//! Burn's own `ModuleOptimizer` keys its state by parameter ids that are random in each process,
//! restores it on whatever device is the default, and passes silently over a state that does not
//! fit; the defaults of its rules are not PyTorch's. So the rules are here, one a file, on Burn's
//! tensors: state goes into named arrays and comes back out of them onto the parameter's own device,
//! whole or not at all. What is differently done than in PyTorch, the rule's file says.

mod adadelta;
mod adagrad;
mod adam;
mod average;
mod gradients;
mod lamb;
mod lion;
mod muon;
mod rmsprop;
mod sgd;

use std::collections::BTreeMap;

use burn::optim::GradientsParams;
use burn::tensor::Tensor;

use crate::array::{Array, Arrays, Values};
use crate::config;
use crate::model::{Network, Parameter};

pub use average::WeightAverage;
pub use gradients::{add, clip};

/// An update rule and what it remembers.
pub struct Optimizer {
    rule: Box<dyn Rule>,
    /// `bias`, `norm`
    no_decay: Vec<config::NoDecay>,
    states: BTreeMap<String, State>,
}

/// How a parameter moves along its gradient. All tensors are as long as the parameter, and in the order
/// of its elements.
trait Rule: Send {
    /// What PyTorch calls the arrays of the state that a parameter of so many dimensions has.
    fn state_names(&self, dimensions: usize) -> Vec<&'static str>;

    /// A step; gives the parameter after it. `state` has the arrays of [`Self::state_names`], or none
    /// before the first step, and has them after it.
    fn step(
        &self,
        step: Step<'_>,
        parameter: Tensor<1>,
        gradient: Tensor<1>,
        state: &mut Vec<Tensor<1>>,
    ) -> Tensor<1>;
}

struct Step<'a> {
    learning_rate: f64,
    /// This one's number, from 1.
    time: u64,
    /// Whether the parameter takes part in the weight decay.
    decays: bool,
    /// Of the parameter, as PyTorch has it; Burn's matrices are transposed.
    shape: &'a [usize],
}

/// What a rule remembers of one parameter.
struct State {
    /// Steps so far.
    time: u64,
    arrays: Vec<Tensor<1>>,
}

/// What PyTorch calls the number of steps.
const TIME: &str = "step";

impl Optimizer {
    pub fn new(config: &config::Optimizer) -> Self {
        let rule: Box<dyn Rule> = match config.clone() {
            config::Optimizer::Sgd(sgd) => Box::new(sgd::Sgd(sgd)),
            config::Optimizer::Adam(adam) => Box::new(adam::Adam::new(adam, false)),
            config::Optimizer::Adamw(adam) => Box::new(adam::Adam::new(adam, true)),
            config::Optimizer::Rmsprop(rmsprop) => Box::new(rmsprop::Rmsprop(rmsprop)),
            config::Optimizer::Adagrad(adagrad) => Box::new(adagrad::Adagrad(adagrad)),
            config::Optimizer::Adadelta(adadelta) => Box::new(adadelta::Adadelta(adadelta)),
            config::Optimizer::Lion(lion) => Box::new(lion::Lion(lion)),
            config::Optimizer::Lamb(lamb) => Box::new(lamb::Lamb(lamb)),
            config::Optimizer::Muon(muon) => Box::new(muon::Muon::new(muon)),
        };
        Self {
            rule,
            no_decay: config.no_decay().to_vec(),
            states: BTreeMap::new(),
        }
    }

    /// How many numbers the state of a network has.
    pub fn state_size(&self, network: &Network) -> usize {
        let mut size = 0;
        network.visit_parameters(|parameter| {
            if parameter.is_trained {
                let arrays = self.rule.state_names(parameter.shape.len());
                size += arrays.len() * parameter.element_count();
            }
        });
        size
    }

    /// One step: the network with every parameter moved along its gradient.
    pub fn step(
        &mut self,
        learning_rate: f64,
        network: Network,
        gradients: &GradientsParams,
    ) -> Network {
        network.map_parameters(|parameter| {
            let gradient = parameter.gradient(gradients)?;
            let decays = self.decays(&parameter);
            let shape = parameter.pytorch_shape();
            let state = self.states.entry(parameter.name).or_insert(State {
                time: 0,
                arrays: Vec::new(),
            });
            state.time += 1;
            let step = Step {
                learning_rate,
                time: state.time,
                decays,
                shape: &shape,
            };
            let (rule, arrays) = (&self.rule, &mut state.arrays);
            Some(rule.step(step, parameter.values, gradient, arrays))
        })
    }

    fn decays(&self, parameter: &Parameter) -> bool {
        let leaves = |which| self.no_decay.contains(&which);
        let is_bias = parameter.name.ends_with(".bias");
        !(leaves(config::NoDecay::Bias) && is_bias
            || leaves(config::NoDecay::Norm) && parameter.is_of_norm)
    }

    /// The state as arrays `<state>.<parameter>`; `network` is the one it belongs to.
    pub fn state(&self, network: &Network) -> Arrays {
        let mut arrays = Arrays::new();
        network.visit_parameters(|parameter| {
            let Some(state) = self.states.get(&parameter.name) else {
                return;
            };
            let name = &parameter.name;
            arrays.insert(format!("{TIME}.{name}"), Array::scalar(state.time as i64));
            let names = self.rule.state_names(parameter.shape.len());
            for (array, values) in names.iter().zip(&state.arrays) {
                let values = parameter.array_of(values.clone());
                arrays.insert(format!("{array}.{name}"), values);
            }
        });
        arrays
    }

    /// The first array of the state that has a NaN or an infinity.
    pub fn first_non_finite(&self, network: &Network) -> Option<String> {
        let mut found = None;
        network.visit_parameters(|parameter| {
            let Some(state) = self.states.get(&parameter.name) else {
                return;
            };
            let names = self.rule.state_names(parameter.shape.len());
            for (array, values) in names.iter().zip(&state.arrays) {
                if found.is_none() && !crate::model::is_finite(values.clone()) {
                    found = Some(format!("{array}.{}", parameter.name));
                }
            }
        });
        found
    }

    /// Takes over a state that [`Optimizer::state`] gave.
    ///
    /// The error names what is missing or superfluous; before the first step there is no state.
    pub fn load_state(&mut self, network: &Network, arrays: &Arrays) -> Result<(), String> {
        let mut states = BTreeMap::new();
        let mut missing = None;
        network.visit_parameters(|parameter| {
            if !parameter.is_trained {
                return;
            }
            match self.state_of(&parameter, arrays) {
                Some(state) => {
                    states.insert(parameter.name, state);
                }
                None => {
                    missing.get_or_insert(parameter.name);
                }
            }
        });
        if let (Some(name), false) = (missing, arrays.is_empty()) {
            return Err(format!(
                "the optimizer state of parameter `{name}` is missing or misshapen"
            ));
        }
        let before = std::mem::replace(&mut self.states, states);
        // What was not read cannot come back out; so this finds every array too many.
        let taken = self.state(network);
        let superfluous = arrays
            .iter()
            .find(|(name, array)| taken.get(*name) != Some(array));
        if let Some((name, _)) = superfluous {
            self.states = before;
            return Err(format!("the optimizer has no state `{name}`"));
        }
        Ok(())
    }

    /// `None` where something is missing or misshapen.
    fn state_of(&self, parameter: &Parameter, arrays: &Arrays) -> Option<State> {
        let named = |name: &str| arrays.get(&format!("{name}.{}", parameter.name));
        let Array { shape, values } = named(TIME)?;
        let (true, Values::I64(time)) = (shape.is_empty(), values) else {
            return None;
        };
        let names = self.rule.state_names(parameter.shape.len());
        let arrays = names
            .iter()
            .map(|name| parameter.values_of(named(name)?))
            .collect::<Option<Vec<_>>>()?;
        Some(State {
            time: u64::try_from(*time.first()?).ok()?,
            arrays,
        })
    }
}

/// A state of zeros, `count` arrays, before the first step.
fn begin(state: &mut Vec<Tensor<1>>, count: usize, parameter: &Tensor<1>) {
    if state.is_empty() {
        state.extend((0..count).map(|_| parameter.zeros_like()));
    }
}

/// `average + (1 - decay) (value - average)`, as PyTorch's `lerp_`.
fn lerp(average: Tensor<1>, value: Tensor<1>, decay: f64) -> Tensor<1> {
    average.clone() + (value - average) * (1.0 - decay)
}

/// `decay average + (1 - decay) value^2`
fn average_square(average: Tensor<1>, value: Tensor<1>, decay: f64) -> Tensor<1> {
    average * decay + value.clone() * value * (1.0 - decay)
}

/// The gradient of the loss with an L2 penalty on the parameter.
fn penalized(step: &Step<'_>, gradient: Tensor<1>, parameter: &Tensor<1>, decay: f64) -> Tensor<1> {
    match step.decays && decay != 0.0 {
        true => gradient + parameter.clone() * decay,
        false => gradient,
    }
}

/// The parameter after a decoupled weight decay.
fn decayed(step: &Step<'_>, parameter: Tensor<1>, decay: f64) -> Tensor<1> {
    match step.decays && decay != 0.0 {
        true => parameter * (1.0 - step.learning_rate * decay),
        false => parameter,
    }
}

/// The Euclidean norm, summed in the order of the elements.
fn norm(values: Tensor<1>) -> f64 {
    let data = values.into_data();
    let values = data.as_slice::<f32>().expect("32-bit floats");
    let squares = values.iter().map(|value| f64::from(*value).powi(2));
    squares.sum::<f64>().sqrt()
}
