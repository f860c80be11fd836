//! The next points by tree-structured Parzen estimators, from the scores of those before.
//!
//! The state is rebuilt from finished trials alone, and a draw follows from the seed and the number of its point:
//! after any crash the same points come.

use std::collections::BTreeSet;

use runner_config::{Assignment, Domain, Parameter, Search, Tpe};
use runner_metrics::Mode;
use runner_random::{Purpose, stream};
use tpe::{TpeOptimizer, TpeOptimizerBuilder, categorical_range, histogram_estimator};
use tpe::{parzen_estimator, range};

use crate::directory::{Error, SweepDir};
use crate::overview::Overview;
use crate::points::{Point, key, random};

/// A point that was tried, and its score; `None` if its trials failed.
pub type Tried = (Point, Option<f64>);

/// Draws for one point until an equal one is taken: the parameters may have no others.
const PATIENCE: u64 = 100;

impl Overview {
    /// Plans and records further points, where the search goes by results and all results are there; whether there are
    /// new ones.
    ///
    /// # Errors
    /// Where a point makes no experiment, or a file cannot be written.
    pub fn grow(&mut self, sweep: &mut SweepDir) -> Result<bool, Error> {
        let points = next_of(self);
        if points.is_empty() {
            return Ok(false);
        }
        let trials = self.plan.add(points).map_err(|error| Error::Other {
            path: sweep.folder.clone(),
            why: error.to_string(),
        })?;
        sweep.add(&trials)?;
        self.states
            .resize(self.plan.trials.len(), Default::default());
        self.decision = self.plan.decide(&self.states);
        self.write(sweep)?;
        Ok(true)
    }
}

/// The points that a search by estimators tries next, where the results of all others are there: a batch of them.
fn next_of(overview: &Overview) -> Vec<Point> {
    let (plan, decision) = (&overview.plan, &overview.decision);
    let Search::Tpe(search) = &plan.sweep.search else {
        return Vec::new();
    };
    let done = plan.points.len() as u64;
    if !decision.open.is_empty() || done >= search.trials {
        return Vec::new();
    }
    let scores = decision.points.iter().map(|outcome| outcome.score);
    let tried: Vec<Tried> = plan.points.iter().cloned().zip(scores).collect();
    let count = search.batch.min(search.trials - done);
    let (parameters, mode) = (&plan.sweep.parameters, plan.sweep.objective.mode);
    next(search, mode, parameters, &tried, count)
}

/// The next `count` points after those that were tried. Fewer where no other ones are found.
fn next(
    search: &Tpe,
    mode: Mode,
    parameters: &[Parameter],
    tried: &[Tried],
    count: u64,
) -> Vec<Point> {
    let mut known: BTreeSet<Vec<String>> = tried.iter().map(|(point, _)| key(point)).collect();
    let mut points = Vec::new();
    for number in (tried.len() as u64..).take(count as usize) {
        // Points that are drawn are those of random search.
        let fresh = (0..PATIENCE).find_map(|attempt| {
            let place = number * PATIENCE + attempt;
            let point = match number < search.startup {
                true => random(parameters, place, search.seed),
                false => promising(search, mode, parameters, tried, place),
            };
            known.insert(key(&point)).then_some(point)
        });
        points.extend(fresh);
    }
    points
}

/// A point where good results are likelier than bad ones, one parameter after the other.
fn promising(
    search: &Tpe,
    mode: Mode,
    parameters: &[Parameter],
    tried: &[Tried],
    place: u64,
) -> Point {
    let mut draws = stream(search.seed, Purpose::Search, 2, place).into_generator();
    let values = parameters.iter().enumerate().map(|(index, parameter)| {
        let mut optimizer = optimizer(search, parameter);
        for (point, score) in tried {
            // A trial that failed is as bad as can be, which no number is.
            let loss = score.map_or(f64::INFINITY, |score| match mode {
                Mode::Min => score,
                Mode::Max => -score,
            });
            if let Some(place) = place_of(parameter, &point[index]) {
                optimizer
                    .tell(place, loss)
                    .expect("places are in the range, and losses are not NaN");
            }
        }
        let place = optimizer
            .ask(&mut draws)
            .expect("the estimators have no errors for these ranges");
        at(parameter, place)
    });
    values.collect()
}

fn optimizer(search: &Tpe, parameter: &Parameter) -> TpeOptimizer {
    let (estimator, places) = match &parameter.domain {
        Domain::Values(values) => (histogram_estimator(), categorical_range(values.len())),
        Domain::Range(_) => (parzen_estimator(), range(0.0, 1.0)),
    };
    let places = places.expect("there is at least one value");
    TpeOptimizerBuilder::new()
        .gamma(search.gamma)
        .candidates(search.candidates as usize)
        .build(estimator, places)
        .expect("the language has checked the share and the number of candidates")
}

/// Where a value is: the index of a listed one, the part of a range.
fn place_of(parameter: &Parameter, value: &Assignment) -> Option<f64> {
    match &parameter.domain {
        Domain::Values(values) => {
            let index = values.iter().position(|it| it.texts == value.texts)?;
            Some(index as f64)
        }
        Domain::Range(range) => value.number().map(|number| range.unit(number)),
    }
}

fn at(parameter: &Parameter, place: f64) -> Assignment {
    match &parameter.domain {
        Domain::Values(values) => values[(place as usize).min(values.len() - 1)].clone(),
        Domain::Range(_) => parameter.at(place),
    }
}
