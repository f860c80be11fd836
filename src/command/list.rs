//! `runner list`: the runs at a glance.

use crate::cli;
use crate::exit::ExitCode;
use crate::overview::Overview;
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
    let runs = Overview::all(&args.out.out);
    let count = runs.len();
    let mut table = Table {
        columns,
        rows: Vec::new(),
    };
    for run in runs {
        match run {
            Ok(run) if args.status.is_empty() || args.status.contains(&run.status) => {
                table.rows.push(row(run));
            }
            Ok(_) => {}
            // One damaged run must not hide the others.
            Err(error) => output.note(&format!("skipped: {error}")),
        }
    }
    if let Some(column) = sort {
        table.sort_by(column);
    }
    let out = args.out.out.display();
    if count == 0 {
        output.note(&format!(
            "no runs in {out}; start one: runner run configs/baseline.toml"
        ));
    } else if table.rows.is_empty() {
        output.note(&format!("no such runs among the {count} in {out}"));
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

fn row(run: Overview) -> Vec<Cell> {
    let count = |count: Option<u64>| count.map_or(Cell::Empty, Cell::Count);
    vec![
        Cell::Text(run.run_id),
        Cell::Text(run.status.to_string()),
        count(run.epoch),
        Cell::Count(run.epochs),
        run.eval_accuracy.into(),
        run.best.map(|(accuracy, _)| accuracy).into(),
        count(run.best.map(|(_, epoch)| epoch)),
        run.test_accuracy.into(),
        run.note.map_or(Cell::Empty, Cell::Text),
    ]
}
