//! What the scores of runs say beyond chance: intervals, tests, effect sizes. Free of files and of Burn.
//!
//! - [`summary`]: mean, deviation and interval of a group of values
//! - [`means`]: whether two groups differ, Welch's and the paired t test
//! - [`agreement`]: whether two classifiers differ on the same images, McNemar's test
//! - [`bootstrap`]: the interval of a difference of any score on the same images
//! - [`several`]: p values of several tests at once, Holm's correction

#![warn(missing_docs)]

pub mod agreement;
pub mod bootstrap;
pub mod means;
pub mod several;
pub mod summary;

use statrs::distribution::{ContinuousCDF, StudentsT};

/// The probability that is left outside of an interval, and below which a p value is called significant.
pub const ALPHA: f64 = 0.05;

/// Why a number cannot be had.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// One value has no deviation.
    #[error("one value says nothing of how much values vary")]
    Single,
    /// All values of both sides are equal to others of their side, so the difference has no error to be held against.
    #[error("the values do not vary, so there is nothing to hold the difference against")]
    NoVariation,
}

/// The probability of a t statistic at least this far from zero on either side.
fn two_sided(t: f64, degrees: f64) -> f64 {
    let distribution = student(degrees);
    // The tail itself, not what it lacks to 1: small values keep their digits.
    (2.0 * distribution.cdf(-t.abs())).min(1.0)
}

/// How far the interval of probability `1 - ALPHA` reaches, in standard errors.
fn reach(degrees: f64) -> f64 {
    -student(degrees).inverse_cdf(ALPHA / 2.0)
}

fn student(degrees: f64) -> StudentsT {
    StudentsT::new(0.0, 1.0, degrees).expect("degrees of freedom are above zero")
}
