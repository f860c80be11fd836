//! An update rule applied to all parameters of a network, its state kept by their names.

use std::collections::BTreeMap;

use burn::optim::GradientsParams;
use burn::tensor::Tensor;

use super::rule::{Rule, Update};
use super::{adadelta, adagrad, adam, lamb, lion, muon, rmsprop, sgd};
use crate::array::{Array, Arrays, Values};
use crate::config;
use crate::model::{Network, Parameter};

/// An update rule and what it remembers.
pub struct Optimizer {
    rule: Box<dyn Rule>,
    weight_decay: f64,
    /// Which parameters take no part in that.
    no_decay: Vec<config::NoDecay>,
    /// Parameters with a learning rate or a weight decay of their own.
    groups: Vec<config::Group>,
    states: BTreeMap<String, State>,
}

/// What a rule remembers of one parameter.
struct State {
    /// Steps so far.
    time: u64,
    arrays: Vec<Tensor<1>>,
}

/// PyTorch's name for the number of steps.
const TIME: &str = "step";

impl Optimizer {
    /// The rule of a config, before the first step; for parameters of these groups in another way.
    pub fn new(config: &config::Optimizer, groups: &[config::Group]) -> Self {
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
            weight_decay: config.weight_decay(),
            no_decay: config.no_decay().to_vec(),
            groups: groups.to_vec(),
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
            let group = config::group_of(&self.groups, &parameter.name);
            let group = group.map(|(_, group)| group);
            let scale = group.map_or(1.0, |group| group.learning_rate_scale);
            let weight_decay = group.and_then(|group| group.weight_decay);
            let weight_decay = weight_decay.unwrap_or_else(|| self.decay_of(&parameter));
            let shape = parameter.pytorch_shape();
            let state = self.states.entry(parameter.name).or_insert(State {
                time: 0,
                arrays: Vec::new(),
            });
            state.time += 1;
            let update = Update {
                learning_rate: learning_rate * scale,
                time: state.time,
                weight_decay,
                shape: &shape,
            };
            let (rule, arrays) = (&self.rule, &mut state.arrays);
            Some(rule.step(update, parameter.values, gradient, arrays))
        })
    }

    /// The weight decay of a parameter, unless its group has one.
    fn decay_of(&self, parameter: &Parameter) -> f64 {
        let leaves = |which| self.no_decay.contains(&which);
        let is_bias = parameter.name.ends_with(".bias");
        match leaves(config::NoDecay::Bias) && is_bias
            || leaves(config::NoDecay::Norm) && parameter.is_of_norm
        {
            true => 0.0,
            false => self.weight_decay,
        }
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
    /// Before the first step there is no state.
    ///
    /// # Errors
    /// What is missing or superfluous.
    pub fn load_state(&mut self, network: &Network, arrays: &Arrays) -> Result<(), String> {
        self.take_over(network, arrays, arrays.is_empty())
    }

    /// Takes over a state that other parameters may have no part in: theirs begins with their first step.
    ///
    /// # Errors
    /// What is superfluous or misshapen.
    pub fn load_partial_state(&mut self, network: &Network, arrays: &Arrays) -> Result<(), String> {
        self.take_over(network, arrays, true)
    }

    fn take_over(
        &mut self,
        network: &Network,
        arrays: &Arrays,
        may_lack: bool,
    ) -> Result<(), String> {
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
        if let (Some(name), false) = (missing, may_lack) {
            return Err(format!(
                "the optimizer state of parameter `{name}` is missing or misshapen"
            ));
        }
        let before = std::mem::replace(&mut self.states, states);
        // An array that was not read is not in `taken`, so this finds every superfluous one.
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
