//! Training by hand: single steps outside of the loop, for tests of what the loop is made of.

use burn::nn::loss::CrossEntropyLossConfig;
use burn::optim::GradientsParams;
use burn::tensor::{Device, Int, Tensor, TensorData};
use runner::config::{Document, Experiment};
use runner::data::Batch;
use runner::device;
use runner::model::{Mode, Network};
use runner::optimizer::Optimizer;

/// A network and its optimizer, as a run has them.
pub struct Trainer {
    pub experiment: Experiment,
    /// With autodiff.
    pub device: Device,
    pub network: Network,
    pub optimizer: Optimizer,
    /// Optimizer steps done.
    pub step: u64,
}

impl Trainer {
    /// Before the first step.
    pub fn new(experiment: Experiment) -> Self {
        let device = device::choose(runner::config::Device::Cpu, None)
            .unwrap()
            .device
            .autodiff();
        Self {
            network: Network::new(&experiment, &device),
            optimizer: Optimizer::new(&experiment.optimizer, &experiment.training.groups),
            experiment,
            device,
            step: 0,
        }
    }

    /// The logits of a batch in training, and their mean cross entropy.
    pub fn forward(&self, batch: &Batch) -> (Tensor<2>, Tensor<1>) {
        let count = batch.labels.len();
        let [channels, height, width] = self.experiment.model.input;
        let images = TensorData::new(batch.images.to_vec(), [count, channels, height, width]);
        let labels: Vec<i64> = batch.labels.iter().map(|label| i64::from(*label)).collect();
        let labels = TensorData::new(labels, [count]);
        let mode = Mode::Training {
            seed: self.experiment.seed,
            step: self.step,
            part: 0,
        };
        let (logits, _) = self
            .network
            .forward(Tensor::from_data(images, &self.device), mode);
        let loss = CrossEntropyLossConfig::new().init(&self.device).forward(
            logits.clone(),
            Tensor::<1, Int>::from_data(labels, &self.device),
        );
        (logits, loss)
    }

    /// The gradients of a batch's loss.
    pub fn gradients(&self, batch: &Batch) -> GradientsParams {
        let (_, loss) = self.forward(batch);
        GradientsParams::from_grads(loss.backward(), &self.network)
    }

    /// Trains on one batch; gives the loss before it.
    pub fn train(&mut self, batch: &Batch) -> f32 {
        let (_, loss) = self.forward(batch);
        let value = loss.clone().into_scalar();
        let gradients = GradientsParams::from_grads(loss.backward(), &self.network);
        self.network = self.optimizer.step(
            self.experiment.training.learning_rate,
            self.network.clone(),
            &gradients,
        );
        self.step += 1;
        value
    }
}

/// The experiment that a config declares.
pub fn experiment(text: &str, overrides: &[&str]) -> Experiment {
    let mut document = Document::parse("test.toml", text.to_owned(), "test");
    let overrides: Vec<String> = overrides.iter().map(|text| (*text).to_owned()).collect();
    document.set_all(&overrides);
    document.experiment().unwrap()
}
