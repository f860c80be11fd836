//! A running average of the weights, which evaluation takes in their place: as
//! `torch.optim.swa_utils.AveragedModel` with `get_ema_multi_avg_fn(decay)`.

use std::collections::BTreeMap;

use burn::tensor::Tensor;

use super::rule::lerp;
use crate::array::Arrays;
use crate::model::Network;

/// The averages of a network's parameters. Running statistics are averages already, and are taken as
/// they are.
pub struct WeightAverage {
    decay: f64,
    /// By the names of the parameters; none before the first step.
    averages: BTreeMap<String, Tensor<1>>,
}

impl WeightAverage {
    /// No averages yet; `decay` is the share of the old average that a step keeps.
    pub fn new(decay: f64) -> Self {
        Self {
            decay,
            averages: BTreeMap::new(),
        }
    }

    /// Updates the averages with the parameters after a step; the first call copies them.
    pub fn update(&mut self, network: &Network) {
        network.visit_parameters(|parameter| {
            if !parameter.is_trained {
                return;
            }
            let average = match self.averages.remove(&parameter.name) {
                Some(average) => lerp(average, parameter.values, self.decay),
                None => parameter.values,
            };
            self.averages.insert(parameter.name, average);
        });
    }

    /// The network with the averages for parameters.
    pub fn apply(&self, network: Network) -> Network {
        network.map_parameters(|parameter| self.averages.get(&parameter.name).cloned())
    }

    /// The averages by the names of the parameters, in PyTorch's layout.
    pub fn state(&self, network: &Network) -> Arrays {
        let mut arrays = Arrays::new();
        network.visit_parameters(|parameter| {
            if let Some(average) = self.averages.get(&parameter.name) {
                let array = parameter.array_of(average.clone());
                arrays.insert(parameter.name, array);
            }
        });
        arrays
    }

    /// Takes over what [`Self::state`] gave.
    ///
    /// # Errors
    /// What is missing or superfluous; before the first step there is nothing.
    pub fn load_state(&mut self, network: &Network, arrays: &Arrays) -> Result<(), String> {
        let mut averages = BTreeMap::new();
        let mut missing = None;
        network.visit_parameters(|parameter| {
            if !parameter.is_trained {
                return;
            }
            let array = arrays.get(&parameter.name);
            match array.and_then(|array| parameter.values_of(array)) {
                Some(average) => {
                    averages.insert(parameter.name, average);
                }
                None => {
                    missing.get_or_insert(parameter.name);
                }
            }
        });
        let superfluous = arrays.keys().find(|name| !averages.contains_key(*name));
        match (missing, superfluous) {
            (Some(name), _) if !arrays.is_empty() => Err(format!(
                "the average of parameter `{name}` is missing or misshapen"
            )),
            (_, Some(name)) => Err(format!("there is no average of a parameter `{name}`")),
            _ => {
                self.averages = averages;
                Ok(())
            }
        }
    }
}
