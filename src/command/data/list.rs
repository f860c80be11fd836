//! `runner data list`: the sets that are known by name, and which of them are here.

use crate::cli;
use crate::command::output::{print_result, style};
use crate::data::catalog::{SETS, Set};
use crate::exit::ExitCode;
use crate::table::{Cell, Column, Table};

pub fn execute(args: cli::DataList) -> anyhow::Result<ExitCode> {
    let table = Table {
        columns: vec![
            Column::new("name"),
            Column::headed("train_images", "train"),
            Column::headed("test_images", "test"),
            Column::new("classes"),
            Column::numbers("image"),
            Column::headed("download_mb", "MB"),
            Column::new("licence"),
            Column::new("here"),
            Column::for_programs("description"),
            Column::for_programs("source"),
        ],
        rows: SETS.iter().map(row).collect(),
    };
    print_result(&table.render(style(&args.format)))?;
    Ok(ExitCode::Done)
}

fn row(set: &Set) -> Vec<Cell> {
    let [channels, height, width] = set.shape;
    let folder = set.home();
    vec![
        Cell::Text(set.name.to_owned()),
        Cell::Count(set.images[0]),
        Cell::Count(set.images[1]),
        Cell::Count(set.classes),
        Cell::Text(format!("{channels}x{height}x{width}")),
        match set.mirrors {
            [] => Cell::Empty,
            _ => Cell::Count(set.bytes().div_ceil(1_000_000)),
        },
        Cell::Text(set.licence.to_owned()),
        match set.is_in(&folder) {
            true => Cell::Text(folder.display().to_string()),
            false => Cell::Empty,
        },
        Cell::Text(set.description.to_owned()),
        Cell::Text(set.source.to_owned()),
    ]
}
