//! `runner list`: the runs at a glance.

use std::path::PathBuf;

use rayon::prelude::*;

use crate::cli;
use crate::exit::ExitCode;
use crate::run_dir::{Run, list};
use crate::table::{Cell, Column, Table};

use super::exit::Usage;
use super::output::{Output, print_result, style};

pub fn execute(args: cli::List) -> anyhow::Result<ExitCode> {
    let output = Output { quiet: false };
    let columns = columns();
    let sort = match &args.sort {
        Some(name) => Some(find(&columns, name)?),
        None => None,
    };
    let folders = list(&args.out.out);
    let read = |folder: &PathBuf| -> anyhow::Result<Option<Vec<Cell>>> {
        let run = Run::open(folder)?;
        let is_asked = args.status.is_empty() || args.status.contains(&run.status);
        is_asked.then(|| row(&run)).transpose()
    };
    let rows: Vec<_> = folders.par_iter().map(read).collect();
    let mut table = Table {
        columns,
        rows: Vec::new(),
    };
    for row in rows {
        // One damaged run must not hide the others.
        match row {
            Ok(row) => table.rows.extend(row),
            Err(error) => output.note(&format!("left out: {error}")),
        }
    }
    if let Some(column) = sort {
        table.sort_by(column, false);
    }
    let out = args.out.out.display();
    if folders.is_empty() {
        output.note(&format!(
            "no runs in {out}; make one: runner run configs/baseline.toml"
        ));
    } else if table.rows.is_empty() {
        output.note(&format!(
            "no such runs among the {} in {out}",
            folders.len()
        ));
    }
    print_result(&table.render(style(&args.format)))?;
    Ok(ExitCode::Done)
}

fn columns() -> Vec<Column> {
    vec![
        Column::new("run"),
        Column::new("status"),
        Column::new("epoch"),
        Column::headed("epochs", "of"),
        Column::headed("eval_accuracy", "eval acc"),
        Column::headed("best_eval_accuracy", "best"),
        Column::headed("best_epoch", "at epoch"),
        Column::headed("test_accuracy", "test acc").if_any(),
        Column::notes("note"),
    ]
}

/// The place of the column with this name.
fn find(columns: &[Column], name: &str) -> Result<usize, Usage> {
    let names: Vec<&str> = columns.iter().map(|column| column.name.as_str()).collect();
    names.iter().position(|it| *it == name).ok_or_else(|| {
        let names = names.join(", ");
        Usage(format!(
            "--sort takes one of {names}; there is no column `{name}`"
        ))
    })
}

fn row(run: &Run) -> anyhow::Result<Vec<Cell>> {
    let metrics = run.metrics()?;
    let last = metrics.len().checked_sub(1);
    let best = metrics.best("eval_accuracy");
    let value = |row: Option<usize>, column| row.and_then(|row| metrics.get(row, column));
    let count = |value: Option<f64>| value.map_or(Cell::Empty, |value| Cell::Count(value as u64));
    Ok(vec![
        Cell::Text(run.identity.run_id.clone()),
        Cell::Text(run.status.to_string()),
        count(value(last, "epoch")),
        Cell::Count(run.experiment.training.epochs),
        value(last, "eval_accuracy").into(),
        value(best, "eval_accuracy").into(),
        count(value(best, "epoch")),
        run.test_scores().map(|scores| scores.accuracy).into(),
        run.note()?.map_or(Cell::Empty, Cell::Text),
    ])
}
