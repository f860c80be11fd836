//! Which of several measurements is the best. NaN never is, and of equals the earliest is: it took less
//! training.

use std::cmp::Ordering;

use serde::Serialize;
use strum::{EnumString, VariantNames};

/// The direction in which a measurement gets better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, EnumString, VariantNames)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Mode {
    /// Higher is better.
    Max,
    /// Lower is better.
    Min,
}

impl Mode {
    /// Whether `value` is better than `other`; never for NaN.
    fn is_better(self, value: f64, other: f64) -> bool {
        match self {
            Mode::Max => value > other,
            Mode::Min => value < other,
        }
    }
}

/// By how much a measurement must be better than the best one to count as an improvement.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Margin {
    /// This much.
    Absolute(f64),
    /// This fraction of the best one.
    Relative(f64),
}

/// The best of the measurements so far.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BestSoFar {
    mode: Mode,
    margin: Margin,
    best: Option<f64>,
}

impl BestSoFar {
    /// Before the first measurement.
    pub fn new(mode: Mode, margin: Margin) -> Self {
        Self {
            mode,
            margin,
            best: None,
        }
    }

    /// Takes the next measurement; whether it improves on all before it. The first one that is not NaN does.
    pub fn improves(&mut self, value: f64) -> bool {
        let improves = match self.best {
            None => !value.is_nan(),
            Some(best) => self.mode.is_better(value, self.threshold(best)),
        };
        if improves {
            self.best = Some(value);
        }
        improves
    }

    /// What a measurement must be better than.
    fn threshold(&self, best: f64) -> f64 {
        match (self.margin, self.mode) {
            (Margin::Absolute(margin), Mode::Max) => best + margin,
            (Margin::Absolute(margin), Mode::Min) => best - margin,
            (Margin::Relative(margin), Mode::Max) => best * (1.0 + margin),
            (Margin::Relative(margin), Mode::Min) => best * (1.0 - margin),
        }
    }
}

/// The positions of all measurements that are not NaN, the best first.
pub fn best_first(mode: Mode, values: impl IntoIterator<Item = Option<f64>>) -> Vec<usize> {
    let measured = values.into_iter().enumerate();
    let measured = measured.filter_map(|(place, value)| Some((place, value?)));
    let mut ranked: Vec<(usize, f64)> = measured.filter(|(_, value)| !value.is_nan()).collect();
    // A stable sort: equals stay in their order.
    ranked.sort_by(
        |(_, a), (_, b)| match (mode.is_better(*a, *b), mode.is_better(*b, *a)) {
            (true, _) => Ordering::Less,
            (_, true) => Ordering::Greater,
            _ => Ordering::Equal,
        },
    );
    ranked.into_iter().map(|(place, _)| place).collect()
}
