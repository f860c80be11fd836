//! Softmax and a loss of its logarithm together, with the definitions of
//! `torch.nn.functional.cross_entropy`.

use std::sync::Arc;

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops};
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, TensorMetadata};

use crate::core::node::{register, tracked};
use crate::core::tensor::{Contiguous, Host, vec_tensor};

/// The loss function.
#[derive(Debug, Clone)]
pub struct Loss {
    /// The share of the target's probability that is spread evenly over all classes.
    pub label_smoothing: f64,
    /// Each sample's loss is multiplied with `(1 - p)^gamma`, with `p` the probability of its class;
    /// not used together with smoothing.
    pub gamma: f64,
    /// The weight of each class; `None`: 1 for all.
    pub class_weights: Option<Arc<[f32]>>,
}

impl Loss {
    /// The plain cross entropy.
    pub const CROSS_ENTROPY: Loss = Loss {
        label_smoothing: 0.0,
        gamma: 0.0,
        class_weights: None,
    };

    /// The weight of a class; 1 without class weights.
    pub fn weight(&self, class: usize) -> f64 {
        match &self.class_weights {
            Some(weights) => f64::from(weights[class]),
            None => 1.0,
        }
    }

    /// How much samples of these classes count in all; the mean loss is the sum divided by it. Where they
    /// count nothing, so does their loss, whatever it is divided by.
    pub fn total_weight(&self, targets: &Targets) -> f64 {
        let classes = (0..targets.len()).flat_map(|sample| targets.of(sample));
        let weights = classes.map(|(class, share)| share * self.weight(class));
        match weights.sum() {
            0.0 => 1.0,
            total => total,
        }
    }
}

/// Class weights that give every class the same total weight, from the number of its samples: as
/// scikit-learn's `compute_class_weight("balanced")`, and 0 for a class without samples.
pub fn balanced_weights(counts: &[usize]) -> Vec<f32> {
    let samples = counts.iter().sum::<usize>() as f64;
    let weight = |count: &usize| match count {
        0 => 0.0,
        count => (samples / (counts.len() as f64 * *count as f64)) as f32,
    };
    counts.iter().map(weight).collect()
}

/// The true classes of a batch.
#[derive(Debug, Clone)]
pub struct Targets {
    /// The class of each sample.
    pub labels: Arc<[u32]>,
    /// A second class of each sample and its share, where samples are mixed; else empty.
    pub mixed: Arc<[(u32, f32)]>,
}

impl<T: Into<Arc<[u32]>>> From<T> for Targets {
    /// The targets of samples that are not mixed.
    fn from(labels: T) -> Self {
        Self {
            labels: labels.into(),
            mixed: Arc::new([]),
        }
    }
}

impl Targets {
    /// Samples of the batch.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Whether the batch has no samples.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// The classes of a sample with their shares, which add up to one.
    pub fn of(&self, sample: usize) -> impl Iterator<Item = (usize, f64)> {
        let label = self.labels[sample] as usize;
        let other = self.mixed.get(sample).filter(|(_, share)| *share > 0.0);
        let rest = other.map_or(1.0, |(_, share)| 1.0 - f64::from(*share));
        let other = other.map(|(class, share)| (*class as usize, f64::from(*share)));
        std::iter::once((label, rest)).chain(other)
    }
}

/// The sum over the batch of the losses divided by `total`, in nats, and its gradient
/// `[batch, classes]`. The loss of a mixed sample is the sum of its losses against each of its classes,
/// each with its share.
///
/// Sums are in double precision; exponentials come from the `libm` crate and not from the system,
/// so that the bits are the same everywhere.
pub fn forward(loss: &Loss, logits: &[f32], targets: &Targets, total: f64) -> (f32, Vec<f32>) {
    let classes = logits.len() / targets.len();
    let mut sum_of_losses = 0.0;
    let mut gradient = vec![0.0; logits.len()];
    let mut exponentials = vec![0.0; classes];
    let rows = logits
        .chunks_exact(classes)
        .zip(gradient.chunks_exact_mut(classes));
    for (sample, (row, gradient)) in rows.enumerate() {
        let highest = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        // A NaN among the logits makes this sum NaN, and so the loss.
        let mut sum = 0.0;
        for (logit, exponential) in row.iter().zip(&mut exponentials) {
            *exponential = libm::expf(logit - highest);
            sum += f64::from(*exponential);
        }
        let row = Row {
            logits: row,
            exponentials: &exponentials,
            sum,
            log_sum: libm::log(sum) + f64::from(highest),
        };
        for (target, share) in targets.of(sample) {
            let weight = share * loss.weight(target);
            sum_of_losses += match loss.gamma > 0.0 {
                true => row.focal(loss.gamma, target, weight, total, gradient),
                false => row.cross_entropy(loss, target, share, total, gradient),
            };
        }
    }
    ((sum_of_losses / total) as f32, gradient)
}

/// The scores of one sample.
struct Row<'a> {
    logits: &'a [f32],
    /// The exponentials of the logits less the highest.
    exponentials: &'a [f32],
    sum: f64,
    /// The logarithm of the sum of the exponentials of the logits themselves.
    log_sum: f64,
}

impl Row<'_> {
    /// Minus the logarithm of a class's probability.
    fn surprise(&self, class: usize) -> f64 {
        self.log_sum - f64::from(self.logits[class])
    }

    fn probability(&self, class: usize) -> f64 {
        f64::from(self.exponentials[class]) / self.sum
    }

    /// The loss against one class, its gradient added to those of others.
    fn cross_entropy(
        &self,
        loss: &Loss,
        target: usize,
        share: f64,
        total: f64,
        gradient: &mut [f32],
    ) -> f64 {
        let classes = self.logits.len();
        let spread = share * loss.label_smoothing / classes as f64;
        let own = share * loss.weight(target) * (1.0 - loss.label_smoothing);
        let mut pull = own;
        let mut value = own * self.surprise(target);
        if spread > 0.0 {
            for class in 0..classes {
                let part = spread * loss.weight(class);
                value += part * self.surprise(class);
                pull += part;
            }
        }
        for (class, slope) in gradient.iter_mut().enumerate() {
            *slope += (pull * self.probability(class) / total) as f32;
        }
        gradient[target] -= (own / total) as f32;
        if spread > 0.0 {
            for (class, slope) in gradient.iter_mut().enumerate() {
                *slope -= (spread * loss.weight(class) / total) as f32;
            }
        }
        value
    }

    /// The same with the focal loss.
    fn focal(
        &self,
        gamma: f64,
        target: usize,
        weight: f64,
        total: f64,
        gradient: &mut [f32],
    ) -> f64 {
        let nats = self.surprise(target);
        // From the other classes, so that nothing cancels where `p` is close to 1.
        let others = (0..self.logits.len()).filter(|class| *class != target);
        let rest: f64 = others.map(|class| self.probability(class)).sum();
        let factor = libm::pow(rest, gamma);
        // d/dz of (1 - p)^g (-log p) is d(-log p)/dz ((1 - p)^g + g (1 - p)^(g - 1) p (-log p)).
        let p = 1.0 - rest;
        let steeper = match rest > 0.0 {
            true => gamma * libm::pow(rest, gamma - 1.0) * p * nats,
            false => 0.0,
        };
        let scale = weight * (factor + steeper) / total;
        for (class, value) in gradient.iter_mut().enumerate() {
            let slope = match class == target {
                true => -rest,
                false => self.probability(class),
            };
            *value += (scale * slope) as f32;
        }
        weight * factor * nats
    }
}

// The kernel on tensors of the CPU, and as a node of the autodiff graph.

/// The loss and its gradient.
pub(crate) fn on_host<B: Host>(
    logits: &FloatTensor<B>,
    targets: &Targets,
    loss: &Loss,
    total: f64,
) -> (FloatTensor<B>, FloatTensor<B>) {
    let device = logits.device();
    let values = Contiguous::<B>::new(logits);
    let (value, gradient) = forward(loss, values.slice(), targets, total);
    (
        vec_tensor::<B>(vec![value], [1], &device),
        vec_tensor::<B>(gradient, logits.shape(), &device),
    )
}

pub(crate) fn on_graph<B: Host, C: CheckpointStrategy>(
    logits: &FloatTensor<Autodiff<B, C>>,
    targets: &Targets,
    loss: &Loss,
    total: f64,
) -> FloatTensor<Autodiff<B, C>> {
    let (value, gradient) = on_host::<B>(logits.primitive(), targets, loss, total);
    tracked::<B, C, _, _>(LossBackward, [logits], value, |_| gradient)
}

#[derive(Debug)]
struct LossBackward;

impl<B: Host> Backward<B, 1> for LossBackward {
    /// The gradient of the loss.
    type State = FloatTensor<B>;

    fn backward(
        self,
        ops: Ops<Self::State, 1>,
        grads: &mut Gradients,
        _checkpointer: &mut Checkpointer,
    ) {
        let outer = grads.consume::<B>(&ops.node);
        let outer = B::float_reshape(outer, [1, 1].into());
        let gradient = B::float_mul(ops.state, outer);
        register!(grads, B, ops.parents, [Some(gradient)]);
    }
}
