//! `runner show`: one run in full.

use std::fmt::Write;

use crate::cli;
use crate::exit::ExitCode;
use crate::metrics::{COLUMNS, EpochColumn, ValueType};
use crate::run_dir::{Event, MetricsTable, Run, Status, layout, resolve};
use crate::table::{Cell, Column, Style, Table};

use super::output::print_result;

pub fn execute(args: cli::Show) -> anyhow::Result<ExitCode> {
    let folder = resolve(&args.run, &args.out.out)?;
    let run = Run::open(&folder)?;
    let metrics = run.metrics()?;
    let mut text = header(&run)?;
    writeln!(text, "\nConfig ({}, changes applied)\n", layout::RESOLVED)?;
    text.push_str(&run.experiment.to_toml());
    writeln!(text, "\nEpochs\n")?;
    text.push_str(&epochs(&metrics).render(Style::Reading { width: None }));
    let report = std::fs::read_to_string(folder.join(layout::REPORT));
    if let (Ok(report), Status::Finished) = (report, run.status) {
        write!(text, "\nClassification report\n\n{report}")?;
    }
    if matches!(run.status, Status::Interrupted | Status::Failed) {
        writeln!(text, "\n{}", advice(&run)?)?;
    }
    print_result(&text)?;
    Ok(ExitCode::Done)
}

/// What to do with a run that is not finished.
fn advice(run: &Run) -> anyhow::Result<String> {
    let events = run.events()?;
    Ok(match events.last().and_then(Event::lasting_failure) {
        Some(reason) => reason.to_owned(),
        None => format!("to continue: runner resume {}", run.folder.display()),
    })
}

fn header(run: &Run) -> anyhow::Result<String> {
    let identity = &run.identity;
    let mut text = String::new();
    writeln!(text, "run         {}", identity.run_id)?;
    writeln!(text, "folder      {}", run.folder.display())?;
    writeln!(text, "status      {}", run.status)?;
    writeln!(text, "created     {}", identity.created_at)?;
    writeln!(text, "command     {}", identity.command_line.join(" "))?;
    writeln!(
        text,
        "program     runner {}, Burn {}, backend {}",
        identity.program_version, identity.burn_version, identity.backend
    )?;
    writeln!(text, "parameters  {}", identity.parameters)?;
    for file in &identity.data_files {
        writeln!(
            text,
            "data        {} (sha256 {}...)",
            file.path,
            file.sha256.get(..12).unwrap_or(&file.sha256)
        )?;
    }
    if let Some(test) = run.test() {
        writeln!(text, "test        {test}")?;
    }
    for event in run.events()? {
        if let Some(line) = tell(&event) {
            writeln!(text, "history     {line}")?;
        }
    }
    Ok(text)
}

/// What a reader wants to know of an event; the obvious is left out.
fn tell(event: &Event) -> Option<String> {
    Some(match event {
        Event::Created | Event::Finished { .. } => return None,
        Event::Resumed { step, changes, .. } if changes.is_empty() => {
            format!("resumed after step {step}")
        }
        Event::Resumed { step, changes, .. } => {
            let changes: Vec<String> = changes
                .iter()
                .map(|(key, value)| format!("{key}={value}"))
                .collect();
            format!("resumed after step {step} with {}", changes.join(" "))
        }
        Event::FellBack { damaged, reason } => format!("set {damaged} aside: {reason}"),
        Event::MetricsRestored { rows } => {
            format!(
                "{} restored to {rows} rows from the checkpoint",
                layout::METRICS
            )
        }
        Event::VersionChanged { from, to } => {
            format!("no longer reproducible: continued with version {to} after {from}")
        }
        Event::Stopped { step, reason } => format!("stopped by {reason} after step {step}"),
        Event::Failed { step, reason } => {
            format!(
                "failed after step {step}: {}",
                reason.lines().next().unwrap_or_default()
            )
        }
    })
}

fn epochs(metrics: &MetricsTable) -> Table {
    let shown: Vec<&EpochColumn> = COLUMNS.iter().filter(|column| column.is_shown).collect();
    let rows = (0..metrics.len()).map(|row| {
        let cells = shown.iter().map(|column| {
            let value = metrics.get(row, column.name);
            match (column.value_type(), value) {
                (ValueType::Count, Some(count)) => Cell::Count(count as u64),
                _ => value.into(),
            }
        });
        cells.collect()
    });
    Table {
        rows: rows.collect(),
        columns: shown
            .iter()
            .map(|column| Column::headed(column.name, &column.name.replace('_', "\n")))
            .collect(),
    }
}
