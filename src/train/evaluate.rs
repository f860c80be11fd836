//! What a network without dropout and gradients says of a batch.

use burn::tensor::{Device, Tensor};

use crate::data::Batch;
use crate::kernels::Buffer;
use crate::model::{Mode, Network};
use crate::run_dir::Prediction;

pub struct BatchOutcome {
    /// Mean cross entropy over the batch, in nats.
    pub loss: f64,
    pub predictions: Vec<Prediction>,
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
    let Batch { images, labels } = batch;
    let images = images_tensor(images, labels.len(), input, device);
    let (logits, _) = network.forward(images, Mode::Evaluation);
    let logits = host_logits(logits);
    let classes = logits.len() / labels.len();
    let mut loss = 0.0;
    let mut predictions = Vec::with_capacity(labels.len());
    for (row, label) in logits.chunks_exact(classes).zip(&labels) {
        let prediction = argmax(row);
        let highest = f64::from(row[prediction as usize]);
        let sum: f64 = row
            .iter()
            .map(|logit| (f64::from(*logit) - highest).exp())
            .sum();
        loss += sum.ln() + highest - f64::from(row[*label as usize]);
        predictions.push(Prediction {
            label: *label,
            prediction,
            probability: (1.0 / sum) as f32,
        });
    }
    BatchOutcome {
        loss: loss / labels.len() as f64,
        predictions,
    }
}

/// `[count, channels, height, width]`
pub fn images_tensor(
    images: Buffer,
    count: usize,
    [channels, height, width]: [usize; 3],
    device: &Device,
) -> Tensor<4> {
    Tensor::from_data(images.into_data([count, channels, height, width]), device)
}

/// Row-major `[batch, classes]`.
pub fn host_logits(logits: Tensor<2>) -> Vec<f32> {
    let logits = logits.into_data().try_into_vec();
    logits.expect("logits are 32-bit floats")
}

/// The class with the highest logit, the first of equals.
pub fn argmax(row: &[f32]) -> u32 {
    let mut best = 0;
    for (class, logit) in row.iter().enumerate() {
        if *logit > row[best] {
            best = class;
        }
    }
    best as u32
}
