//! Softmax and a loss of its logarithm together, with the definitions of
//! `torch.nn.functional.cross_entropy`.

use std::sync::Arc;

/// What a batch is measured by.
#[derive(Debug, Clone)]
pub struct Loss {
    /// The share of the target that is spread over all classes.
    pub label_smoothing: f64,
    /// Each sample's loss is multiplied with `(1 - p)^gamma`, with `p` the probability of its class;
    /// does not go with smoothing.
    pub gamma: f64,
    /// How much each class counts; all the same where there are none.
    pub class_weights: Option<Arc<[f32]>>,
}

impl Loss {
    /// The plain cross entropy.
    pub const CROSS_ENTROPY: Loss = Loss {
        label_smoothing: 0.0,
        gamma: 0.0,
        class_weights: None,
    };

    pub fn weight(&self, class: usize) -> f64 {
        match &self.class_weights {
            Some(weights) => f64::from(weights[class]),
            None => 1.0,
        }
    }

    /// How much samples of these classes count in all; the mean loss is the sum divided by it. Where they
    /// count nothing, so does their loss, whatever it is divided by.
    pub fn total_weight(&self, targets: &[u32]) -> f64 {
        let weights = targets.iter().map(|target| self.weight(*target as usize));
        match weights.sum() {
            0.0 => 1.0,
            total => total,
        }
    }
}

/// What lets each class count as much as any other where there are so many samples of each: as
/// scikit-learn's `compute_class_weight("balanced")`, and 0 where there are none.
pub fn balanced_weights(counts: &[usize]) -> Vec<f32> {
    let samples = counts.iter().sum::<usize>() as f64;
    let weight = |count: &usize| match count {
        0 => 0.0,
        count => (samples / (counts.len() as f64 * *count as f64)) as f32,
    };
    counts.iter().map(weight).collect()
}

/// The sum over the batch of the losses divided by `total`, in nats, and its gradient
/// `[batch, classes]`.
///
/// Sums are in double precision; exponentials come from the `libm` crate and not from the system,
/// so that the bits are the same everywhere.
pub fn forward(loss: &Loss, logits: &[f32], targets: &[u32], total: f64) -> (f32, Vec<f32>) {
    let classes = logits.len() / targets.len();
    let mut sum_of_losses = 0.0;
    let mut gradient = Vec::with_capacity(logits.len());
    for (row, &target) in logits.chunks_exact(classes).zip(targets) {
        let target = target as usize;
        let highest = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let start = gradient.len();
        // A NaN among the logits makes this sum NaN, and so the loss.
        let mut sum = 0.0;
        for logit in row {
            let exponential = libm::expf(logit - highest);
            sum += f64::from(exponential);
            gradient.push(exponential);
        }
        // Minus the logarithm of a class's probability.
        let log_sum = libm::log(sum);
        let surprise = |class: usize| log_sum - f64::from(row[class]) + f64::from(highest);
        let share = |exponential: f32| f64::from(exponential) / sum;
        let gradient = &mut gradient[start..];
        let weight = loss.weight(target);
        if loss.gamma > 0.0 {
            let nats = surprise(target);
            // From the other classes, so that nothing cancels where `p` is close to 1.
            let others = (0..classes).filter(|class| *class != target);
            let rest: f64 = others.map(|class| share(gradient[class])).sum();
            let factor = libm::pow(rest, loss.gamma);
            sum_of_losses += weight * factor * nats;
            // d/dz of (1 - p)^g (-log p) is d(-log p)/dz ((1 - p)^g + g (1 - p)^(g - 1) p (-log p)).
            let p = 1.0 - rest;
            let steeper = match rest > 0.0 {
                true => loss.gamma * libm::pow(rest, loss.gamma - 1.0) * p * nats,
                false => 0.0,
            };
            let scale = weight * (factor + steeper) / total;
            for (class, value) in gradient.iter_mut().enumerate() {
                let slope = match class == target {
                    true => -rest,
                    false => share(*value),
                };
                *value = (scale * slope) as f32;
            }
            continue;
        }
        let spread = loss.label_smoothing / classes as f64;
        let mut pull = weight * (1.0 - loss.label_smoothing);
        sum_of_losses += pull * surprise(target);
        if spread > 0.0 {
            for class in 0..classes {
                let part = spread * loss.weight(class);
                sum_of_losses += part * surprise(class);
                pull += part;
            }
        }
        for value in gradient.iter_mut() {
            *value = (pull * share(*value) / total) as f32;
        }
        gradient[target] -= (weight * (1.0 - loss.label_smoothing) / total) as f32;
        if spread > 0.0 {
            for (class, value) in gradient.iter_mut().enumerate() {
                *value -= (spread * loss.weight(class) / total) as f32;
            }
        }
    }
    ((sum_of_losses / total) as f32, gradient)
}
