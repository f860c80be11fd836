//! `runner diff`: where two runs part, for people and scripts.

use crate::cli;
use crate::exit::ExitCode;
use crate::parting::{Difference, Parting};
use crate::run_dir::{Run, resolve};
use crate::table::{Cell, Column, Table};

use super::output::{print_result, style};

pub fn execute(args: cli::Diff) -> anyhow::Result<ExitCode> {
    let open = |run: &str| -> anyhow::Result<Run> { Ok(Run::open(&resolve(run, &args.out.out)?)?) };
    let (first, second) = (open(&args.first)?, open(&args.second)?);
    let parting = Parting::of(&first, &second)?;
    let is_equal = parting.is_none();
    let mut text = String::new();
    let is_for_reading = !args.format.is_for_programs();
    let table = table(&parting);
    if !is_for_reading || !table.rows.is_empty() {
        text += &table.render(style(&args.format));
    }
    if is_for_reading {
        text += &epochs(&parting);
    }
    print_result(&text)?;
    Ok(match is_equal {
        true => ExitCode::Done,
        false => ExitCode::CheckFailed,
    })
}

/// A row for each thing that differs, the first epoch that does among them.
fn table(parting: &Parting) -> Table {
    let mut rows: Vec<Vec<Cell>> = Vec::new();
    let cell = |value: &Option<String>| value.clone().map_or(Cell::Empty, Cell::Text);
    for (kind, differences) in [
        ("config", &parting.config),
        ("other", &parting.circumstances),
    ] {
        for Difference {
            what,
            first,
            second,
        } in differences
        {
            rows.push(vec![
                Cell::Text(kind.to_owned()),
                Cell::Text(what.clone()),
                cell(first),
                cell(second),
            ]);
        }
    }
    if let Some(epoch) = parting.epoch {
        rows.push(vec![
            Cell::Text("epoch".to_owned()),
            Cell::Text(format!("metrics.csv from epoch {epoch} on")),
            Cell::Empty,
            Cell::Empty,
        ]);
    }
    let [first, second] = parting.epochs.map(|epochs| Cell::Count(epochs as u64));
    if first != second {
        rows.push(vec![
            Cell::Text("epoch".to_owned()),
            Cell::Text("epochs".to_owned()),
            first,
            second,
        ]);
    }
    Table {
        columns: ["kind", "what", "first", "second"]
            .map(Column::new)
            .to_vec(),
        rows,
    }
}

/// How far the runs are equal, in a sentence.
fn epochs(parting: &Parting) -> String {
    match (parting.epoch, parting.common_epochs) {
        (Some(1), _) => "they part in their first epoch\n".to_owned(),
        (Some(epoch), _) => format!(
            "equal up to epoch {}; they part in epoch {epoch}\n",
            epoch - 1
        ),
        (None, 0) => "no epoch that both have\n".to_owned(),
        (None, 1) => {
            "equal in the one epoch that both have, to the last bit of every weight\n".to_owned()
        }
        (None, epochs) => {
            format!(
                "equal in all {epochs} epochs that both have, to the last bit of every weight\n"
            )
        }
    }
}
