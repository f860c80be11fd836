//! `runner list`: the runs at a glance.

use std::path::Path;

use crate::cli::{self, Selection};
use crate::compare::tags;
use crate::exit::ExitCode;
use crate::overview::Overview;
use crate::run_dir::{Status, size};
use crate::table::{Cell, Column, Style, Table};

use super::exit::Usage;
use super::output::{Output, print_result, style};
use super::selection::select;
use super::units::counted;

pub fn execute(args: cli::List) -> anyhow::Result<ExitCode> {
    let output = Output { quiet: false };
    let mut table = Table {
        columns: columns(args.sizes),
        rows: Vec::new(),
    };
    // A column that is not there is told whether or not there are runs.
    select(&mut table, &args.selection)?;
    let out = &args.out.out;
    if !out.is_dir() && out != Path::new(cli::DEFAULT_OUT) {
        let out = out.display();
        let message =
            format!("{out}: no such folder\nname the folder that holds the run directories");
        return Err(Usage(message).into());
    }
    let runs = Overview::all(out);
    let count = runs.len();
    let is_wanted = |run: &Overview| {
        (args.status.is_empty() || args.status.contains(&run.status))
            && run.tags.has_all(&args.selection.tag)
    };
    for run in runs {
        match run {
            Ok(run) if is_wanted(&run) => {
                let size = args.sizes.then(|| size(&out.join(&run.run_id)));
                table.rows.push(row(run, size));
            }
            Ok(_) => {}
            // One damaged run must not hide the others.
            Err(error) => output.note(&format!("skipped: {error}")),
        }
    }
    select(&mut table, &args.selection)?;
    let style = style(&args.format);
    if table.rows.is_empty() {
        output.note(&none(&args, count));
        // A program still gets the header or the empty array.
        if matches!(style, Style::Reading { .. }) {
            return Ok(ExitCode::Done);
        }
    }
    print_result(&table.render(style))?;
    Ok(ExitCode::Done)
}

/// Why there is nothing to list; `count` is the number of runs of any status.
fn none(args: &cli::List, count: usize) -> String {
    let out = args.out.out.display();
    if count == 0 {
        return format!("no runs in {out}; start one: runner run configs/baseline.toml");
    }
    let Selection {
        tag, conditions, ..
    } = &args.selection;
    if !tag.is_empty() || !conditions.is_empty() {
        return format!(
            "none of the {} in {out} is like that",
            counted(count, "run")
        );
    }
    if args.status.is_empty() {
        return format!("no run in {out} can be read");
    }
    let statuses: Vec<String> = args.status.iter().map(Status::to_string).collect();
    let (statuses, all) = (statuses.join(" or "), counted(count, "run"));
    format!("no {statuses} runs in {out}; it has {all} in all")
}

fn columns(has_sizes: bool) -> Vec<Column> {
    let mut columns = vec![
        Column::new("run"),
        Column::new("status"),
        Column::new("epoch"),
        Column::headed("epochs", "of"),
        Column::headed("eval_accuracy", "eval acc"),
        Column::headed("best_eval_accuracy", "best"),
        Column::headed("best_epoch", "at epoch"),
        Column::headed("test_accuracy", "test acc").if_any(),
        Column::new("tags").if_any(),
        Column::notes("note"),
        Column::notes("user_note"),
    ];
    if has_sizes {
        columns.push(Column::numbers("size"));
    }
    columns
}

fn row(run: Overview, size: Option<u64>) -> Vec<Cell> {
    let count = |count: Option<u64>| count.map_or(Cell::Empty, Cell::Count);
    let mut row = vec![
        Cell::Text(run.run_id),
        Cell::Text(run.status.to_string()),
        count(run.epoch),
        Cell::Count(run.epochs),
        run.eval_accuracy.into(),
        run.best.map(|(accuracy, _)| accuracy).into(),
        count(run.best.map(|(_, epoch)| epoch)),
        run.test_accuracy.into(),
        tags(&run.tags),
        run.note.map_or(Cell::Empty, Cell::Text),
        run.tags.note.map_or(Cell::Empty, Cell::Text),
    ];
    row.extend(size.map(Cell::Bytes));
    row
}
