//! From a sweep file to its trials: every point with every seed, each resolved and checked before anything starts.

use std::collections::BTreeMap;

use runner_config::{
    Base, Candidate, Document, Error, Experiment, Halving, Parameter, Sampling, Search, Sweep,
    SweepFile,
};
use runner_metrics::column;
use serde::{Deserialize, Serialize};

use crate::brackets::Bracket;
use crate::points::{self, Point};

/// One run of a sweep: a point and a seed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Trial {
    /// From 1; it stays when the sweep is extended, and the trials that are new then have the numbers after it.
    pub number: usize,
    /// The number of its point, from 1, in the order of the sweep file; trials of one point differ in their seeds.
    pub point: usize,
    /// For each parameter, its values as TOML text.
    pub values: Vec<Vec<String>>,
    /// The seed; that of the experiment if absent.
    pub seed: u64,
    /// Epochs of its full length.
    pub epochs: u64,
    /// What its run's config digest must be.
    pub config_digest: String,
    /// A lower bound on the memory of its steps, in bytes.
    pub step_bytes: u64,
}

impl Trial {
    /// What makes it the same trial in a file that has grown. A digest leaves out the number of epochs, since a run may
    /// be extended.
    pub fn identity(&self) -> (&str, u64) {
        (&self.config_digest, self.epochs)
    }
}

/// Everything that a sweep file declares, resolved.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The sweep.
    pub sweep: Sweep,
    /// The experiment of its trials.
    pub base: Base,
    /// The points, in the order of their numbers; of a search that goes by results, those that need none.
    pub points: Vec<Point>,
    /// Each point with each seed.
    pub trials: Vec<Trial>,
}

/// Points of one plan, more than anybody can run; keeps a mistyped grid from filling the memory.
const MOST_TRIALS: u64 = 100_000;

impl Plan {
    /// Plans what a file declares; with it the experiments of its trials. `prepare` lays environment and command line
    /// over the experiment.
    ///
    /// # Errors
    /// Every problem of the file, or else of the experiment, or else of any trial.
    pub fn new(
        file: &SweepFile,
        prepare: impl FnOnce(&mut Document),
    ) -> Result<(Self, Vec<Experiment>), Error> {
        let sweep = file.check()?;
        let mut document = file.document(&sweep)?;
        prepare(&mut document);
        Self::of_document(file, sweep, document)
    }

    /// A plan whose trials are recorded already; they are not checked again.
    ///
    /// # Errors
    /// Which one is not a trial of this sweep, in words.
    pub fn recorded(
        file: &SweepFile,
        sweep: Sweep,
        document: Document,
        trials: &[Trial],
    ) -> Result<Self, String> {
        let mut plan = Self {
            sweep,
            base: Base::new(document, file),
            points: Vec::new(),
            trials: trials.to_vec(),
        };
        for trial in trials.iter().step_by(plan.seeds()) {
            let parameters = plan.sweep.parameters.iter();
            let values = parameters.zip(&trial.values);
            let point: Option<Point> = values.map(|(it, texts)| it.value(texts)).collect();
            let point = point.filter(|it| it.len() == plan.sweep.parameters.len());
            let mismatch = || format!("trial {} is none of this sweep", trial.number);
            plan.points.push(point.ok_or_else(mismatch)?);
        }
        Ok(plan)
    }

    fn of_document(
        file: &SweepFile,
        sweep: Sweep,
        document: Document,
    ) -> Result<(Self, Vec<Experiment>), Error> {
        let base = Base::new(document, file);
        base.refuse_typed(&sweep)?;
        let points = first_points(file, &sweep, &base)?;
        let (trials, experiments) = trials_of(&sweep, &base, &points, 0)?;
        let plan = Self {
            sweep,
            base,
            points,
            trials,
        };
        plan.refuse_equals(file)?;
        if let Some(experiment) = experiments.first() {
            plan.check_rungs(file, experiment)?;
        }
        Ok((plan, experiments))
    }

    /// The trials of further points, numbered after those that there are.
    ///
    /// # Errors
    /// What is wrong with any of them.
    pub fn add(&mut self, points: Vec<Point>) -> Result<Vec<Trial>, Error> {
        let (trials, _) = trials_of(&self.sweep, &self.base, &points, self.points.len())?;
        self.points.extend(points);
        self.trials.extend(trials.iter().cloned());
        Ok(trials)
    }

    /// The brackets that the points compete in, in their order.
    pub fn brackets(&self) -> Vec<Bracket> {
        let full = self.trials.first().map_or(1, |trial| trial.epochs);
        brackets(&self.sweep.search, self.points.len() as u64, full)
    }

    /// The number of points that the search is to try in all.
    pub fn wanted(&self) -> u64 {
        match &self.sweep.search {
            Search::Tpe(tpe) => tpe.trials,
            _ => self.points.len() as u64,
        }
    }

    /// The number of seeds that each point is run with.
    pub fn seeds(&self) -> usize {
        self.sweep.seeds.len().max(1)
    }

    /// Refuses values that are written in two ways and mean the same: their trials would be the same run twice.
    fn refuse_equals(&self, file: &SweepFile) -> Result<(), Error> {
        let mut known: BTreeMap<(&str, u64), &Trial> = BTreeMap::new();
        for trial in &self.trials {
            let Some(first) = known.insert(trial.identity(), trial) else {
                continue;
            };
            let keys = self.sweep.parameters.iter().flat_map(|it| &it.keys);
            let values = first.values.iter().flatten();
            let values = values.zip(trial.values.iter().flatten());
            let differ = keys.zip(values).filter(|(_, (one, other))| one != other);
            let differ = differ.map(|(key, (one, other))| format!("`{key}` {one} and {other}"));
            let message = format!(
                "trials {} and {} are the same experiment: {}",
                first.number,
                trial.number,
                differ.collect::<Vec<_>>().join(", ")
            );
            let help = "equal trials are run once: remove one of the two values";
            return Err(file.error_at("parameters", message, help));
        }
        Ok(())
    }

    /// Refuses rungs that have no score, or whose trials are of different lengths; `experiment` is that of the first
    /// trial.
    fn check_rungs(&self, file: &SweepFile, experiment: &Experiment) -> Result<(), Error> {
        let (training, monitor) = (&experiment.training, &self.sweep.objective.monitor);
        let brackets = self.brackets();
        let first = brackets
            .iter()
            .flat_map(|it| &it.rungs)
            .filter_map(|it| it.epochs)
            .min();
        let measured = first.unwrap_or(training.epochs);
        let is_of_evaluation = column(monitor).is_some_and(|it| it.is_of_evaluation());
        let every = training.eval_every_epochs;
        if is_of_evaluation && !(1..=measured).contains(&every) {
            let message = format!(
                "`{monitor}` is not measured by epoch {measured}, where trials are compared: training.eval_every_epochs is {every}"
            );
            let help = "evaluate more often, or raise `min_epochs`, or monitor a training column such as train_loss";
            return Err(file.error_at("objective", message, help));
        }
        let full = training.epochs;
        if first.is_some() && self.trials.iter().any(|trial| trial.epochs != full) {
            let name = self.sweep.search.name();
            let message =
                format!("`{name}` compares trials of one length, and `training.epochs` varies");
            let help = "take `training.epochs` out of [parameters]: the search varies how long trials train";
            return Err(file.error_at("search", message, help));
        }
        Ok(())
    }

    /// The trial at an index, as a candidate.
    pub fn candidate(&self, trial: usize) -> Candidate<'_> {
        let seeds = self.sweep.seeds.as_slice();
        Candidate {
            number: Some(self.trials[trial].number),
            point: &self.points[trial / self.seeds()],
            seed: seeds.get(trial % self.seeds()).copied(),
        }
    }
}

/// The brackets of a search over so many points, whose full length is `full` epochs.
fn brackets(search: &Search, points: u64, full: u64) -> Vec<Bracket> {
    match search {
        Search::Halving(halving) => {
            vec![Bracket::halving(
                points,
                halving.eta,
                halving.min_epochs,
                full,
            )]
        }
        Search::Hyperband(hyperband) => {
            Bracket::hyperband(hyperband.eta, hyperband.min_epochs, full)
        }
        _ => vec![Bracket::whole(points)],
    }
}

/// The points that a search begins with.
fn first_points(file: &SweepFile, sweep: &Sweep, base: &Base) -> Result<Vec<Point>, Error> {
    let parameters = sweep.parameters.as_slice();
    let draw = |sampling, count, seed| {
        let points = points::drawn(parameters, sampling, count, seed);
        points.map_err(|error| {
            let help = "ask for fewer `trials`, or give the parameters more values";
            file.error_at("search", error.to_string(), help)
        })
    };
    let count = match &sweep.search {
        Search::Grid => points::grid_size(parameters).unwrap_or(u64::MAX),
        Search::Random(search) => search.trials,
        Search::Sobol(search) => search.trials,
        Search::Halving(search) => search.trials.or(points::grid_size(parameters)).unwrap_or(0),
        Search::Hyperband(search) => {
            let full = full_length(sweep, base)?;
            let least = search.min_epochs.saturating_mul(search.eta);
            if full < least {
                let message = format!(
                    "`hyperband` needs at least `min_epochs` times `eta` epochs, {least}, and the experiment has {full}"
                );
                let help =
                    "raise `training.epochs` of the experiment, or lower `min_epochs` or `eta`";
                return Err(file.error_at("search", message, help));
            }
            let brackets = Bracket::hyperband(search.eta, search.min_epochs, full);
            brackets.iter().map(|bracket| bracket.points).sum()
        }
        Search::Tpe(search) => search.trials,
    };
    let seeds = sweep.seeds.len().max(1) as u64;
    if count.saturating_mul(seeds) > MOST_TRIALS {
        let message = format!(
            "{} trials are more than {MOST_TRIALS}",
            count.saturating_mul(seeds)
        );
        let help = "give fewer values, or draw points: [search] random = { trials = 50 }";
        return Err(file.error_at("search", message, help));
    }
    match &sweep.search {
        Search::Grid => Ok(points::grid(parameters)),
        Search::Random(search) => draw(Sampling::Random, count, search.seed),
        Search::Sobol(search) => draw(Sampling::Sobol, count, search.seed),
        Search::Halving(search) => {
            check_length(file, search.min_epochs, full_length(sweep, base)?)?;
            match sampling(file, search, parameters)? {
                Sampling::Grid => Ok(points::grid(parameters)),
                sampling => draw(sampling, count, search.seed),
            }
        }
        Search::Hyperband(search) => draw(search.sampling, count, search.seed),
        Search::Tpe(search) => draw(Sampling::Random, count.min(search.startup), search.seed),
    }
}

/// Where the points of a halving come from.
fn sampling(
    file: &SweepFile,
    search: &Halving,
    parameters: &[Parameter],
) -> Result<Sampling, Error> {
    let grid = points::grid_size(parameters);
    let is_grid = search.trials.is_none() || search.trials == grid;
    match (search.sampling, search.trials, grid) {
        (Some(Sampling::Grid), Some(trials), Some(grid)) if trials != grid => {
            let message = format!("the grid has {grid} points, and `trials` is {trials}");
            let help = "leave `trials` out, or draw the points: sampling = \"random\"";
            Err(file.error_at("search", message, help))
        }
        (Some(sampling), _, _) => Ok(sampling),
        (None, _, _) if is_grid => Ok(Sampling::Grid),
        (None, _, _) => Ok(Sampling::Random),
    }
}

/// Epochs of the experiment as it stands, which those of all trials must be where rungs count on them.
fn full_length(sweep: &Sweep, base: &Base) -> Result<u64, Error> {
    let middle: Point = sweep.parameters.iter().map(|it| it.at(0.5)).collect();
    let candidate = Candidate {
        number: None,
        point: &middle,
        seed: sweep.seeds.first().copied(),
    };
    let experiments = base.experiments(sweep, [candidate])?;
    Ok(experiments.first().map_or(1, |it| it.training.epochs))
}

fn check_length(file: &SweepFile, min_epochs: u64, full: u64) -> Result<(), Error> {
    if min_epochs <= full {
        return Ok(());
    }
    let message =
        format!("`min_epochs` is {min_epochs}, and the experiment has only {full} epochs");
    let help = "lower `min_epochs`, or raise `training.epochs` of the experiment";
    Err(file.error_at("search", message, help))
}

/// The trials of points, of which `before` others have been numbered already, and their experiments.
fn trials_of(
    sweep: &Sweep,
    base: &Base,
    points: &[Point],
    before: usize,
) -> Result<(Vec<Trial>, Vec<Experiment>), Error> {
    let seeds: Vec<Option<u64>> = match sweep.seeds.as_slice() {
        [] => vec![None],
        seeds => seeds.iter().copied().map(Some).collect(),
    };
    let pairs = || {
        let pairs = points.iter().enumerate();
        pairs.flat_map(|(place, point)| seeds.iter().map(move |seed| (place, point, *seed)))
    };
    let first = before * seeds.len() + 1;
    let candidates = pairs().zip(first..);
    let candidates = candidates.map(|((_, point, seed), number)| Candidate {
        number: Some(number),
        point,
        seed,
    });
    let experiments = base.experiments(sweep, candidates)?;
    let trials = pairs().zip(&experiments).zip(first..);
    let trials = trials.map(|(((place, point, _), experiment), number)| Trial {
        number,
        point: before + place + 1,
        values: point.iter().map(|value| value.texts.clone()).collect(),
        seed: experiment.seed,
        epochs: experiment.training.epochs,
        config_digest: experiment.digest(),
        step_bytes: experiment.step_bytes(),
    });
    Ok((trials.collect(), experiments))
}
