//! Everything a run has in memory.

use std::sync::Arc;

use burn::module::Module;
use burn::tensor::Device;

use super::evaluate::evaluate_all;
use super::start::Start;
use super::{Error, Interrupt, Stop};
use crate::array::{self, Arrays};
use crate::config::{ClassWeights, Experiment, Loss};
use crate::data::{Batches, Dataset, Role, Splits};
use crate::kernels;
use crate::model::Network;
use crate::optimizer::{Optimizer, WeightAverage};
use crate::run_dir::{Checkpoint, Part, Phase, Position, Prediction};
use crate::schedule;
use crate::weights::Source;

/// The outcome of [`Session::predict`].
pub enum Predicted {
    /// A prediction for each image, in the order of the split.
    All(Vec<Prediction>),
    /// The run has no such split.
    Nothing,
    /// Something asked for a stop before all images were predicted.
    Stopped(Stop),
}

/// All that a run has in memory: what it computes is a function of this alone.
pub struct Session {
    /// What the config declares.
    pub experiment: Experiment,
    /// The images.
    pub data: Arc<Splits>,
    /// What computes, without autodiff.
    pub device: Device,
    /// The network that is trained, with autodiff.
    pub network: Network,
    /// The update rule, and what it remembers.
    pub optimizer: Optimizer,
    /// The averaged weights that evaluation uses, with `training.ema_decay`.
    pub average: Option<WeightAverage>,
    /// The known weights that the network began with, if it did not begin at random.
    pub start: Option<Start>,
    pub(super) loss: kernels::loss::Loss,
    /// Where the loop stands.
    pub position: Position,
    /// The learning rate that the schedule starts from: less than the config's after a plateau.
    pub(super) base_rate: f64,
    /// Optimizer steps done beyond those of so many epochs of this session: not 0 in a fork whose epochs have another
    /// number of steps than those of its parent.
    surplus_steps: i64,
    /// What the last evaluation said of every image, if it ran whole in this process.
    pub(super) predictions: Option<Vec<Prediction>>,
}

impl Session {
    /// A session before its first step.
    pub fn new(experiment: Experiment, data: Splits, device: Device) -> Self {
        Self {
            network: Network::new(&experiment, &device.clone().autodiff()),
            optimizer: Optimizer::new(&experiment.optimizer, &experiment.training.groups),
            average: experiment.training.ema_decay.map(WeightAverage::new),
            start: None,
            loss: loss(&experiment, &data),
            position: Position::start(experiment.classes(), &experiment.metrics),
            base_rate: experiment.training.learning_rate,
            surplus_steps: 0,
            experiment,
            data: Arc::new(data),
            device,
            predictions: None,
        }
    }

    /// Begins with known weights, as far as they fit.
    pub fn start_from(&mut self, source: Arc<Source>) {
        let (network, start) = Start::of(self.network.clone(), source);
        self.network = network;
        self.start = Some(start);
    }

    /// Restores parameters, optimizer state, averages and position from a checkpoint of a run that began after
    /// `first_step` optimizer steps: 0, or of a fork those of its parent.
    ///
    /// # Errors
    /// [`Error::Misfit`] where the checkpoint does not fit this run; the session may then be restored in part.
    pub fn load(&mut self, checkpoint: &Checkpoint, first_step: u64) -> Result<(), Error> {
        let misfit = |why| Error::Misfit {
            file: checkpoint.state.position.file_name(),
            why,
        };
        let (mut parameters, mut state) = (Arrays::new(), Arrays::new());
        let mut averages = Arrays::new();
        for (name, array) in &checkpoint.arrays {
            let within = |part: Part| name.strip_prefix(part.prefix());
            if let Some(name) = within(Part::Model) {
                parameters.insert(name.to_owned(), array.clone());
            } else if let Some(name) = within(Part::Optimizer) {
                state.insert(name.to_owned(), array.clone());
            } else if let (Some(name), true) = (within(Part::Average), self.average.is_some()) {
                averages.insert(name.to_owned(), array.clone());
            } else {
                return Err(misfit(format!("nothing in this run is called `{name}`")));
            }
        }
        let position = &checkpoint.state.position;
        let has_begun = position.step > first_step;
        if state.is_empty() && has_begun {
            return Err(misfit("it has no optimizer state".to_owned()));
        }
        if averages.is_empty() && has_begun && self.average.is_some() {
            return Err(misfit("it has no average of the weights".to_owned()));
        }
        let epochs = self.experiment.training.epochs;
        if position.epoch > epochs + 1 || position.epoch > epochs && !position.is_epoch_end() {
            return Err(misfit(format!("it is after epoch {epochs}, the last")));
        }
        let network = self.network.clone().with_parameters(&parameters);
        self.network = network.map_err(misfit)?;
        let loaded = match has_begun {
            true => self.optimizer.load_state(&self.network, &state),
            false => self.optimizer.load_partial_state(&self.network, &state),
        };
        loaded.map_err(misfit)?;
        if let Some(average) = &mut self.average {
            average
                .load_state(&self.network, &averages)
                .map_err(misfit)?;
        }
        self.stand_at(checkpoint.state.position.clone());
        Ok(())
    }

    /// Goes on from a position.
    pub(super) fn stand_at(&mut self, position: Position) {
        let epochs = match position.phase {
            Phase::Training => position.epoch - 1,
            Phase::Evaluation => position.epoch,
        };
        let batches = match position.phase {
            Phase::Training => position.batch,
            Phase::Evaluation => 0,
        };
        let steps = epochs * self.steps_per_epoch() + batches;
        self.surplus_steps = position.step as i64 - steps as i64;
        self.position = position;
    }

    /// All parameters, all optimizer state and the averages, as a checkpoint names them.
    pub fn arrays(&self) -> Arrays {
        let named = |part: Part, arrays: Arrays| {
            arrays
                .into_iter()
                .map(move |(name, array)| (format!("{}{name}", part.prefix()), array))
        };
        let mut arrays: Arrays = named(Part::Model, self.network.parameters()).collect();
        arrays.extend(named(Part::Optimizer, self.optimizer.state(&self.network)));
        if let Some(average) = &self.average {
            arrays.extend(named(Part::Average, average.state(&self.network)));
        }
        arrays
    }

    /// Optimizer steps in an epoch.
    pub fn steps_per_epoch(&self) -> u64 {
        let images = self.experiment.training.images_per_step();
        self.data.train.len().div_ceil(images) as u64
    }

    /// The learning rate of a step; steps count from 0.
    pub fn learning_rate(&self, step: u64) -> f64 {
        let schedule = self.experiment.schedule.as_ref();
        // A schedule counts epochs.
        let step = step.saturating_add_signed(-self.surplus_steps);
        schedule::learning_rate(schedule, self.base_rate, self.steps_per_epoch(), step)
    }

    /// The network that a checkpoint holds, for evaluation; the session stays as it is.
    ///
    /// # Errors
    /// [`Error::Misfit`] where the checkpoint does not fit this run.
    pub fn network_of(&self, checkpoint: &Checkpoint) -> Result<Network, Error> {
        let network = self.network.clone();
        let network = network.with_parameters(&checkpoint.evaluated());
        network
            .map(|network| network.valid())
            .map_err(|why| Error::Misfit {
                file: checkpoint.state.position.file_name(),
                why,
            })
    }

    /// The network for evaluation: without autodiff, and with the averaged weights where the run keeps them.
    pub fn evaluated_network(&self) -> Network {
        let network = self.network.valid();
        match &self.average {
            Some(average) => average.apply(network),
            None => network,
        }
    }

    /// How many numbers training changes; neither running statistics nor what is frozen.
    pub fn parameter_count(&self) -> usize {
        self.network.parameter_count()
    }

    /// The size of a checkpoint's arrays after the first step, in bytes.
    pub fn checkpoint_bytes(&self) -> u64 {
        let averages = match self.average {
            Some(_) => self.parameter_count(),
            None => 0,
        };
        let numbers = self.network.size() + averages + self.optimizer.state_size(&self.network);
        4 * numbers as u64
    }

    /// Predicts every image of a split with the network as it stands; polls `interrupt` before each batch.
    ///
    /// # Errors
    /// Where an image cannot be read any more.
    pub fn predict(&self, role: Role, interrupt: &Interrupt) -> Result<Predicted, Error> {
        match &self.predictions {
            Some(predictions) if role == Role::Eval => Ok(Predicted::All(predictions.clone())),
            _ => self.predict_with(&self.evaluated_network(), role, interrupt),
        }
    }

    /// As [`predict`](Self::predict), with another network.
    ///
    /// # Errors
    /// Where an image cannot be read any more.
    pub fn predict_with(
        &self,
        network: &Network,
        role: Role,
        interrupt: &Interrupt,
    ) -> Result<Predicted, Error> {
        let dataset = match role {
            Role::Train => Some(&self.data.train),
            Role::Eval => Some(&self.data.eval),
            Role::Test => self.data.test.as_ref(),
        };
        let Some(dataset) = dataset else {
            return Ok(Predicted::Nothing);
        };
        let is_all = self.experiment.log.probabilities;
        let batches = self.evaluation_batches(dataset);
        let mut predictions = Vec::new();
        let stop = evaluate_all(network, &batches, &self.device, interrupt, |outcome| {
            predictions.extend(outcome.predictions(is_all));
        })?;
        Ok(match stop {
            Some(stop) => Predicted::Stopped(stop),
            None => Predicted::All(predictions),
        })
    }

    /// The images of a split in their order.
    pub(super) fn evaluation_batches<'a>(&'a self, dataset: &'a Dataset) -> Batches<'a> {
        let Experiment {
            data,
            training,
            model,
            ..
        } = &self.experiment;
        let moments = self.data.normalize.clone();
        Batches::in_order(dataset, data, moments, model.input, training.batch_size)
    }
}

/// The experiment's loss; balanced class weights follow from the training images.
fn loss(experiment: &Experiment, data: &Splits) -> kernels::loss::Loss {
    let weights = experiment
        .loss
        .class_weights()
        .map(|weights| match weights {
            ClassWeights::Stated(weights) => weights.iter().map(|weight| *weight as f32).collect(),
            ClassWeights::Balanced => {
                kernels::loss::balanced_weights(&data.train.class_counts(experiment.classes()))
            }
        });
    let (label_smoothing, gamma) = match &experiment.loss {
        Loss::CrossEntropy(loss) => (loss.label_smoothing, 0.0),
        Loss::Focal(loss) => (0.0, loss.gamma),
    };
    kernels::loss::Loss {
        label_smoothing,
        gamma,
        class_weights: weights.map(|weights: Vec<f32>| weights.into()),
    }
}

/// The first 16 hex digits of the digest over all arrays of a session. Each row of metrics.csv has it, so
/// that two runs show the first epoch in which they differ.
pub fn short_digest(arrays: &Arrays) -> String {
    let mut digest = array::digest(arrays).hex();
    digest.truncate(16);
    digest
}
