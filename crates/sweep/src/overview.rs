//! A sweep at a glance: where it stands, its trials as a table, its points by their scores.

use std::collections::BTreeMap;

use csv::StringRecord;
use rayon::prelude::*;
use runner_files as files;
use runner_metrics::best_first;
use runner_records::run_dir::Identity;
use runner_records::table::{Cell, Column, Style, Table};

use crate::decide::Decision;
use crate::directory::{Error, SweepDir};
use crate::layout;
use crate::plan::{Plan, Trial};
use crate::slurm::jobs::Jobs;
use crate::slurm::setback::setbacks;
use crate::state::{Lasting, Progress, TrialState};

/// A sweep and where all its trials stand.
#[derive(Debug)]
pub struct Overview {
    /// The sweep.
    pub plan: Plan,
    /// A state for each trial of the plan.
    pub states: Vec<TrialState>,
    /// What comes next.
    pub decision: Decision,
}

/// What a trial is doing, in a word.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, strum::Display, strum::EnumString, strum::VariantNames,
)]
#[strum(serialize_all = "snake_case")]
pub enum TrialStatus {
    /// It has not begun.
    Waiting,
    /// A process works on it.
    Running,
    /// It was cut before it got where it was to get.
    Interrupted,
    /// It has got to its rung, and the others of the rung have not.
    Paused,
    /// It was not worth more epochs.
    Pruned,
    /// It ended with an error.
    Failed,
    /// All its epochs are done.
    Finished,
}

impl Overview {
    /// Reads where every trial of a sweep stands.
    ///
    /// # Errors
    /// If the sweep's record is not as the program wrote it.
    pub fn read(sweep: &SweepDir) -> Result<Self, Error> {
        Self::of(sweep, sweep.plan()?)
    }

    /// As [`Overview::read`], for a plan that is at hand.
    fn of(sweep: &SweepDir, plan: Plan) -> Result<Self, Error> {
        let trials = plan.trials.par_iter();
        let states = trials.map(|trial| sweep.state(&plan, trial));
        let mut states: Vec<TrialState> = states.collect::<Result<_, Error>>()?;
        set_back(sweep, &plan, &mut states);
        let decision = plan.decide(&states);
        Ok(Self {
            plan,
            states,
            decision,
        })
    }

    /// What a trial is doing; by its index in the plan.
    pub fn status(&self, trial: usize) -> TrialStatus {
        match &self.states[trial].progress {
            Progress::Finished => TrialStatus::Finished,
            Progress::Running => TrialStatus::Running,
            _ if self.decision.pruned.binary_search(&trial).is_ok() => TrialStatus::Pruned,
            Progress::Failed { .. } => TrialStatus::Failed,
            Progress::Waiting => TrialStatus::Waiting,
            Progress::Interrupted => {
                let is_open = self.decision.open.iter().any(|work| work.trial == trial);
                match is_open {
                    true => TrialStatus::Interrupted,
                    false => TrialStatus::Paused,
                }
            }
        }
    }

    /// How many trials do this.
    pub fn count(&self, status: TrialStatus) -> usize {
        let trials = 0..self.states.len();
        trials.filter(|trial| self.status(*trial) == status).count()
    }

    /// Whether nothing is left to do.
    pub fn is_done(&self) -> bool {
        self.decision.open.is_empty() && self.plan.points.len() as u64 >= self.plan.wanted()
    }

    /// The trials that do this, by their index in the plan.
    pub fn trials_with(&self, status: TrialStatus) -> Vec<usize> {
        let trials = 0..self.states.len();
        trials
            .filter(|trial| self.status(*trial) == status)
            .collect()
    }

    /// Epochs that are done, and those that the search costs in all, if no trial ends early.
    pub fn epochs(&self) -> (u64, u64) {
        let done = self.states.iter().map(TrialState::epochs).sum();
        let plan = &self.plan;
        let full = plan.trials.first().map_or(0, |trial| trial.epochs);
        let brackets = plan.brackets();
        let has_rungs = brackets.iter().any(|bracket| bracket.rungs.len() > 1);
        let planned: u64 = match has_rungs {
            true => brackets.iter().map(|it| it.cost(full)).sum::<u64>() * plan.seeds() as u64,
            false => plan.trials.iter().map(|trial| trial.epochs).sum(),
        };
        let to_come = (plan.wanted() - plan.points.len() as u64) * plan.seeds() as u64;
        (done, planned + to_come * full)
    }

    /// Of trials, the one with the best score; the first of equals, and where none has a score.
    pub fn best_of(&self, trials: &[usize]) -> usize {
        let scores = trials.iter().map(|trial| self.score(*trial));
        let best = best_first(self.plan.sweep.objective.mode, scores);
        trials[best.first().copied().unwrap_or(0)]
    }

    /// The keys that vary, with their values at a point.
    pub fn values(&self, point: usize) -> impl Iterator<Item = (&String, &String)> {
        let trial = &self.plan.trials[self.plan.trials_of(point).start];
        self.keys().zip(trial.values.iter().flatten())
    }

    /// The score of a trial where it stands.
    pub fn score(&self, trial: usize) -> Option<f64> {
        let epochs = self.plan.trials[trial].epochs;
        self.states[trial].score(&self.plan.sweep.objective, epochs)
    }

    /// The names of the keys that vary.
    fn keys(&self) -> impl Iterator<Item = &String> {
        self.plan.sweep.parameters.iter().flat_map(|it| &it.keys)
    }

    /// The keys as short as tells them apart: `learning_rate`.
    pub fn short_keys(&self) -> Vec<&str> {
        short_keys(&self.plan)
    }

    /// A row a trial, as trials.csv has them.
    pub fn trials(&self, sweep: &SweepDir) -> Table {
        let mut columns = fixed_columns(self);
        columns.extend(["status", "epochs", "objective"].map(Column::new));
        let rows = self.plan.trials.iter().enumerate().map(|(index, trial)| {
            let mut row = fixed_cells(sweep, trial);
            row.extend([
                Cell::Text(self.status(index).to_string()),
                Cell::Count(self.states[index].epochs()),
                self.score(index).into(),
            ]);
            row
        });
        Table {
            rows: rows.collect(),
            columns,
        }
    }

    /// The points by their scores, the best first; those without a score last.
    pub fn points(&self) -> Table {
        let monitor = &self.plan.sweep.objective.monitor;
        let mut columns = vec![Column::new("rank"), Column::for_programs("point")];
        columns.extend(columns_of_keys(&self.plan));
        columns.push(Column::new(monitor));
        if self.plan.seeds() > 1 {
            columns.push(Column::headed("standard_deviation", "sd"));
        }
        columns.extend([
            Column::headed("trials", "trial"),
            Column::new("epochs"),
            Column::new("status"),
        ]);
        let ranked = self.plan.ranking(&self.decision);
        let others = (0..self.plan.points.len()).filter(|point| !ranked.contains(point));
        let others = self.furthest_first(others.collect());
        let ranked = ranked
            .iter()
            .enumerate()
            .map(|(rank, point)| (Some(rank + 1), *point));
        let all = ranked.chain(others.into_iter().map(|point| (None, point)));
        Table {
            rows: all.map(|(rank, point)| self.point(rank, point)).collect(),
            columns,
        }
    }

    /// Points by how far they have got, those that have got as far by their scores, the best first.
    fn furthest_first(&self, points: Vec<usize>) -> Vec<usize> {
        let outcome = |point: &usize| self.decision.points[*point];
        let scores = points.iter().map(|point| outcome(point).score);
        let by_score = best_first(self.plan.sweep.objective.mode, scores);
        let without = (0..points.len()).filter(|place| !by_score.contains(place));
        let all = by_score.iter().copied().chain(without);
        let mut sorted: Vec<usize> = all.map(|place| points[place]).collect();
        sorted.sort_by_key(|point| std::cmp::Reverse(outcome(point).epoch));
        sorted
    }

    fn point(&self, rank: Option<usize>, point: usize) -> Vec<Cell> {
        let trials = self.plan.trials_of(point);
        let outcome = self.decision.points[point];
        let count = |count: usize| Cell::Count(count as u64);
        let mut row = vec![rank.map_or(Cell::Empty, count), count(point + 1)];
        let values = self.plan.trials[trials.start].values.iter().flatten();
        row.extend(values.map(|value| Cell::Toml(value.clone())));
        row.push(outcome.score.into());
        if self.plan.seeds() > 1 {
            row.push(self.deviation(point).into());
        }
        let numbers = trials
            .clone()
            .map(|trial| self.plan.trials[trial].number.to_string());
        row.push(Cell::Text(numbers.collect::<Vec<_>>().join(" ")));
        row.push(Cell::Count(outcome.epoch));
        let mut statuses: Vec<String> = trials.map(|it| self.status(it).to_string()).collect();
        statuses.dedup();
        row.push(Cell::Text(statuses.join(", ")));
        row
    }

    /// The standard deviation of a point's scores over its seeds, that of a sample.
    fn deviation(&self, point: usize) -> Option<f64> {
        let outcome = self.decision.points[point];
        let (trials, mean) = (self.plan.trials_of(point), outcome.score?);
        let degrees = trials.len().checked_sub(1).filter(|it| *it > 0)? as f64;
        let objective = &self.plan.sweep.objective;
        let squares = trials.map(|trial| {
            let score = self.states[trial].score(objective, outcome.epoch);
            score.map(|score| (score - mean).powi(2))
        });
        squares
            .sum::<Option<f64>>()
            .map(|sum| (sum / degrees).sqrt())
    }

    /// Writes trials.csv as things stand.
    ///
    /// # Errors
    /// If the system refuses; then the old file is still there.
    pub fn write(&self, sweep: &SweepDir) -> Result<(), Error> {
        let text = self.trials(sweep).render(Style::Csv);
        Ok(files::replace(
            &sweep.folder.join(layout::TRIALS),
            text.as_bytes(),
        )?)
    }

    /// Refuses a run directory that is not that of its trial: someone has put it there.
    ///
    /// # Errors
    /// Which one, and what to do.
    pub fn check_runs(&self, sweep: &SweepDir) -> Result<(), Error> {
        self.plan.trials.par_iter().try_for_each(|trial| {
            let folder = sweep.run_folder(trial.number);
            if !folder.is_dir() {
                return Ok(());
            }
            let identity = Identity::read(&folder).map_err(Error::RunDir)?;
            let (theirs, ours) = (&identity.program_version, &sweep.record.program_version);
            let why = match (
                identity.config_digest == trial.config_digest,
                theirs == ours,
            ) {
                (true, true) => return Ok(()),
                (false, _) => format!(
                    "this is not the run of trial {}: its config is another one",
                    trial.number
                ),
                (true, false) => {
                    format!("this run is of version {theirs} of the program, the sweep of {ours}")
                }
            };
            Err(Error::Damaged {
                path: folder,
                why: format!("{why}\nmove it away; the trial is then run again"),
            })
        })
    }

    /// The numbers of trials that trials.csv says have begun, and whose run directories are gone.
    pub fn lost(&self, sweep: &SweepDir) -> Vec<usize> {
        let text = std::fs::read_to_string(sweep.folder.join(layout::TRIALS)).unwrap_or_default();
        let mut reader = csv::ReaderBuilder::new()
            .flexible(true)
            .from_reader(text.as_bytes());
        let headers = reader.headers().cloned().unwrap_or_default();
        let place = |name: &str| headers.iter().position(|header| header == name);
        let (Some(trial), Some(epochs)) = (place("trial"), place("epochs")) else {
            return Vec::new();
        };
        let begun = reader
            .records()
            .flatten()
            .filter(|row| row.get(epochs).is_some_and(|it| it != "0"));
        let numbers = begun.filter_map(|row| row.get(trial)?.parse().ok());
        numbers
            .filter(|number| !sweep.run_folder(*number).exists())
            .collect()
    }

    /// Refuses a trials.csv that says other values, seeds or run directories than are planned: someone has edited it, and
    /// may believe that this changes what is run. Rows may be missing or in another order: a sweep that was extended and
    /// cut has those of before.
    ///
    /// # Errors
    /// Where the first difference is.
    pub fn check_table(&self, sweep: &SweepDir) -> Result<(), Error> {
        let path = sweep.folder.join(layout::TRIALS);
        let Ok(mut there) = csv::Reader::from_path(&path) else {
            return Ok(());
        };
        let damaged = |line: u64, why: String| Error::Damaged {
            path: path.clone(),
            why: format!(
                "line {line}: {why}\n\
                 this table is written, never read; delete it, and change the sweep file instead: runner sweep extend"
            ),
        };
        let mut expected = self.trials(sweep);
        expected.columns.truncate(fixed_columns(self).len());
        for row in &mut expected.rows {
            row.truncate(expected.columns.len());
        }
        let expected = expected.render(Style::Csv);
        let mut expected = csv::Reader::from_reader(expected.as_bytes());
        let headers = expected.headers().cloned().unwrap_or_default();
        let known: BTreeMap<String, StringRecord> = expected
            .records()
            .flatten()
            .filter_map(|row| Some((row.get(0)?.to_owned(), row)))
            .collect();
        let names = there.headers().cloned().unwrap_or_default();
        for row in there.records() {
            let row = row.map_err(|error| damaged(1, format!("not as it was written: {error}")))?;
            let line = row.position().map_or(1, csv::Position::line);
            let number = row.get(0).unwrap_or_default();
            let Some(planned) = known.get(number) else {
                return Err(damaged(line, format!("there is no trial {number:?}")));
            };
            for (name, cell) in names.iter().zip(&row) {
                let place = headers.iter().position(|header| header == name);
                let planned = place.and_then(|place| planned.get(place));
                // The number of a point changes when others come between.
                if let Some(planned) = planned.filter(|it| *it != cell && name != POINT) {
                    return Err(damaged(
                        line,
                        format!("`{name}` is {cell:?}, and {planned:?} was planned"),
                    ));
                }
            }
        }
        Ok(())
    }
}

/// Trials whose jobs ended before they began have failed, though no run directory says so.
fn set_back(sweep: &SweepDir, plan: &Plan, states: &mut [TrialState]) {
    if !Jobs::of(sweep).exist() {
        return;
    }
    let numbers = plan.trials.iter().map(|trial| trial.number);
    let places: BTreeMap<usize, usize> = numbers.zip(0..).collect();
    let is_open = |number| {
        let place = places.get(&number);
        let progress = place.map(|place| &states[*place].progress);
        matches!(progress, Some(Progress::Waiting | Progress::Interrupted))
    };
    for (number, reason) in setbacks(sweep, is_open) {
        states[places[&number]].progress = Progress::Failed {
            reason,
            lasts: Lasting::No,
        };
    }
}

/// A column for each key that varies, read under its short name.
pub fn columns_of_keys(plan: &Plan) -> Vec<Column> {
    let keys = plan.sweep.parameters.iter().flat_map(|it| &it.keys);
    let columns = keys.zip(short_keys(plan));
    columns
        .map(|(key, short)| Column::headed(key, short))
        .collect()
}

/// The shortest end of each key that no other one has, and that says something: `learning_rate`, `dropout.p`.
fn short_keys(plan: &Plan) -> Vec<&str> {
    let keys = || plan.sweep.parameters.iter().flat_map(|it| &it.keys);
    let ends_so = |key: &str, end: &str| {
        let rest = key.strip_suffix(end);
        rest.is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    };
    let is_alone = |end: &str| keys().filter(|key| ends_so(key, end)).count() == 1;
    let short = keys().map(|key| {
        let mut ends = key.rmatch_indices('.').map(|(dot, _)| &key[dot + 1..]);
        ends.find(|end| end.len() > 2 && is_alone(end))
            .unwrap_or(key)
    });
    short.collect()
}

/// The column of the numbers of points.
const POINT: &str = "point";

fn fixed_columns(overview: &Overview) -> Vec<Column> {
    let mut columns = vec![Column::new("trial"), Column::new(POINT)];
    columns.extend(columns_of_keys(&overview.plan));
    columns.extend(["seed", "run_directory"].map(Column::new));
    columns
}

/// What the row of a trial begins with: its number, that of its point, its values and its seed.
pub fn cells_of(trial: &Trial) -> Vec<Cell> {
    let numbers = [trial.number, trial.point].map(|number| Cell::Count(number as u64));
    let values = trial.values.iter().flatten();
    let values = values.map(|value| Cell::Toml(value.clone()));
    let seed = [Cell::Count(trial.seed)];
    numbers.into_iter().chain(values).chain(seed).collect()
}

fn fixed_cells(sweep: &SweepDir, trial: &Trial) -> Vec<Cell> {
    let mut row = cells_of(trial);
    row.push(Cell::Text(format!(
        "{}/{}",
        layout::RUNS,
        sweep.run_id(trial.number)
    )));
    row
}
