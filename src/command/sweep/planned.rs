//! The plan of a sweep file, and how it is told.

use crate::cli;
use crate::config::SweepFile;
use crate::sweep::overview::{cells_of, columns_of_keys};
use crate::sweep::plan::Plan;
use crate::table::{Cell, Column, Table};

use super::super::units::counted;

/// The plan of a sweep file, every trial of it checked.
pub fn plan(typed: &cli::SweepFile) -> anyhow::Result<(SweepFile, Plan)> {
    let file = SweepFile::read(&typed.file)?;
    let plan = Plan::new(&file, |document| {
        document.set_environment(std::env::vars_os());
        document.set_all(typed.overrides.all());
    })?;
    Ok((file, plan))
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

/// The trials with what is fixed of them.
pub fn trials(plan: &Plan) -> Table {
    let mut columns = vec![Column::new("trial"), Column::new("point")];
    columns.extend(columns_of_keys(plan));
    columns.extend(["seed", "epochs"].map(Column::new));
    let rows = plan.trials.iter().map(|trial| {
        let mut row = cells_of(trial);
        row.push(Cell::Count(trial.epochs));
        row
    });
    Table {
        rows: rows.collect(),
        columns,
    }
}
