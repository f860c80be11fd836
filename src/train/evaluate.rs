//! Evaluation of one batch: loss, scores and predictions, without dropout and gradients.

use burn::tensor::{Device, Tensor};

use super::{Error, Interrupt, Stop};
use crate::data::{Batch, Batches};
use crate::kernels::Buffer;
use crate::metrics::{Scored, softmax};
use crate::model::{Mode, Network};
use crate::run_dir::Prediction;

/// What a network says of a batch.
pub struct BatchOutcome {
    /// Mean cross entropy over the batch, in nats.
    pub loss: f64,
    /// One for each image.
    pub scores: Vec<Scored>,
    /// Row-major `[images, classes]`.
    logits: Vec<f32>,
}

impl BatchOutcome {
    /// What is said of each image, with the probability of every class where `is_all`.
    pub fn predictions(&self, is_all: bool) -> impl Iterator<Item = Prediction> {
        let classes = self.logits.len() / self.scores.len().max(1);
        let rows = self.logits.chunks_exact(classes.max(1));
        self.scores
            .iter()
            .zip(rows)
            .map(move |(scored, row)| Prediction {
                label: scored.label,
                prediction: scored.prediction,
                probability: scored.confidence as f32,
                probabilities: is_all.then(|| softmax(row)),
            })
    }
}

/// Evaluates a batch of images of size `input` (channels, height, width).
///
/// `network` is the plain one that `Module::valid` gives. The loss and the probabilities are
/// computed here from the logits, in double precision.
pub fn evaluate_batch(
    network: &Network,
    batch: Batch,
    input: [usize; 3],
    device: &Device,
) -> BatchOutcome {
    let Batch { images, labels, .. } = batch;
    let logits = logits(network, images, labels.len(), input, device);
    let classes = logits.len() / labels.len();
    let rows = logits.chunks_exact(classes).zip(&labels);
    let scores: Vec<Scored> = rows.map(|(row, label)| Scored::new(row, *label)).collect();
    let loss: f64 = scores.iter().map(|scored| scored.loss).sum();
    BatchOutcome {
        loss: loss / labels.len() as f64,
        scores,
        logits,
    }
}

/// Evaluates all batches in their order, and calls `each` with every outcome; polls `interrupt` before each batch, and
/// gives why it stopped, if it did.
///
/// # Errors
/// Where an image cannot be read any more.
pub fn evaluate_all(
    network: &Network,
    batches: &Batches<'_>,
    device: &Device,
    interrupt: &Interrupt,
    mut each: impl FnMut(&BatchOutcome),
) -> Result<Option<Stop>, Error> {
    batches.ahead(0, |ready| {
        for batch in ready {
            if let Some(stop) = interrupt.poll() {
                return Ok(Some(stop));
            }
            each(&evaluate_batch(network, batch?, batches.input(), device));
        }
        Ok(None)
    })
}

/// What a network says of images of size `input` (channels, height, width): logits `[count, classes]`, row-major.
pub fn logits(
    network: &Network,
    images: Buffer,
    count: usize,
    input: [usize; 3],
    device: &Device,
) -> Vec<f32> {
    let images = images_tensor(images, count, input, device);
    let (logits, _) = network.forward(images, Mode::Evaluation);
    host_logits(logits)
}

/// The images of a batch as a tensor `[count, channels, height, width]`.
pub fn images_tensor(
    images: Buffer,
    count: usize,
    [channels, height, width]: [usize; 3],
    device: &Device,
) -> Tensor<4> {
    Tensor::from_data(images.into_data([count, channels, height, width]), device)
}

/// Copies logits `[batch, classes]` into host memory, row-major.
pub fn host_logits(logits: Tensor<2>) -> Vec<f32> {
    let logits = logits.into_data().try_into_vec();
    logits.expect("logits are 32-bit floats")
}
