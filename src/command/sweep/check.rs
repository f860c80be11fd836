//! `runner sweep check`: what a sweep file will do, known before anything is made.

use std::process::{Child, Command, Stdio};

use crate::cli;
use crate::exit::ExitCode;
use crate::memory;
use crate::run_dir::space;
use crate::sweep::brackets::Bracket;
use crate::sweep::overview::columns_of_keys;
use crate::sweep::plan::Plan;
use crate::table::{Cell, Column, Table};

use super::super::output::{note, print_result, reading};
use super::super::units::{bytes, counted, human};
use super::begin::plan;
use super::measure::Measured;

/// Up to this number, each trial has a row.
const MAX_ROWS: usize = 30;

pub fn execute(args: cli::SweepCheck) -> anyhow::Result<ExitCode> {
    let (_, plan) = plan(&args.file)?;
    let mut table = trials(&plan);
    let more = table.rows.len().saturating_sub(MAX_ROWS);
    table.rows.truncate(MAX_ROWS);
    print_result(&table.render(reading()))?;
    if more > 0 {
        print_result(&format!(
            "and {} more: runner sweep run {} --dry-run\n",
            counted(more, "trial"),
            args.file.file.display()
        ))?;
    }
    print_result(&format!("\nsearch  {}\n", counts(&plan)))?;
    print_result(&rungs(&plan))?;
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    let typed = plan.sweep.local.parallel;
    let mut ways = vec![1, typed.unwrap_or(processors).min(plan.trials.len())];
    ways.dedup();
    let mut measured: Vec<(usize, Measured)> = Vec::new();
    for parallel in ways {
        let threads = plan
            .sweep
            .local
            .threads
            .map_or((processors / parallel).max(1), usize::from);
        match measure(&args.file, parallel, threads)? {
            Some(cost) => measured.push((parallel, cost)),
            // Its own message has been printed.
            None => return Ok(ExitCode::Data),
        }
    }
    print_result(&costs(&plan, &measured))?;
    if let Some((_, cost)) = measured.last() {
        let needed = cost.disk_bytes * plan.trials.len() as u64;
        let free = space::available(&args.out.out);
        let free = free.map_or_else(String::new, |free| format!("; {} are free", bytes(free)));
        print_result(&format!("disk    {} at most{free}\n", bytes(needed)))?;
    }
    print_result(&format!("\n{} can run\n", args.file.file.display()))?;
    Ok(ExitCode::Done)
}

/// `halving, 27 points with 3 seeds: 81 trials`
pub fn counts(plan: &Plan) -> String {
    let (points, seeds) = (plan.wanted() as usize, plan.seeds());
    let of_seeds = match seeds {
        1 => String::new(),
        seeds => format!(" with {}", counted(seeds, "seed")),
    };
    let name = plan.sweep.search.name();
    format!(
        "{name}, {}{of_seeds}: {}",
        counted(points, "point"),
        counted(points * seeds, "trial")
    )
}

/// The trials with what is fixed of them.
pub fn trials(plan: &Plan) -> Table {
    let mut columns = vec![Column::new("trial"), Column::new("point")];
    columns.extend(columns_of_keys(plan));
    columns.extend(["seed", "epochs"].map(Column::new));
    let rows = plan.trials.iter().map(|trial| {
        let mut row = vec![
            Cell::Count(trial.number as u64),
            Cell::Count(trial.point as u64),
        ];
        row.extend(
            trial
                .values
                .iter()
                .flatten()
                .map(|value| Cell::Toml(value.clone())),
        );
        row.extend([Cell::Count(trial.seed), Cell::Count(trial.epochs)]);
        row
    });
    Table {
        rows: rows.collect(),
        columns,
    }
}

/// How many points get to which epoch, where not all get to the last.
fn rungs(plan: &Plan) -> String {
    let full = plan.trials.first().map_or(0, |trial| trial.epochs);
    let brackets = plan.brackets();
    let has_rungs = |bracket: &Bracket| bracket.rungs.len() > 1;
    let mut text = String::new();
    for bracket in brackets.iter().filter(|_| brackets.iter().any(has_rungs)) {
        let rungs = bracket.rungs.iter().map(|rung| {
            let epochs = rung.epochs.unwrap_or(full) as usize;
            format!("{} to epoch {epochs}", rung.points)
        });
        text += &format!("rungs   {}\n", rungs.collect::<Vec<_>>().join(", "));
    }
    text
}

/// What a few steps cost where `parallel` processes take them at once; `None` where one of them fails, whose message
/// is printed.
fn measure(
    file: &cli::SweepFile,
    parallel: usize,
    threads: usize,
) -> anyhow::Result<Option<Measured>> {
    let (sweep_file, plan) = plan(file)?;
    let config = sweep_file
        .path()
        .parent()
        .unwrap_or(sweep_file.path())
        .join(&plan.sweep.config);
    let first = plan.points.first();
    let keys = plan.sweep.parameters.iter().flat_map(|it| &it.keys);
    let values = first.into_iter().flatten().flat_map(|value| &value.texts);
    let set = keys
        .zip(values)
        .filter(|(_, value)| !value.contains("unset"));
    let mut command = Command::new(std::env::current_exe()?);
    command.arg("sweep-measure").arg(&config);
    command.args(file.overrides.all());
    command.args(set.map(|(key, value)| format!("{key}={value}")));
    command.args(["--threads", &threads.to_string()]);
    command.stdin(Stdio::null()).stdout(Stdio::piped());
    let children: std::io::Result<Vec<Child>> = (0..parallel).map(|_| command.spawn()).collect();
    let mut slowest: Option<Measured> = None;
    for child in children? {
        let output = child.wait_with_output()?;
        if !output.status.success() {
            return Ok(None);
        }
        let measured: Measured = serde_json::from_slice(&output.stdout)?;
        if slowest.is_none_or(|it| it.epoch_seconds < measured.epoch_seconds) {
            slowest = Some(measured);
        }
    }
    Ok(slowest)
}

/// What the sweep costs for each number of trials at a time, and which is best.
fn costs(plan: &Plan, measured: &[(usize, Measured)]) -> String {
    let seeds = plan.seeds() as u64;
    let full = plan.trials.first().map_or(0, |trial| trial.epochs);
    let brackets = plan.brackets();
    let has_rungs = brackets.iter().any(|bracket| bracket.rungs.len() > 1);
    let epochs: u64 = match has_rungs {
        true => brackets
            .iter()
            .map(|bracket| bracket.cost(full) * seeds)
            .sum(),
        false => plan.trials.iter().map(|trial| trial.epochs).sum(),
    };
    let starts: u64 = match has_rungs {
        true => brackets
            .iter()
            .flat_map(|it| &it.rungs)
            .map(|rung| rung.points * seeds)
            .sum(),
        false => plan.trials.len() as u64,
    };
    let seconds = |(parallel, cost): &(usize, Measured)| {
        (epochs as f64 * cost.epoch_seconds + starts as f64 * cost.data_seconds) / *parallel as f64
    };
    let mut text = format!("epochs  {epochs} in all\n");
    for way in measured {
        text += &format!(
            "time    about {}, {} at a time, {:.2} s an epoch, as measured just now\n",
            human(seconds(way)),
            counted(way.0, "trial"),
            way.1.epoch_seconds
        );
    }
    let best = measured
        .iter()
        .min_by(|a, b| seconds(a).total_cmp(&seconds(b)));
    if let Some((parallel, cost)) = best {
        if measured.len() > 1 {
            text += &format!("best    --parallel {parallel}\n");
        }
        if let Some(peak) = cost.peak_memory_bytes {
            let all = peak * *parallel as u64;
            text += &format!(
                "memory  about {} for {} at a time\n",
                bytes(all),
                counted(*parallel, "trial")
            );
            if memory::available().is_some_and(|it| it.bytes < all) {
                note("warning: they do not fit into memory at once; as many run as fit");
            }
        }
    }
    text
}
