//! What comes next, as a function of where all trials stand: never of who was first, or when.

use runner_metrics::best_first;

use crate::plan::Plan;
use crate::state::{Progress, TrialState};

/// A trial, and the epoch that it is to get to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Work {
    /// The index of the trial in the plan.
    pub trial: usize,
    /// The epoch.
    pub until: u64,
}

/// What comes next.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Decision {
    /// Trials that have to get further now, in the order of the plan, each until an epoch: all that nothing else
    /// is waited for, whether or not a process works on them.
    pub open: Vec<Work>,
    /// Indices of trials that were not worth more epochs.
    pub pruned: Vec<usize>,
    /// For each point whether it has got to its full length, and its score there or where it was pruned: the
    /// mean over its seeds.
    pub points: Vec<Outcome>,
}

/// How far a point has come.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Outcome {
    /// Whether all its trials have got to the full length.
    pub is_whole: bool,
    /// The epoch that its score is of.
    pub epoch: u64,
    /// The mean score of its trials.
    pub score: Option<f64>,
}

impl Plan {
    /// What comes next where the trials stand so.
    pub fn decide(&self, states: &[TrialState]) -> Decision {
        let mut decision = Decision {
            points: vec![Outcome::default(); self.points.len()],
            ..Decision::default()
        };
        let mut first = 0;
        for bracket in self.brackets() {
            let last = (first + bracket.points as usize).min(self.points.len());
            let mut points: Vec<usize> = (first..last).collect();
            first = last;
            for (place, rung) in bracket.rungs.iter().enumerate() {
                let open = self.open(&points, rung.epochs, states);
                for point in &points {
                    decision.points[*point] = self.outcome(*point, rung.epochs, states);
                }
                if !open.is_empty() {
                    decision.open.extend(open);
                    break;
                }
                if let Some(next) = bracket.rungs.get(place + 1) {
                    let kept = self.best(&points, &decision, next.points as usize);
                    let out = points.iter().filter(|point| !kept.contains(point));
                    let out = out.flat_map(|point| self.trials_of(*point));
                    decision
                        .pruned
                        .extend(out.filter(|trial| !states[*trial].has_failed()));
                    points = kept;
                }
            }
        }
        decision.open.sort_by_key(|work| work.trial);
        decision.pruned.sort_unstable();
        decision
    }

    /// The indices of a point's trials.
    pub fn trials_of(&self, point: usize) -> std::ops::Range<usize> {
        point * self.seeds()..(point + 1) * self.seeds()
    }

    /// What points still have to do to get to a rung.
    fn open(&self, points: &[usize], epochs: Option<u64>, states: &[TrialState]) -> Vec<Work> {
        let trials = points.iter().flat_map(|point| self.trials_of(*point));
        let open = trials.filter_map(|trial| {
            let full = self.trials[trial].epochs;
            let until = epochs.unwrap_or(full);
            let state = &states[trial];
            let is_there = match epochs {
                Some(_) => state.has_reached(until),
                // Results are written after the last epoch.
                None => state.progress == Progress::Finished || state.has_failed(),
            };
            (!is_there).then_some(Work { trial, until })
        });
        open.collect()
    }

    fn outcome(&self, point: usize, epochs: Option<u64>, states: &[TrialState]) -> Outcome {
        let trials = self.trials_of(point);
        let (objective, count) = (&self.sweep.objective, trials.len());
        let until = |trial: usize| epochs.unwrap_or(self.trials[trial].epochs);
        let scores = trials
            .clone()
            .map(|it| states[it].score(objective, until(it)));
        let sum: Option<f64> = scores.sum();
        let is_whole = |trial: usize| states[trial].progress == Progress::Finished;
        Outcome {
            is_whole: epochs.is_none() && trials.clone().all(is_whole),
            epoch: trials
                .map(|it| until(it).min(states[it].epochs()))
                .min()
                .unwrap_or(0),
            score: sum.map(|sum| sum / count as f64),
        }
    }

    /// At most `count` of the points, the best first; of equals the one with the lower number. One without a score is
    /// never among them.
    fn best(&self, points: &[usize], decision: &Decision, count: usize) -> Vec<usize> {
        let scores = points.iter().map(|point| decision.points[*point].score);
        let mut best: Vec<usize> = best_first(self.sweep.objective.mode, scores)
            .into_iter()
            .take(count)
            .map(|place| points[place])
            .collect();
        best.sort_unstable();
        best
    }

    /// The points with a score, the best first: those that have got to the full length, or where none has, those that
    /// have come furthest.
    pub fn ranking(&self, decision: &Decision) -> Vec<usize> {
        let has_whole = decision.points.iter().any(|it| it.is_whole);
        let furthest = decision.points.iter().filter(|it| it.score.is_some());
        let furthest = furthest.map(|it| it.epoch).max().unwrap_or(0);
        let counts = |it: &Outcome| match has_whole {
            true => it.is_whole,
            false => it.epoch == furthest,
        };
        let scores = decision
            .points
            .iter()
            .map(|it| it.score.filter(|_| counts(it)));
        best_first(self.sweep.objective.mode, scores)
    }
}
