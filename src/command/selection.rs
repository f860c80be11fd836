//! Which rows of a table of runs are shown, and in which order.

use crate::cli::Selection;
use crate::condition::Condition;
use crate::table::{Cell, Table};

use super::exit::Usage;

/// The place of the column with this name; `option` is what asks for it.
pub fn place(table: &Table, name: &str, option: &str) -> Result<usize, Usage> {
    let names: Vec<&str> = table
        .columns
        .iter()
        .map(|column| column.name.as_str())
        .collect();
    names.iter().position(|it| *it == name).ok_or_else(|| {
        let names = names.join(", ");
        Usage(format!(
            "{option} takes one of {names}; there is no column `{name}`"
        ))
    })
}

/// For each condition the place of its column.
pub fn places(table: &Table, conditions: &[Condition]) -> Result<Vec<usize>, Usage> {
    let columns = conditions.iter().map(|condition| &condition.column);
    columns.map(|name| place(table, name, "--where")).collect()
}

/// Keeps the rows for which all conditions hold, the last of them if only so many are wanted, and sorts them.
pub fn select(table: &mut Table, selection: &Selection) -> Result<(), Usage> {
    let sort = match &selection.sort {
        Some(name) => Some(place(table, name, "--sort")?),
        None => None,
    };
    let places = places(table, &selection.conditions)?;
    let holds = |row: &Vec<Cell>| {
        let mut pairs = selection.conditions.iter().zip(&places);
        pairs.all(|(condition, place)| condition.holds(&row[*place]))
    };
    table.rows.retain(holds);
    if let Some(last) = selection.last {
        let older = table.rows.len().saturating_sub(last.get());
        table.rows.drain(..older);
    }
    if let Some(column) = sort {
        table.sort_by(column);
    }
    Ok(())
}
