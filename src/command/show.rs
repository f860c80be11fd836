//! `runner show`: one run: how it ended, what it came to, its epochs; on request every value of its config.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;

use crate::cli;
use crate::config::SourceKind;
use crate::exit::ExitCode;
use crate::metrics::{COLUMNS, EpochColumn, ValueType};
use crate::run_dir::{Event, MetricsTable, Run, Status, Tags, Timing, layout, resolve};
use crate::table::{Cell, Column, Table};

use super::output::{print_result, reading};
use super::units::{counted, human, thousands};

pub fn execute(args: cli::Show) -> anyhow::Result<ExitCode> {
    let folder = resolve(&args.run, &args.out.out)?;
    let run = Run::open(&folder)?;
    let metrics = run.metrics()?;
    let mut text = header(&run, &metrics)?;
    if !metrics.is_empty() {
        write!(text, "\nEpochs\n\n{}", epochs(&metrics).render(reading()))?;
    }
    for (name, what) in [
        (layout::REPORT, "Classification report"),
        (
            layout::TEST_REPORT,
            "Classification report of the test images",
        ),
    ] {
        let report = std::fs::read_to_string(folder.join(name));
        if let (Ok(report), Status::Finished) = (report, run.status) {
            write!(text, "\n{what}\n\n{report}")?;
        }
    }
    match args.config {
        true => {
            let config = run.experiment.to_toml();
            write!(
                text,
                "\nConfig ({}, changes applied)\n\n{config}",
                layout::RESOLVED
            )?;
        }
        false => {
            let config = typed(&folder);
            write!(
                text,
                "\nConfig as typed (--config shows every value)\n\n{config}"
            )?;
            text.push_str(&overrides(&run));
        }
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

/// What the run is and how it ended.
fn header(run: &Run, metrics: &MetricsTable) -> anyhow::Result<String> {
    let identity = &run.identity;
    let mut lines = vec![
        ("run", identity.run_id.clone()),
        ("folder", run.folder.display().to_string()),
    ];
    lines.push((
        "status",
        match run.note()? {
            Some(note) => format!("{} ({note})", run.status),
            None => run.status.to_string(),
        },
    ));
    let Tags { tags, note } = Tags::read(&run.folder)?;
    if !tags.is_empty() {
        lines.push(("tags", tags.into_iter().collect::<Vec<_>>().join(" ")));
    }
    lines.extend(note.map(|note| ("note", note)));
    lines.push(("epochs", progress(run, metrics)));
    if let Some(best) = best(run, metrics) {
        lines.push(("best", best));
    }
    if let Some(test) = run.test_scores() {
        let text = format!(
            "accuracy {:.4}, F1 {:.4} ({:.4}/{:.4})",
            test.accuracy, test.f1, test.precision, test.recall
        );
        lines.push(("test", text));
    }
    lines.push(("created", identity.created_at.clone()));
    let timings = run.timings();
    if let Some(last) = timings.last() {
        let seconds: f64 = timings.iter().map(Timing::seconds).sum();
        let text = format!(
            "{} for {}, the last of them done {}",
            human(seconds),
            counted(timings.len(), "epoch"),
            last.finished_at
        );
        lines.push(("took", text));
    }
    for event in run.events()? {
        lines.extend(tell(&event).map(|line| ("history", line)));
    }
    lines.push(("command", identity.command_line.join(" ")));
    lines.push((
        "program",
        format!(
            "runner {}, Burn {}, backend {}",
            identity.program_version, identity.burn_version, identity.backend
        ),
    ));
    lines.push(("parameters", thousands(identity.parameters as f64)));
    if let Some(weights) = &identity.weights {
        let sha256 = weights.sha256.get(..12).unwrap_or(&weights.sha256);
        lines.push((
            "weights",
            format!("{} (sha256 {sha256}...), as far as they fit", weights.path),
        ));
    }
    for file in &identity.data_files {
        let sha256 = file.sha256.get(..12).unwrap_or(&file.sha256);
        lines.push(("data", format!("{} (sha256 {sha256}...)", file.path)));
    }
    let lines = lines
        .iter()
        .map(|(what, text)| format!("{what:<12}{text}\n"));
    Ok(lines.collect())
}

/// How far the run came.
fn progress(run: &Run, metrics: &MetricsTable) -> String {
    let (done, planned) = (metrics.len() as u64, run.experiment.training.epochs);
    let text = format!("{done} of {planned}");
    match (&run.experiment.early_stop, run.status) {
        (Some(rule), Status::Finished) if done < planned => format!(
            "{text}, stopped early: {} did not improve for {}",
            rule.monitor,
            counted(rule.patience, "epoch")
        ),
        _ => text,
    }
}

/// The best epoch, by what the run's checkpoints are ranked by.
fn best(run: &Run, metrics: &MetricsTable) -> Option<String> {
    let monitor = &run.experiment.checkpoint.monitor;
    let row = metrics.best(monitor)?;
    let value = metrics.get(row, monitor)?;
    let epoch = metrics.get(row, "epoch")?;
    Some(format!("epoch {epoch} with {monitor} {value:.4}"))
}

/// The config as the user typed it, without its comments and empty lines.
fn typed(folder: &Path) -> String {
    let text = std::fs::read_to_string(folder.join(layout::CONFIG)).unwrap_or_default();
    let lines = text.lines().filter(|line| {
        let line = line.trim_start();
        !line.is_empty() && !line.starts_with('#')
    });
    lines.map(|line| format!("{line}\n")).collect()
}

/// What overrode the file that was typed: the environment, then the command line.
fn overrides(run: &Run) -> String {
    let mut text = String::new();
    for kind in [SourceKind::Environment, SourceKind::CommandLine] {
        let sources = run.identity.config_sources.iter();
        let mut sources = sources.filter(|source| source.kind == kind).peekable();
        if let Some(first) = sources.peek() {
            let _ = write!(text, "\nOverrides from the {}\n\n", first.name);
        }
        for source in sources {
            let _ = writeln!(text, "{}", source.text);
        }
    }
    text
}

/// What a reader wants to know of an event; the obvious is left out.
fn tell(event: &Event) -> Option<String> {
    Some(match event {
        Event::Created | Event::Finished { .. } => return None,
        Event::Resumed { step, changes, .. } => {
            format!("resumed after step {step}{}", with(changes))
        }
        Event::Forked {
            parent,
            checkpoint,
            fresh_optimizer,
            changes,
        } => {
            let mut text = format!("began with {checkpoint} of {parent}");
            if *fresh_optimizer {
                text.push_str(", without the state of its optimizer");
            }
            text + &with(changes)
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
        Event::Pruned { checkpoints } => format!("pruned: {}", checkpoints.join(" ")),
        Event::OutOfMemory { bytes } => {
            format!("out of memory: {bytes} bytes more could not be had")
        }
        Event::Failed { step, reason, .. } => {
            format!(
                "failed after step {step}: {}",
                reason.lines().next().unwrap_or_default()
            )
        }
    })
}

/// ` with key=value ...`; nothing where nothing changes.
fn with(changes: &BTreeMap<String, String>) -> String {
    let changes = changes.iter().map(|(key, value)| format!("{key}={value}"));
    match changes.collect::<Vec<_>>().join(" ") {
        changes if changes.is_empty() => changes,
        changes => format!(" with {changes}"),
    }
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
