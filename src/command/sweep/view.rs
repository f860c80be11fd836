//! How a sweep looks while it runs: on a terminal a line for the whole and one for each trial that runs, redrawn;
//! elsewhere a line for each trial that has got where it was to get.

use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::time::Instant;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use crate::sweep::decide::Work;
use crate::sweep::directory::SweepDir;
use crate::sweep::local::{Failure, Observer};
use crate::sweep::overview::{Overview, TrialStatus};

use super::super::output::{Output, note, shown};
use super::super::units::human;

/// Shows a sweep on stderr.
pub struct View {
    output: Output,
    lines: Option<Lines>,
    started: Instant,
    /// Epochs that were done before.
    before: Option<u64>,
    folder: String,
}

/// What is redrawn on a terminal.
struct Lines {
    all: MultiProgress,
    whole: ProgressBar,
    /// By trial.
    trials: BTreeMap<usize, ProgressBar>,
}

impl View {
    pub fn new(output: Output, sweep: &SweepDir) -> Self {
        let is_shown = !output.quiet && std::io::stderr().is_terminal();
        Self {
            output,
            lines: is_shown.then(Lines::new),
            started: Instant::now(),
            before: None,
            folder: shown(&sweep.folder),
        }
    }

    /// Removes what is redrawn.
    pub fn end(&mut self) {
        if let Some(lines) = self.lines.take() {
            let _ = lines.all.clear();
        }
    }

    /// The sweep in a line: `12/27 trials, best eval_accuracy 0.9812 (trial 7), about 3 min left`.
    fn whole(&mut self, overview: &Overview) -> String {
        let finished = [
            TrialStatus::Finished,
            TrialStatus::Pruned,
            TrialStatus::Failed,
        ];
        let done: usize = finished.iter().map(|status| overview.count(*status)).sum();
        let wanted = overview.plan.wanted() as usize * overview.plan.seeds();
        let pruned = match overview.count(TrialStatus::Pruned) {
            0 => String::new(),
            pruned => format!(", {pruned} of them pruned"),
        };
        let best = best(overview).map_or_else(String::new, |best| format!(", best {best}"));
        let left = self
            .left(overview)
            .map_or_else(String::new, |left| format!(", about {left} left"));
        format!("{done}/{wanted} trials{pruned}{best}{left}")
    }

    fn left(&mut self, overview: &Overview) -> Option<String> {
        let (done, all) = overview.epochs();
        let before = *self.before.get_or_insert(done);
        let rate = done.checked_sub(before).filter(|it| *it > 0)? as f64
            / self.started.elapsed().as_secs_f64();
        Some(human(all.saturating_sub(done) as f64 / rate))
    }

    fn say(&self, line: &str) {
        if self.output.quiet {
            return;
        }
        match &self.lines {
            Some(lines) => lines.all.suspend(|| note(line)),
            None => note(line),
        }
    }
}

impl Observer for View {
    fn look(&mut self, overview: &Overview, running: &[Work]) {
        let whole = self.whole(overview);
        if let Some(lines) = &mut self.lines {
            lines.draw(whole, overview, running);
        }
    }

    fn ended(&mut self, overview: &Overview, work: Work, failure: Option<&Failure>) {
        let trial = &overview.plan.trials[work.trial];
        let epochs = overview.states[work.trial].epochs();
        let number = trial.number;
        let line = match failure {
            Some(failure) => format!(
                "trial {number} failed after epoch {epochs}: {}\n  its output: {}/logs/{number:03}.log",
                failure.reason, self.folder
            ),
            None => {
                let status = match work.until < trial.epochs {
                    true => "is done with its rung".to_owned(),
                    false => overview.status(work.trial).to_string(),
                };
                let score = overview.score(work.trial);
                let monitor = &overview.plan.sweep.objective.monitor;
                let score =
                    score.map_or_else(String::new, |score| format!(", {monitor} {score:.4}"));
                format!(
                    "trial {number} {status}: epoch {epochs}{score}  {}",
                    values(overview, work.trial)
                )
            }
        };
        self.say(&line);
        self.look(overview, &[]);
    }

    fn decided(&mut self, overview: &Overview, promoted: &[Work], pruned: &[usize]) {
        let mut rungs: BTreeMap<u64, Vec<usize>> = BTreeMap::new();
        for work in promoted {
            rungs.entry(work.until).or_default().push(work.trial);
        }
        for (until, trials) in rungs {
            self.say(&format!(
                "promoted to epoch {until}: {}",
                numbers(overview, &trials)
            ));
        }
        if !pruned.is_empty() {
            self.say(&format!("pruned: {}", numbers(overview, pruned)));
        }
    }
}

/// `trials 2, 5, 7`, of indices in the plan.
fn numbers(overview: &Overview, trials: &[usize]) -> String {
    let number = |trial: &usize| overview.plan.trials[*trial].number.to_string();
    let numbers: Vec<String> = trials.iter().map(number).collect();
    let word = if numbers.len() == 1 {
        "trial"
    } else {
        "trials"
    };
    format!("{word} {}", numbers.join(", "))
}

impl Lines {
    fn new() -> Self {
        let all = MultiProgress::new();
        let whole = all.add(line());
        Self {
            all,
            whole,
            trials: BTreeMap::new(),
        }
    }

    fn draw(&mut self, whole: String, overview: &Overview, running: &[Work]) {
        self.whole.set_message(whole);
        let gone = |trial: &usize| !running.iter().any(|work| work.trial == *trial);
        for trial in self.trials.keys().copied().filter(gone).collect::<Vec<_>>() {
            if let Some(bar) = self.trials.remove(&trial) {
                self.all.remove(&bar);
            }
        }
        for work in running {
            let bar = self
                .trials
                .entry(work.trial)
                .or_insert_with(|| self.all.add(line()));
            let (trial, state) = (
                &overview.plan.trials[work.trial],
                &overview.states[work.trial],
            );
            let last = state.values.last().copied().flatten();
            let monitor = &overview.plan.sweep.objective.monitor;
            let value = last.map_or_else(String::new, |value| format!("  {monitor} {value:.4}"));
            bar.set_message(format!(
                "  trial {:<4} epoch {}/{}{value}  {}",
                trial.number,
                state.epochs(),
                work.until,
                values(overview, work.trial)
            ));
        }
    }
}

/// A line without a bar; no wider than the terminal.
fn line() -> ProgressBar {
    let style = ProgressStyle::with_template("{wide_msg}").expect("the template is well-formed");
    ProgressBar::new_spinner().with_style(style)
}

/// The values of a trial: `learning_rate=0.001 seed=1`.
pub fn values(overview: &Overview, trial: usize) -> String {
    let keys = overview.short_keys();
    let trial = &overview.plan.trials[trial];
    let values = keys.iter().zip(trial.values.iter().flatten());
    let mut words: Vec<String> = values
        .map(|(key, value)| format!("{key}={value}"))
        .collect();
    if !overview.plan.sweep.seeds.is_empty() {
        words.push(format!("seed={}", trial.seed));
    }
    words.join(" ")
}

/// The best point so far: `eval_accuracy 0.9812 (trial 7)`.
pub fn best(overview: &Overview) -> Option<String> {
    let point = *overview.plan.ranking(&overview.decision).first()?;
    let score = overview.decision.points[point].score?;
    let trials = overview.plan.trials_of(point);
    let numbers: Vec<String> = trials
        .map(|it| overview.plan.trials[it].number.to_string())
        .collect();
    let word = if numbers.len() == 1 {
        "trial"
    } else {
        "mean of trials"
    };
    let monitor = &overview.plan.sweep.objective.monitor;
    Some(format!(
        "{monitor} {score:.4} ({word} {})",
        numbers.join(", ")
    ))
}
