//! Points of a search: a value for each parameter. Each follows from its number alone, so that a longer list begins
//! with the shorter one.

use std::collections::BTreeSet;

use runner_config::{Assignment, Domain, Parameter, Sampling};
use runner_random::{Purpose, stream};

/// A value for each parameter, in their order.
pub type Point = Vec<Assignment>;

/// Why points cannot be chosen.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The parameters have fewer points than asked for.
    #[error("{asked} points are asked for, but the parameters have only {there}")]
    TooFew {
        /// How many were asked for.
        asked: u64,
        /// How many there are, or were found in many draws.
        there: u64,
    },
    /// The sequence is defined for fewer parameters.
    #[error("a Sobol sequence has at most {MOST_DIMENSIONS} parameters and {MOST_SAMPLES} points")]
    TooMany,
}

/// What the tables of the Sobol sequence reach to.
const MOST_DIMENSIONS: u32 = sobol_burley::NUM_DIMENSIONS;
const MOST_SAMPLES: u32 = 1 << 16;

/// Draws for each point asked for until it is believed that there are no other points.
const PATIENCE: u64 = 1000;

/// The number of points of the grid over listed values.
pub fn grid_size(parameters: &[Parameter]) -> Option<u64> {
    let mut counts = parameters.iter().map(|it| match &it.domain {
        Domain::Values(values) => Some(values.len() as u64),
        Domain::Range(_) => None,
    });
    counts.try_fold(1_u64, |all, count| all.checked_mul(count?))
}

/// The points of a grid: the first parameter changes slowest. Their number is [`grid_size`].
pub fn grid(parameters: &[Parameter]) -> Vec<Point> {
    let mut points = vec![Point::new()];
    for parameter in parameters {
        let Domain::Values(values) = &parameter.domain else {
            return Vec::new();
        };
        let longer = points.iter().flat_map(|point| {
            values.iter().map(|value| {
                let mut longer = point.clone();
                longer.push(value.clone());
                longer
            })
        });
        points = longer.collect();
    }
    points
}

/// Points that are drawn, all different.
///
/// # Errors
/// Where the parameters have fewer points.
pub fn drawn(
    parameters: &[Parameter],
    sampling: Sampling,
    count: u64,
    seed: u64,
) -> Result<Vec<Point>, Error> {
    let mut counts = parameters.iter().map(Parameter::count);
    let there = counts.try_fold(1_u64, |all, count| all.checked_mul(count?));
    if let Some(there) = there.filter(|there| *there < count) {
        return Err(Error::TooFew {
            asked: count,
            there,
        });
    }
    let mut known = BTreeSet::new();
    let mut points = Vec::new();
    for number in 0..count.saturating_mul(PATIENCE) {
        if points.len() as u64 == count {
            break;
        }
        let point = match sampling {
            Sampling::Sobol => sobol(parameters, number, seed)?,
            _ => random(parameters, number, seed),
        };
        if known.insert(key(&point)) {
            points.push(point);
        }
    }
    match points.len() as u64 == count {
        true => Ok(points),
        false => Err(Error::TooFew {
            asked: count,
            there: points.len() as u64,
        }),
    }
}

/// The point with this number of a random search.
pub fn random(parameters: &[Parameter], number: u64, seed: u64) -> Point {
    let mut draws = stream(seed, Purpose::Search, 0, number);
    let values = parameters.iter().map(|it| it.at(draws.unit()));
    values.collect()
}

/// The point with this number of an Owen-scrambled Sobol sequence.
fn sobol(parameters: &[Parameter], number: u64, seed: u64) -> Result<Point, Error> {
    let number = u32::try_from(number).ok().filter(|it| *it < MOST_SAMPLES);
    let Some(number) = number.filter(|_| parameters.len() <= MOST_DIMENSIONS as usize) else {
        return Err(Error::TooMany);
    };
    // All bits of the seed count.
    let seed = stream(seed, Purpose::Search, 1, 0).next_u64() as u32;
    let values = parameters.iter().zip(0..).map(|(parameter, dimension)| {
        let unit = sobol_burley::sample(number, dimension, seed);
        parameter.at(f64::from(unit))
    });
    Ok(values.collect())
}

/// What tells points apart: the texts of their values.
pub fn key(point: &[Assignment]) -> Vec<String> {
    point.iter().flat_map(|it| it.texts.clone()).collect()
}
