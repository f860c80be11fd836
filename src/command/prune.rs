//! `runner prune`: checkpoints that nobody needs are deleted, or whole runs that were never finished.

use std::path::{Path, PathBuf};

use crate::cli;
use crate::exit::ExitCode;
use crate::run_dir::{Run, Status, list, prune, resolve, size, unneeded_checkpoints};
use crate::table::{Cell, Column, Table};

use super::output::{Output, print_result, reading};
use super::remove::{agreed, listed, remove_all};
use super::units::counted;

pub fn execute(args: cli::Prune) -> anyhow::Result<ExitCode> {
    let runs = candidates(&args)?;
    match args.unfinished {
        true => unfinished(&args, &runs),
        false => checkpoints(&args, &runs),
    }
}

/// The runs that are asked for and old enough; one that cannot be read is told and left alone.
fn candidates(args: &cli::Prune) -> anyhow::Result<Vec<Run>> {
    let out = &args.out.out;
    let folders = match args.runs.is_empty() {
        true => list(out),
        false => {
            let named = args.runs.iter().map(|run| resolve(run, out));
            named.collect::<Result<Vec<PathBuf>, _>>()?
        }
    };
    let output = Output { quiet: false };
    let mut runs = Vec::new();
    for folder in folders {
        match Run::open(&folder) {
            Ok(run) if is_old(&run, args) => runs.push(run),
            Ok(_) => {}
            Err(error) => output.note(&format!("left alone: {error}")),
        }
    }
    Ok(runs)
}

fn is_old(run: &Run, args: &cli::Prune) -> bool {
    args.older_than
        .is_none_or(|age| run.idle().is_some_and(|idle| idle >= age))
}

fn unfinished(args: &cli::Prune, runs: &[Run]) -> anyhow::Result<ExitCode> {
    let is_unfinished = |run: &&Run| matches!(run.status, Status::Interrupted | Status::Failed);
    let runs = runs.iter().filter(is_unfinished);
    let folders: Vec<PathBuf> = runs.map(|run| run.folder.clone()).collect();
    if folders.is_empty() {
        return nothing("no run that was never finished", args);
    }
    let sizes: Vec<u64> = folders.iter().map(|folder| size(folder)).collect();
    print_result(&listed(&folders, &sizes))?;
    let what = counted(folders.len(), "run");
    match args.dry_run || !agreed("remove", &what, sizes.iter().sum(), args.yes)? {
        true => Ok(ExitCode::Done),
        false => remove_all(&folders),
    }
}

fn checkpoints(args: &cli::Prune, runs: &[Run]) -> anyhow::Result<ExitCode> {
    let output = Output { quiet: false };
    let mut found: Vec<(&Path, usize, u64)> = Vec::new();
    for run in runs {
        match unneeded_checkpoints(run, args.keep_best) {
            Ok(unneeded) if unneeded.is_empty() => {}
            Ok(unneeded) => {
                let size = unneeded.iter().map(|(_, size)| size).sum();
                found.push((&run.folder, unneeded.len(), size));
            }
            Err(error) => output.note(&format!("left alone: {error}")),
        }
    }
    if found.is_empty() {
        return nothing("no checkpoint that nobody needs", args);
    }
    let rows = found.iter().map(|(folder, count, size)| {
        vec![
            Cell::Text(folder.display().to_string()),
            Cell::Count(*count as u64),
            Cell::Bytes(*size),
        ]
    });
    let table = Table {
        columns: vec![
            Column::new("run"),
            Column::new("checkpoints"),
            Column::numbers("size"),
        ],
        rows: rows.collect(),
    };
    print_result(&table.render(reading()))?;
    let count = found.iter().map(|(_, count, _)| count).sum();
    let size = found.iter().map(|(_, _, size)| size).sum();
    let what = counted(count, "checkpoint");
    if args.dry_run || !agreed("delete", &what, size, args.yes)? {
        return Ok(ExitCode::Done);
    }
    for (folder, ..) in found {
        prune(folder, args.keep_best)?;
        output.note(&format!("pruned {}", folder.display()));
    }
    Ok(ExitCode::Done)
}

/// There is nothing to do.
fn nothing(what: &str, args: &cli::Prune) -> anyhow::Result<ExitCode> {
    let old = args.older_than.map_or("", |_| " and is old enough");
    let out = args.out.out.display();
    let place = match args.runs.is_empty() {
        true => format!(" in {out}"),
        false => " among these runs".to_owned(),
    };
    Output { quiet: false }.note(&format!("there is {what}{old}{place}"));
    Ok(ExitCode::Done)
}
