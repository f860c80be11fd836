//! The network of a run, for whatever comes after training.

use std::path::Path;

use super::Error;
use crate::config;
use crate::data::{ImagePlace, LooseBatch, LooseImages};
use crate::device::{self, Chosen};
use crate::kernels::Buffer;
use crate::metrics::{argmax, softmax};
use crate::model::Network;
use crate::run_dir::{Choice, Identity, Run, Weights};
use crate::train;

/// A trained network with all that is needed to use it.
#[derive(Debug)]
pub struct Trained {
    /// The run that trained it.
    pub run: Run,
    /// Where its weights are from; the arrays themselves are in the network.
    pub weights: Weights,
    /// The network, for evaluation.
    pub network: Network,
    /// What computes.
    pub device: Chosen,
}

/// What a network says of an image.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// The softmax probability of each class, in the order of the run's class names.
    pub probabilities: Vec<f32>,
    /// The most probable class, the first of equals.
    pub prediction: usize,
}

impl Answer {
    fn new(logits: &[f32]) -> Self {
        Self {
            probabilities: softmax(logits),
            prediction: argmax(logits) as usize,
        }
    }

    /// The `count` most probable classes, the most probable first; of equals the first.
    pub fn top(&self, count: usize) -> Vec<usize> {
        let mut classes: Vec<usize> = (0..self.probabilities.len()).collect();
        // Probabilities that are rounded to the same are not equal logits: the prediction is the first in any case.
        let is_not_predicted = |class: &usize| *class != self.prediction;
        classes.sort_by(|a, b| {
            let by_probability = self.probabilities[*b].total_cmp(&self.probabilities[*a]);
            let by_prediction = is_not_predicted(a).cmp(&is_not_predicted(b));
            by_prediction.then(by_probability)
        });
        classes.truncate(count);
        classes
    }
}

impl Trained {
    /// Reads the network of the run in `folder` as `choice` says, for the device `wanted`, or else that of the run's
    /// config. It computes on `threads` threads, one a processor unless stated.
    ///
    /// # Errors
    /// Where it is no run, it has no such checkpoint, the checkpoint is damaged or of another network, or the device
    /// cannot be used.
    pub fn open(
        folder: &Path,
        choice: &Choice,
        wanted: Option<config::Device>,
        threads: Option<u16>,
    ) -> Result<Self, Error> {
        let run = Run::open(folder)?;
        let weights = Weights::of_run(&run, choice)?;
        let device = device::choose(wanted.unwrap_or(run.experiment.device), threads)?;
        let network = Network::new(&run.experiment, &device.device);
        let network =
            network
                .with_parameters(&weights.arrays)
                .map_err(|why| train::Error::Misfit {
                    file: weights.file.display().to_string(),
                    why,
                })?;
        Ok(Self {
            run,
            weights,
            network,
            device,
        })
    }

    /// The names of the classes, in the order of the network's outputs.
    pub fn class_names(&self) -> &[String] {
        &self.run.identity.class_names
    }

    /// Looks at images, prepared as those of the run: in grey or colour, cropped, resized, scaled and normalized. Calls
    /// `each` with every one, in their order, and what the network says of it, or why the image cannot be used. Memory
    /// is needed for two batches of the run's size, whatever the number.
    ///
    /// # Errors
    /// The first one of `each`, which ends it.
    pub fn predict<E>(
        &self,
        places: &[ImagePlace],
        mut each: impl FnMut(&ImagePlace, Result<Answer, String>) -> Result<(), E>,
    ) -> Result<(), E> {
        let Run {
            experiment,
            identity,
            ..
        } = &self.run;
        let Identity {
            found_bits,
            normalize,
            ..
        } = identity;
        let images = LooseImages::new(
            places,
            &experiment.data,
            experiment.model.input,
            (*found_bits, normalize.clone()),
            experiment.training.batch_size,
        );
        images.ahead(|batches| {
            for batch in batches {
                let LooseBatch {
                    places,
                    outcomes,
                    images,
                } = batch;
                let good = outcomes.iter().filter(|it| it.is_ok()).count();
                let mut answers = self.answers(images, good).into_iter();
                for (place, outcome) in places.iter().zip(outcomes) {
                    let answer = outcome.map(|()| answers.next().expect("one a good image"));
                    each(place, answer)?;
                }
            }
            Ok(())
        })
    }

    fn answers(&self, images: Buffer, count: usize) -> Vec<Answer> {
        if count == 0 {
            return Vec::new();
        }
        let input = self.run.experiment.model.input;
        let logits = train::logits(&self.network, images, count, input, &self.device.device);
        let rows = logits.chunks_exact(logits.len() / count);
        rows.map(Answer::new).collect()
    }
}
