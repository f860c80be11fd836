//! The plan of a sweep file, and how it is told.

use crate::cli::{self, Launcher};
use crate::config::{Experiment, SweepFile};
use crate::lifecycle::{self, check_trials};
use crate::sweep::brackets::Bracket;
use crate::sweep::overview::{cells_of, columns_of_keys};
use crate::sweep::plan::{Plan, Trial};
use crate::table::{Cell, Column, Table};

use super::super::exit::unwrapped;
use super::super::output::{Several, note};
use super::super::progress::scan_bar;
use super::super::units::counted;

/// A sweep file and what it declares.
pub struct Planned {
    /// As it was typed.
    pub file: SweepFile,
    /// Its plan.
    pub plan: Plan,
    /// The experiments of the plan's trials.
    pub experiments: Vec<Experiment>,
}

impl Planned {
    /// Plans what a sweep file declares; every trial of it is checked, but for its data.
    pub fn of(typed: &cli::SweepFile) -> anyhow::Result<Self> {
        let file = SweepFile::read(&typed.file)?;
        let (plan, experiments) = Plan::new(&file, |document| {
            document.set_environment(std::env::vars_os());
            document.set_all(typed.overrides.all());
        })?;
        Ok(Self {
            file,
            plan,
            experiments,
        })
    }

    /// Refuses those of some trials that do not go with their data, before any of them begins. Nodes of a cluster may have
    /// data that are not here.
    pub fn check_data(
        &self,
        is_meant: impl Fn(&Trial) -> bool,
        launcher: Option<Launcher>,
    ) -> anyhow::Result<()> {
        let (plan, bar) = (&self.plan, scan_bar("reading images"));
        let trials = self.experiments.iter().enumerate();
        let trials = trials.filter(|(trial, _)| is_meant(&plan.trials[*trial]));
        let trials = trials.map(|(trial, experiment)| (plan.candidate(trial), experiment));
        let watch = |done, all| bar.at(done, all);
        let Err(errors) = check_trials(&plan.base, &plan.sweep, trials, &watch) else {
            return Ok(());
        };
        drop(bar);
        let may_be_there = |error: &lifecycle::Error| {
            let is_missing = matches!(error, lifecycle::Error::Data(error) if error.is_missing());
            is_missing && launcher == Some(Launcher::Slurm)
        };
        let (elsewhere, errors): (Vec<_>, Vec<_>) = errors.into_iter().partition(may_be_there);
        for error in elsewhere {
            note(&format!(
                "note: {error}\nif only the nodes have them, all is well: each trial looks there"
            ));
        }
        match errors.is_empty() {
            true => Ok(()),
            false => Err(Several(errors.into_iter().map(unwrapped).collect()).into()),
        }
    }
}

/// `halving, 27 points with 3 seeds: 81 trials`
pub fn counts(plan: &Plan) -> String {
    let (points, seeds) = (plan.wanted() as usize, plan.seeds());
    let of_seeds = match seeds {
        1 => String::new(),
        seeds => format!(" with {}", counted(seeds, "seed")),
    };
    let name = plan.sweep.search.name();
    format!(
        "{name}, {}{of_seeds}: {}",
        counted(points, "point"),
        counted(points * seeds, "trial")
    )
}

/// How many points get to which epoch, where not all get to the last: a line a bracket.
pub fn rungs(plan: &Plan) -> String {
    let full = plan.trials.first().map_or(0, |trial| trial.epochs);
    let brackets = plan.brackets();
    let has_rungs = |bracket: &Bracket| bracket.rungs.len() > 1;
    let mut text = String::new();
    for bracket in brackets.iter().filter(|_| brackets.iter().any(has_rungs)) {
        let rungs = bracket.rungs.iter().map(|rung| {
            let epochs = rung.epochs.unwrap_or(full) as usize;
            format!("{} to epoch {epochs}", rung.points)
        });
        text += &format!("rungs   {}\n", rungs.collect::<Vec<_>>().join(", "));
    }
    text
}

/// Some trials, by their index, with what is fixed of them.
pub fn trials(plan: &Plan, which: impl IntoIterator<Item = usize>) -> Table {
    let mut columns = vec![Column::new("trial"), Column::new("point")];
    columns.extend(columns_of_keys(plan));
    columns.extend(["seed", "epochs"].map(Column::new));
    let rows = which.into_iter().map(|trial| {
        let trial = &plan.trials[trial];
        let mut row = cells_of(trial);
        row.push(Cell::Count(trial.epochs));
        row
    });
    Table {
        rows: rows.collect(),
        columns,
    }
}
