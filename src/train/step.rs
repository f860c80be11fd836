//! One optimizer step, with everything that is not finite caught before it could do harm.

use burn::module::{Module, ModuleVisitor, Param};
use burn::optim::GradientsParams;
use burn::tensor::Tensor;

use super::Error;
use super::evaluate::{argmax, host_logits, images_tensor};
use super::session::Session;
use crate::data::Batch;
use crate::kernels;
use crate::model::{Mode, Network, Path, is_finite};

impl Session {
    /// Trains on one batch and adds it to the epoch's sums; gives its mean loss.
    pub(super) fn train_batch(&mut self, batch: Batch) -> Result<f64, Error> {
        let device = self.device.clone().autodiff();
        let input = self.experiment.model.input;
        let Batch { images, labels } = batch;
        let count = labels.len();
        let images = images_tensor(images, count, input, &device);
        let mode = Mode::Training {
            seed: self.experiment.seed,
            step: self.position.step,
        };

        let (logits, statistics) = self.network.forward(images.clone(), mode);
        let loss = kernels::cross_entropy(logits.clone(), labels.as_slice().into());
        let loss_value = f64::from(loss.clone().into_scalar::<f32>());
        if !loss_value.is_finite() {
            let layer = self.network.first_non_finite(images, mode);
            return Err(self.diverged(match layer {
                Some(layer) => {
                    format!("the loss is {loss_value}, first not finite: {layer}")
                }
                None => {
                    format!("the loss is {loss_value}, though the output of every layer is finite")
                }
            }));
        }

        let mut gradients = GradientsParams::from_grads(loss.backward(), &self.network);
        if let Some(name) = first_non_finite(&self.network, Part::Gradient(&gradients)) {
            return Err(self.diverged(format!("the gradient of `{name}` is not finite")));
        }
        let learning_rate = self.learning_rate(self.position.step);
        let network = self.network.clone().with_statistics(statistics);
        let network = self.optimizer.step(learning_rate, network, &mut gradients);
        if let Some(name) = first_non_finite(&network, Part::Value) {
            return Err(self.diverged(format!("the step would make `{name}` not finite")));
        }
        let state = self.optimizer.state(&network);
        if let Some((name, _)) = state.iter().find(|(_, array)| !array.is_finite()) {
            return Err(self.diverged(format!("the step would make `{name}` not finite")));
        }
        self.network = network;

        let logits = host_logits(logits.inner());
        let predictions = logits.chunks_exact(logits.len() / count).map(argmax);
        let pairs = labels.into_iter().zip(predictions);
        self.position.train.add(loss_value, pairs);
        self.position.step += 1;
        self.position.batch += 1;
        Ok(loss_value)
    }

    fn diverged(&self, what: String) -> Error {
        Error::Diverged {
            epoch: self.position.epoch,
            step: self.position.step + 1,
            what,
        }
    }
}

/// The first parameter of which the chosen part (its value, its gradient) has a NaN or an infinity.
fn first_non_finite(network: &Network, part: Part<'_>) -> Option<String> {
    let mut search = Search {
        part,
        path: Path::default(),
        found: None,
    };
    network.visit(&mut search);
    search.found
}

#[derive(Clone, Copy)]
enum Part<'a> {
    Value,
    Gradient(&'a GradientsParams),
}

struct Search<'a> {
    part: Part<'a>,
    path: Path,
    found: Option<String>,
}

impl ModuleVisitor for Search<'_> {
    fn enter_module(&mut self, name: &str, container: &str) {
        self.path.enter(name, container);
    }

    fn exit_module(&mut self, _name: &str, _container: &str) {
        self.path.exit();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let tensor = match self.part {
            Part::Value => Some(param.val().inner()),
            Part::Gradient(gradients) => gradients.get::<D>(param.id),
        };
        if tensor.is_some_and(|tensor| !is_finite(tensor)) {
            self.found.get_or_insert(self.path.to_string());
        }
    }
}
