//! Whether the means of two groups of runs differ.

use super::summary::{Summary, mean, sum_of_squares};
use super::{Refusal, reach, two_sided};

/// A t test of two means. The null hypothesis is that both groups have the same mean.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TTest {
    /// The mean of the first less that of the second.
    pub difference: f64,
    /// The test statistic.
    pub t: f64,
    /// Its degrees of freedom.
    pub degrees: f64,
    /// The probability of a difference at least as large, if the null hypothesis holds.
    pub p: f64,
    /// How far the 95 % confidence interval of the difference reaches on either side.
    pub interval: f64,
    /// Cohen's d: the difference in standard deviations, pooled ones or those of the pairs' differences.
    pub effect: f64,
}

impl TTest {
    fn new(difference: f64, error: f64, degrees: f64, deviation: f64) -> Self {
        let t = difference / error;
        Self {
            difference,
            t,
            degrees,
            p: two_sided(t, degrees),
            interval: reach(degrees) * error,
            effect: difference / deviation,
        }
    }

    /// Groups without any variation that are equal.
    fn of_equal(degrees: f64) -> Self {
        Self {
            difference: 0.0,
            t: 0.0,
            degrees,
            p: 1.0,
            interval: 0.0,
            effect: 0.0,
        }
    }
}

/// Whether an amount is no more than the rounding of numbers of this size leaves: 0.95 - 0.85 and 0.93 - 0.83 are not the same
/// in binary.
fn is_rounding(amount: f64, scale: f64) -> bool {
    amount.abs() <= 8.0 * f64::EPSILON * scale
}

/// Welch's t test: the groups are independent and may vary differently (B. L. Welch, "The generalization of 'Student's'
/// problem", 1947), as `scipy.stats.ttest_ind(equal_var=False)`. Groups that are equal and do not vary have p = 1.
///
/// # Errors
/// Where a group has one value, or neither varies and they differ.
pub fn welch(a: &[f64], b: &[f64]) -> Result<TTest, Refusal> {
    let of = |values: &[f64]| -> Result<(f64, f64, f64), Refusal> {
        let summary = Summary::new(values).ok_or(Refusal::Single)?;
        let sd = summary.sd.ok_or(Refusal::Single)?;
        Ok((values.len() as f64, summary.mean, sd * sd))
    };
    let ((n, mean_a, var_a), (m, mean_b, var_b)) = (of(a)?, of(b)?);
    let difference = mean_a - mean_b;
    let (share_a, share_b) = (var_a / n, var_b / m);
    let square = share_a + share_b;
    let scale = mean_a.abs().max(mean_b.abs());
    match (
        is_rounding(square.sqrt(), scale),
        is_rounding(difference, scale),
    ) {
        (true, true) => return Ok(TTest::of_equal(n + m - 2.0)),
        (true, false) => return Err(Refusal::NoVariation),
        _ => {}
    }
    let degrees = square * square / (share_a * share_a / (n - 1.0) + share_b * share_b / (m - 1.0));
    let pooled = ((n - 1.0) * var_a + (m - 1.0) * var_b) / (n + m - 2.0);
    Ok(TTest::new(
        difference,
        square.sqrt(),
        degrees,
        pooled.sqrt(),
    ))
}

/// The paired t test: value `i` of both belongs together, as two runs with one seed, as `scipy.stats.ttest_rel`. Pairs
/// that are equal have p = 1.
///
/// # Errors
/// Where there is one pair, or all differ by the same.
///
/// # Panics
/// If one has more values than the other.
pub fn paired(a: &[f64], b: &[f64]) -> Result<TTest, Refusal> {
    assert_eq!(a.len(), b.len(), "pairs");
    let differences: Vec<f64> = a.iter().zip(b).map(|(a, b)| a - b).collect();
    let n = differences.len();
    let difference = mean(&differences).ok_or(Refusal::Single)?;
    if n < 2 {
        return Err(Refusal::Single);
    }
    let degrees = (n - 1) as f64;
    let deviation = (sum_of_squares(&differences, difference) / degrees).sqrt();
    let scale = a
        .iter()
        .chain(b)
        .fold(0.0, |scale: f64, value| scale.max(value.abs()));
    match (
        is_rounding(deviation, scale),
        is_rounding(difference, scale),
    ) {
        (true, true) => Ok(TTest::of_equal(degrees)),
        (true, false) => Err(Refusal::NoVariation),
        _ => {
            let error = deviation / (n as f64).sqrt();
            Ok(TTest::new(difference, error, degrees, deviation))
        }
    }
}
