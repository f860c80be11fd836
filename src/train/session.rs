//! Everything a run has in memory.

use std::sync::Arc;

use burn::module::Module;
use burn::tensor::Device;

use super::evaluate::evaluate_batch;
use super::{Error, Interrupt, Stop};
use crate::array::{self, Arrays};
use crate::config::Experiment;
use crate::data::{Batches, Splits};
use crate::model::Network;
use crate::optimizer::Optimizer;
use crate::run_dir::{Checkpoint, Position, Prediction};
use crate::schedule;

pub struct Session {
    pub experiment: Experiment,
    pub data: Arc<Splits>,
    /// Without autodiff.
    pub device: Device,
    /// With autodiff.
    pub network: Network,
    pub optimizer: Optimizer,
    pub position: Position,
    /// What the last evaluation said of every image, if it ran whole in this process.
    pub(super) predictions: Option<Vec<Prediction>>,
}

impl Session {
    /// Before the first step.
    pub fn new(experiment: Experiment, data: Splits, device: Device) -> Self {
        Self {
            network: Network::new(&experiment, &device.clone().autodiff()),
            optimizer: Optimizer::new(&experiment.optimizer),
            position: Position::start(experiment.classes()),
            experiment,
            data: Arc::new(data),
            device,
            predictions: None,
        }
    }

    /// Goes to where a checkpoint was written.
    pub fn load(&mut self, checkpoint: &Checkpoint) -> Result<(), Error> {
        let misfit = |why| Error::Misfit {
            file: checkpoint.state.position.file_name(),
            why,
        };
        let (mut parameters, mut state) = (Arrays::new(), Arrays::new());
        for (name, array) in &checkpoint.arrays {
            if let Some(name) = name.strip_prefix(MODEL) {
                parameters.insert(name.to_owned(), array.clone());
            } else if let Some(name) = name.strip_prefix(OPTIMIZER) {
                state.insert(name.to_owned(), array.clone());
            } else {
                return Err(misfit(format!("nothing here is called `{name}`")));
            }
        }
        let position = &checkpoint.state.position;
        if state.is_empty() && position.step > 0 {
            return Err(misfit("it has no optimizer state".to_owned()));
        }
        let epochs = self.experiment.training.epochs;
        if position.epoch > epochs + 1 || position.epoch > epochs && !position.is_epoch_end() {
            return Err(misfit(format!("it is beyond epoch {epochs}, the last")));
        }
        let network = self.network.clone().with_parameters(&parameters);
        self.network = network.map_err(misfit)?;
        self.optimizer
            .load_state(&self.network, &state)
            .map_err(misfit)?;
        self.position = checkpoint.state.position.clone();
        Ok(())
    }

    /// All parameters and all optimizer state, as a checkpoint names them.
    pub fn arrays(&self) -> Arrays {
        let prefixed = |prefix: &'static str, arrays: Arrays| {
            arrays
                .into_iter()
                .map(move |(name, array)| (format!("{prefix}{name}"), array))
        };
        let mut arrays: Arrays = prefixed(MODEL, self.network.parameters()).collect();
        arrays.extend(prefixed(OPTIMIZER, self.optimizer.state(&self.network)));
        arrays
    }

    /// Optimizer steps in an epoch.
    pub fn steps_per_epoch(&self) -> u64 {
        let batch_size = self.experiment.training.batch_size;
        self.data.train.len().div_ceil(batch_size) as u64
    }

    /// The learning rate of a step, from 0.
    pub fn learning_rate(&self, step: u64) -> f64 {
        schedule::learning_rate(&self.experiment, self.steps_per_epoch(), step)
    }

    /// Numbers that training moves.
    pub fn parameter_count(&self) -> usize {
        self.network.parameter_count()
    }

    /// Bytes of a checkpoint's arrays once training has begun.
    pub fn checkpoint_bytes(&self) -> u64 {
        let numbers = self.parameter_count() * (1 + self.optimizer.state_size());
        4 * numbers as u64
    }

    /// What the network says of every evaluation image; a request to stop is seen before each batch.
    pub fn predictions(&mut self, interrupt: &Interrupt) -> Result<Vec<Prediction>, Stop> {
        if let Some(predictions) = self.predictions.take() {
            return Ok(predictions);
        }
        let Experiment {
            data,
            training,
            model,
            ..
        } = &self.experiment;
        let network = self.network.valid();
        let batches = Batches::in_order(&self.data.eval, data, training.batch_size);
        let mut predictions = Vec::with_capacity(self.data.eval.len());
        batches.ahead(0, |ready| {
            for batch in ready {
                if let Some(stop) = interrupt.poll() {
                    return Err(stop);
                }
                let outcome = evaluate_batch(&network, batch, model.input, &self.device);
                predictions.extend(outcome.predictions);
            }
            Ok(predictions)
        })
    }
}

const MODEL: &str = "model.";
const OPTIMIZER: &str = "optimizer.";

/// What tells two runs apart at the first epoch that differs: the first 16 hex digits of the
/// digest over everything training has made.
pub fn short_digest(arrays: &Arrays) -> String {
    let mut digest = array::digest(arrays).hex();
    digest.truncate(16);
    digest
}
