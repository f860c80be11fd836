//! Mean, deviation and interval of a group of values.

use super::{Refusal, reach};

/// What is known of a group of values.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Summary {
    /// How many there are.
    pub n: usize,
    /// Their mean.
    pub mean: f64,
    /// Their sample standard deviation, of `n - 1` degrees of freedom; `None` of one value.
    pub sd: Option<f64>,
    /// The smallest.
    pub min: f64,
    /// The largest.
    pub max: f64,
}

impl Summary {
    /// The summary of some values; `None` of none. A value that is not a number makes mean and deviation such.
    pub fn new(values: &[f64]) -> Option<Self> {
        let n = values.len();
        let mean = mean(values)?;
        let sd = (n > 1).then(|| (sum_of_squares(values, mean) / (n - 1) as f64).sqrt());
        Some(Self {
            n,
            mean,
            sd,
            min: values.iter().copied().fold(f64::INFINITY, f64::min),
            max: values.iter().copied().fold(f64::NEG_INFINITY, f64::max),
        })
    }

    /// How far the 95 % confidence interval of the mean reaches on either side, by Student's t.
    ///
    /// # Errors
    /// Of one value.
    pub fn interval(&self) -> Result<f64, Refusal> {
        let sd = self.sd.ok_or(Refusal::Single)?;
        let degrees = (self.n - 1) as f64;
        Ok(match sd {
            0.0 => 0.0,
            sd => reach(degrees) * sd / (self.n as f64).sqrt(),
        })
    }
}

/// The mean; of equal values exactly that value.
pub(crate) fn mean(values: &[f64]) -> Option<f64> {
    let first = *values.first()?;
    let shifted: f64 = values.iter().map(|value| value - first).sum();
    Some(first + shifted / values.len() as f64)
}

pub(crate) fn sum_of_squares(values: &[f64], mean: f64) -> f64 {
    let squares = values.iter().map(|value| (value - mean) * (value - mean));
    squares.sum()
}
