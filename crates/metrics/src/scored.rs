//! What a network's logits say of one image.

/// An image that was evaluated.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scored {
    /// The class that it is of.
    pub label: u32,
    /// The class with the highest logit, the first of equals.
    pub prediction: u32,
    /// The probability of the prediction.
    pub confidence: f64,
    /// How many classes have a higher logit than the label's, or an equal one and come first; 0 where the prediction is right.
    pub rank: u32,
    /// The cross entropy, in nats.
    pub loss: f64,
}

impl Scored {
    /// Reads a row of logits, one a class, in double precision. Exponentials come from the `libm` crate
    /// and not from the system, so that the bits are the same everywhere.
    ///
    /// # Panics
    ///
    /// If the label has no logit.
    pub fn new(row: &[f32], label: u32) -> Self {
        let prediction = argmax(row);
        let highest = f64::from(row[prediction as usize]);
        let exponentials = row
            .iter()
            .map(|logit| libm::exp(f64::from(*logit) - highest));
        let sum: f64 = exponentials.sum();
        let own = row[label as usize];
        let is_before = |(class, logit): &(usize, &f32)| {
            **logit > own || **logit == own && *class < label as usize
        };
        Self {
            label,
            prediction,
            confidence: 1.0 / sum,
            rank: row.iter().enumerate().filter(is_before).count() as u32,
            loss: libm::log(sum) + highest - f64::from(own),
        }
    }
}

/// The softmax of a row of logits, computed in double precision as [`Scored::new`] computes it.
pub fn softmax(row: &[f32]) -> Vec<f32> {
    let highest = f64::from(row[argmax(row) as usize]);
    let exponential = |logit: &f32| libm::exp(f64::from(*logit) - highest);
    let sum: f64 = row.iter().map(exponential).sum();
    let inverse = 1.0 / sum;
    row.iter()
        .map(|logit| (exponential(logit) * inverse) as f32)
        .collect()
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
