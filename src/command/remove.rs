//! `runner remove`: run directories are taken away.

use std::io::{self, BufRead, IsTerminal, Write};
use std::path::{Path, PathBuf};

use crate::cli;
use crate::exit::ExitCode;
use crate::run_dir::{self, Identity, Status, layout, remove, resolve, size};
use crate::sweep::directory;
use crate::table::{Cell, Column, Table};

use super::exit::Usage;
use super::output::{Output, print_result, reading};
use super::units::{bytes, counted};

pub fn execute(args: cli::Remove) -> anyhow::Result<ExitCode> {
    let mut folders: Vec<PathBuf> = Vec::new();
    for run in &args.runs {
        let folder = resolve(run, &args.out.out)?;
        check_run(&folder)?;
        if !folders.contains(&folder) {
            folders.push(folder);
        }
    }
    let sizes: Vec<u64> = folders.iter().map(|folder| size(folder)).collect();
    print_result(&listed(&folders, &sizes))?;
    let what = counted(folders.len(), "run");
    if !agreed("remove", &what, sizes.iter().sum(), args.yes)? {
        return Ok(ExitCode::Done);
    }
    remove_all(&folders)
}

/// A damaged run can be removed too, but nothing that is none.
fn check_run(folder: &Path) -> Result<(), run_dir::Error> {
    match folder.join(layout::IDENTITY).is_file() {
        true => Ok(()),
        false => Identity::read(folder).map(|_| ()),
    }
}

/// The runs that are to go, with their sizes; trials of sweeps are told.
pub fn listed(folders: &[PathBuf], sizes: &[u64]) -> String {
    let rows = folders.iter().zip(sizes).map(|(folder, size)| {
        let trial = directory::sweep_of(folder);
        let note = trial.map(|sweep| {
            format!(
                "a trial of the sweep {}; `sweep resume` would train it again",
                sweep.display()
            )
        });
        vec![
            Cell::Text(folder.display().to_string()),
            Cell::Text(Status::of(folder).to_string()),
            Cell::Bytes(*size),
            note.map_or(Cell::Empty, Cell::Text),
        ]
    });
    let table = Table {
        columns: vec![
            Column::new("run"),
            Column::new("status"),
            Column::numbers("size"),
            Column::notes("note"),
        ],
        rows: rows.collect(),
    };
    table.render(reading())
}

/// Whether the user wants it: asked on a terminal, unless the command says so already.
pub fn agreed(verb: &str, what: &str, size: u64, yes: bool) -> anyhow::Result<bool> {
    if yes {
        return Ok(true);
    }
    if !io::stdin().is_terminal() {
        let message = format!(
            "nothing was removed: there is no terminal to ask on\nto {verb} {what} ({}), add --yes",
            bytes(size)
        );
        return Err(Usage(message).into());
    }
    let mut stderr = io::stderr();
    let _ = write!(stderr, "{verb} {what} ({})? [y/N] ", bytes(size));
    let _ = stderr.flush();
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer)?;
    let is_yes = ["y", "yes"].contains(&answer.trim().to_lowercase().as_str());
    if !is_yes {
        Output { quiet: false }.note("nothing was removed");
    }
    Ok(is_yes)
}

/// Removes these runs; one that cannot be removed does not keep the others.
pub fn remove_all(folders: &[PathBuf]) -> anyhow::Result<ExitCode> {
    let output = Output { quiet: false };
    let mut first_error = None;
    for folder in folders {
        match remove(folder) {
            Ok(()) => output.note(&format!("removed {}", folder.display())),
            Err(error) => {
                if let Some(before) = first_error.replace(error) {
                    output.note(&format!("not removed: {before}"));
                }
            }
        }
    }
    match first_error {
        Some(error) => Err(error.into()),
        None => Ok(ExitCode::Done),
    }
}
