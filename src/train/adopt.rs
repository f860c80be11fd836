//! What a fork takes from the checkpoint of its parent.

use std::collections::BTreeSet;

use super::session::Session;
use crate::run_dir::{Checkpoint, Part, Position, State};

/// Why a session cannot begin with a checkpoint of another run.
#[derive(Debug)]
pub enum Unfit {
    /// The networks have other parameters; the first that does not fit.
    Network(String),
    /// The update rule keeps another state; the first part that does not fit.
    Optimizer(String),
}

impl Session {
    /// Takes parameters, optimizer state, averages and position from a checkpoint of another run, as far as this one has
    /// a use for them; without optimizer state if that is to begin anew. A parameter that the other run did not train
    /// has no optimizer state yet, and is its own average. Gives the checkpoint that the fork begins with.
    ///
    /// # Errors
    /// What does not fit; the session may then be changed in part.
    pub fn adopt(
        &mut self,
        checkpoint: &Checkpoint,
        fresh_optimizer: bool,
    ) -> Result<Checkpoint, Unfit> {
        let mut trained = BTreeSet::new();
        self.network.visit_parameters(|parameter| {
            if parameter.is_trained {
                trained.insert(parameter.name);
            }
        });
        let [parameters, mut state, mut averages] =
            [Part::Model, Part::Optimizer, Part::Average].map(|part| checkpoint.arrays_of(part));
        // `exp_avg.layers.8.weight` is of `layers.8.weight`.
        let is_of_trained = |name: &str| {
            let parameter = name.split_once('.');
            parameter.is_none_or(|(_, parameter)| trained.contains(parameter))
        };
        state.retain(|name, _| !fresh_optimizer && is_of_trained(name));
        let network = self.network.clone().with_parameters(&parameters);
        self.network = network.map_err(Unfit::Network)?;
        let loaded = self.optimizer.load_partial_state(&self.network, &state);
        loaded.map_err(Unfit::Optimizer)?;
        if let Some(average) = &mut self.average {
            if !averages.is_empty() {
                averages.retain(|name, _| trained.contains(name));
                for name in trained {
                    let own = parameters[&name].clone();
                    averages.entry(name).or_insert(own);
                }
            }
            let loaded = average.load_state(&self.network, &averages);
            loaded.map_err(Unfit::Network)?;
        }
        self.stand_at(self.adopted(&checkpoint.state.position));
        Ok(Checkpoint {
            state: State {
                position: self.position.clone(),
                ..checkpoint.state.clone()
            },
            arrays: self.arrays(),
        })
    }

    /// The position, with sums of this session's scores where those of an epoch begin.
    fn adopted(&self, position: &Position) -> Position {
        let start = Position::start(self.experiment.classes(), &self.experiment.metrics);
        match position.is_epoch_end() {
            true => Position {
                epoch: position.epoch,
                step: position.step,
                ..start
            },
            false => position.clone(),
        }
    }
}
