//! One optimizer step. A loss, gradient or parameter that is not finite ends it before the session changes.

use burn::optim::GradientsParams;

use super::Error;
use super::evaluate::{host_logits, images_tensor};
use super::session::Session;
use crate::data::Batch;
use crate::kernels::{self, loss::Targets};
use crate::metrics::argmax;
use crate::model::{BatchStatistics, Mode, is_finite};
use crate::optimizer;

impl Session {
    /// Trains on the images of one step and adds them to the epoch's sums; gives their mean loss. They go
    /// through the network `training.batch_size` at a time.
    pub(super) fn train_batch(&mut self, batch: Batch) -> Result<f64, Error> {
        let training = &self.experiment.training;
        let total = self.loss.total_weight(&targets(&batch));
        let mut network = self.network.clone();
        let mut whole: Option<Part> = None;
        for (index, batch) in batch.split(training.batch_size).into_iter().enumerate() {
            let (part, statistics) = self.gradients(batch, index as u64, total)?;
            network = network.with_statistics(statistics);
            match &mut whole {
                None => whole = Some(part),
                Some(whole) => {
                    whole.loss += part.loss;
                    optimizer::add(&self.network, &mut whole.gradients, &part.gradients);
                    whole.predictions.extend(part.predictions);
                }
            }
        }
        let mut whole = whole.expect("a step has images");
        let (norm, value) = (training.clip_grad_norm, training.clip_grad_value);
        optimizer::clip(&self.network, &mut whole.gradients, norm, value);

        let learning_rate = self.learning_rate(self.position.step);
        let network = self
            .optimizer
            .step(learning_rate, network, &whole.gradients);
        let bad = network.first_of_parameters(|parameter| !is_finite(parameter.values.clone()));
        if let Some(name) = bad.or_else(|| self.optimizer.first_non_finite(&network)) {
            return Err(self.diverged(format!("the step would make `{name}` non-finite")));
        }
        if let Some(average) = &mut self.average {
            average.update(&network);
        }
        self.network = network;

        let pairs = whole.predictions.into_iter();
        self.position.train.add(whole.loss, pairs);
        self.position.step += 1;
        self.position.batch += 1;
        Ok(whole.loss)
    }

    /// Loss, gradients and predictions of the `part`-th batch of a step, and the statistics of its batch
    /// norms. The losses of its images are summed and divided by `total`, the weight of all images of the
    /// step, so that the parts add up to the step's mean loss.
    fn gradients(
        &self,
        batch: Batch,
        part: u64,
        total: f64,
    ) -> Result<(Part, Vec<BatchStatistics>), Error> {
        let device = self.device.clone().autodiff();
        let input = self.experiment.model.input;
        let targets = targets(&batch);
        let labels = batch.main_labels();
        let Batch { images, .. } = batch;
        let count = labels.len();
        let images = images_tensor(images, count, input, &device);
        let mode = Mode::Training {
            seed: self.experiment.seed,
            step: self.position.step,
            part,
        };
        let (logits, statistics) = self.network.forward(images.clone(), mode);
        let loss = kernels::loss(logits.clone(), targets, &self.loss, total);
        let loss_value = f64::from(loss.clone().into_scalar::<f32>());
        if !loss_value.is_finite() {
            let layer = self.network.first_non_finite(images, mode);
            return Err(self.diverged(match layer {
                Some(layer) => {
                    format!("the loss is {loss_value}; first non-finite: {layer}")
                }
                None => {
                    format!("the loss is {loss_value}, though the output of every layer is finite")
                }
            }));
        }
        let gradients = GradientsParams::from_grads(loss.backward(), &self.network);
        let bad = self.network.first_of_parameters(|parameter| {
            let gradient = parameter.gradient(&gradients);
            gradient.is_some_and(|gradient| !is_finite(gradient))
        });
        if let Some(name) = bad {
            return Err(self.diverged(format!("the gradient of `{name}` is not finite")));
        }
        let logits = host_logits(logits.inner());
        let predictions = logits.chunks_exact(logits.len() / count).map(argmax);
        let part = Part {
            loss: loss_value,
            gradients,
            predictions: labels.into_iter().zip(predictions).collect(),
        };
        Ok((part, statistics))
    }

    fn diverged(&self, what: String) -> Error {
        Error::Diverged {
            epoch: self.position.epoch,
            step: self.position.step + 1,
            what,
        }
    }
}

/// The labels of a batch, with the second labels and shares of mixed images.
fn targets(batch: &Batch) -> Targets {
    let mixed = batch.mixed.iter().map(|other| (other.label, other.share));
    Targets {
        labels: batch.labels.as_slice().into(),
        mixed: mixed.collect(),
    }
}

/// What one batch contributes to its step.
struct Part {
    /// Its share of the step's mean loss.
    loss: f64,
    gradients: GradientsParams,
    /// Label and prediction of each image.
    predictions: Vec<(u32, u32)>,
}
