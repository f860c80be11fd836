//! `runner list`: the runs at a glance.

use crate::cli;
use crate::exit::ExitCode;
use crate::run_dir::{Run, list};
use crate::table::{Cell, Column, Table};

use super::output::{Output, print_result, style};

pub fn execute(args: cli::List) -> anyhow::Result<ExitCode> {
    let output = Output { quiet: false };
    let mut rows = Vec::new();
    for folder in list(&args.out.out) {
        // One damaged run must not hide the others.
        let row = Run::open(&folder)
            .map_err(anyhow::Error::from)
            .and_then(|run| row(&run));
        match row {
            Ok(row) => rows.push(row),
            Err(error) => output.note(&format!("skipped: {error}")),
        }
    }
    if rows.is_empty() {
        let out = args.out.out.display();
        output.note(&format!(
            "no runs in {out}; start one: runner run configs/baseline.toml"
        ));
    }
    let table = Table {
        columns: vec![
            Column::new("run"),
            Column::new("status"),
            Column::new("epoch"),
            Column::headed("epochs", "of"),
            Column::headed("eval_accuracy", "eval acc"),
            Column::headed("best_eval_accuracy", "best"),
            Column::headed("best_epoch", "at epoch"),
        ],
        rows,
    };
    print_result(&table.render(style(&args.format)))?;
    Ok(ExitCode::Done)
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
    ])
}
