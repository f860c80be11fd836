//! Softmax and cross entropy together, as `torch.nn.functional.cross_entropy`.

/// The mean over the batch of `-log softmax(logits)[target]`, in nats, and its gradient
/// `[batch, classes]`: `(softmax(logits) - one_hot(target)) / batch`.
///
/// Sums are in double precision; exponentials come from the `libm` crate and not from the system,
/// so that the bits are the same everywhere.
pub fn forward(logits: &[f32], targets: &[u32]) -> (f32, Vec<f32>) {
    let classes = logits.len() / targets.len();
    let batch = targets.len() as f64;
    let mut loss = 0.0;
    let mut gradient = Vec::with_capacity(logits.len());
    for (row, &target) in logits.chunks_exact(classes).zip(targets) {
        let highest = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let start = gradient.len();
        // A NaN among the logits makes this sum NaN, and so the loss.
        let mut sum = 0.0;
        for logit in row {
            let exponential = libm::expf(logit - highest);
            sum += f64::from(exponential);
            gradient.push(exponential);
        }
        loss += libm::log(sum) - f64::from(row[target as usize]) + f64::from(highest);
        for value in &mut gradient[start..] {
            *value = (f64::from(*value) / sum / batch) as f32;
        }
        gradient[start + target as usize] -= (1.0 / batch) as f32;
    }
    ((loss / batch) as f32, gradient)
}
