//! `runner sweep check`: what a sweep file will do, known before anything is made.

use std::process::{Child, Command, Stdio};

use crate::cli;
use crate::exit::ExitCode;
use crate::memory;
use crate::run_dir::space;
use crate::sweep::plan::Plan;

use super::super::output::{note, print_result, reading};
use super::super::units::{bytes, counted, human};
use super::measure::Measured;
use super::planned::{Planned, counts, rungs, trials};

/// Up to this number, each trial has a row.
const MAX_ROWS: usize = 30;

pub fn execute(args: cli::SweepCheck) -> anyhow::Result<ExitCode> {
    let planned = Planned::of(&args.file)?;
    // All errors come before the first table.
    planned.check_data(|_| true, None)?;
    let plan = planned.plan;
    let all = plan.trials.len();
    let more = all.saturating_sub(MAX_ROWS);
    print_result(&trials(&plan, 0..all - more).render(reading()))?;
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
            Ok(cost) => measured.push((parallel, cost)),
            // Its own message has been printed.
            Err(code) => return Ok(code),
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

/// What a few steps cost where `parallel` processes take them at once, or the exit code of one that failed, whose
/// message is printed.
fn measure(
    file: &cli::SweepFile,
    parallel: usize,
    threads: usize,
) -> anyhow::Result<Result<Measured, ExitCode>> {
    let mut command = Command::new(std::env::current_exe()?);
    command.arg("sweep-measure").arg(&file.file);
    command.args(file.overrides.all());
    command.args(["--threads", &threads.to_string()]);
    command.stdin(Stdio::null()).stdout(Stdio::piped());
    let children: std::io::Result<Vec<Child>> = (0..parallel).map(|_| command.spawn()).collect();
    let mut all = Vec::new();
    for child in children? {
        let output = child.wait_with_output()?;
        if !output.status.success() {
            let code = output.status.code().and_then(ExitCode::from_number);
            return Ok(Err(code.unwrap_or(ExitCode::Failed)));
        }
        all.push(serde_json::from_slice::<Measured>(&output.stdout)?);
    }
    let slowest = all
        .into_iter()
        .max_by(|a, b| a.epoch_seconds.total_cmp(&b.epoch_seconds));
    Ok(slowest.ok_or(ExitCode::Failed))
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
            text += &format!(
                "fastest {} at a time: --parallel {parallel}\n",
                counted(*parallel, "trial")
            );
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
