//! `runner sweep run`, `resume` and `extend`: from a sweep file or directory to trials that run.

use std::path::Path;

use crate::cli::{self, Launcher};
use crate::config::SweepFile;
use crate::exit::ExitCode;
use crate::memory;
use crate::sweep::directory::{Error, SweepDir};
use crate::sweep::local::{self, Local};
use crate::sweep::overview::Overview;
use crate::sweep::plan::Plan;
use crate::sweep::resolve::{list, resolve};
use crate::sweep::slurm::jobs::Jobs;
use crate::table::Cell;
use crate::train::Interrupt;

use super::super::exit::Usage;
use super::super::output::{Output, note, print_result, reading};
use super::super::units::counted;
use super::slurm;
use super::view::View;

pub fn run(args: cli::SweepRun) -> anyhow::Result<ExitCode> {
    let (file, plan) = plan(&args.file)?;
    if args.dry_run {
        return dry_run(&plan, &args.launch);
    }
    let out = &args.out.out;
    let known = list(out).into_iter().rev();
    let mut known = known.filter(|_| !args.new);
    let sweep = match known.find_map(|sweep| kinship(sweep, &plan)) {
        Some(Kinship::Same(sweep)) => sweep,
        Some(Kinship::Grown(sweep, count)) => {
            let folder = sweep.folder.display();
            return Err(Usage(format!(
                "{folder} has {count} of these {} already\n\
                 to run only what is new: runner sweep extend {folder} {}\n\
                 to run all of them again: add --new",
                counted(plan.trials.len(), "trial"),
                args.file.file.display()
            ))
            .into());
        }
        None => SweepDir::create(out, &plan, &file, env!("CARGO_PKG_VERSION"))?,
    };
    launch(sweep, &args.launch)
}

pub fn resume(args: cli::SweepResume) -> anyhow::Result<ExitCode> {
    launch(resolve(&args.sweep, &args.out.out)?, &args.launch)
}

pub fn extend(args: cli::SweepExtend) -> anyhow::Result<ExitCode> {
    let mut sweep = resolve(&args.sweep, &args.out.out)?;
    check_version(&sweep)?;
    let (file, plan) = plan(&args.file)?;
    let new = {
        let _lock = sweep.lock()?;
        sweep.extend(&plan, &file)?
    };
    let output = Output {
        quiet: args.launch.quiet,
    };
    output.note(&format!("{} new", counted(new, "trial")));
    launch(sweep, &args.launch)
}

/// The plan of a sweep file, every trial of it checked.
pub fn plan(typed: &cli::SweepFile) -> anyhow::Result<(SweepFile, Plan)> {
    let file = SweepFile::read(&typed.file)?;
    let plan = Plan::new(&file, |document| {
        document.set_environment(std::env::vars_os());
        document.set_all(typed.overrides.all());
    })?;
    Ok((file, plan))
}

/// How a sweep that is there is like one that is planned.
enum Kinship {
    /// It has the same trials.
    Same(SweepDir),
    /// It has some of the trials, and no others; so many.
    Grown(SweepDir, usize),
}

fn kinship(sweep: SweepDir, plan: &Plan) -> Option<Kinship> {
    if sweep.record.program_version != env!("CARGO_PKG_VERSION") {
        return None;
    }
    let planned: Vec<&str> = plan
        .trials
        .iter()
        .map(|it| it.config_digest.as_str())
        .collect();
    let there: Vec<&str> = sweep
        .record
        .trials
        .iter()
        .map(|it| it.config_digest.as_str())
        .collect();
    // A search that goes by results has planned more since.
    let is_same = match plan.wanted() == plan.points.len() as u64 {
        true => planned == there,
        false => there.starts_with(&planned),
    };
    let is_like = sweep.plan().is_ok_and(|known| {
        known.sweep.objective == plan.sweep.objective && known.sweep.search == plan.sweep.search
    });
    if is_same && is_like {
        return Some(Kinship::Same(sweep));
    }
    let planned: std::collections::BTreeSet<&str> = planned.into_iter().collect();
    let count = there.len();
    let is_part = count > 0 && count < planned.len() && there.iter().all(|it| planned.contains(it));
    is_part.then_some(Kinship::Grown(sweep, count))
}

fn dry_run(plan: &Plan, args: &cli::Launch) -> anyhow::Result<ExitCode> {
    if args.launcher == Some(Launcher::Slurm) {
        return slurm::dry_run(plan);
    }
    print_result(&super::check::trials(plan).render(reading()))?;
    print_result(&format!(
        "{}; nothing was made\n",
        super::check::counts(plan)
    ))?;
    Ok(ExitCode::Done)
}

/// Trials are of the program that planned them.
fn check_version(sweep: &SweepDir) -> Result<(), Error> {
    let (theirs, ours) = (&sweep.record.program_version, env!("CARGO_PKG_VERSION"));
    if theirs == ours {
        return Ok(());
    }
    Err(Error::Other {
        path: sweep.folder.clone(),
        why: format!(
            "its trials are of version {theirs} of this program, and this is {ours}\n\
             use version {theirs}, or begin the sweep anew: runner sweep run FILE"
        ),
    })
}

fn launch(mut sweep: SweepDir, args: &cli::Launch) -> anyhow::Result<ExitCode> {
    let output = Output { quiet: args.quiet };
    check_version(&sweep)?;
    for trial in Overview::read(&sweep)?.lost(&sweep) {
        note(&format!(
            "warning: the run directory of trial {trial} is gone; it is run again"
        ));
    }
    let begun_there = Jobs::of(&sweep).exist().then_some(Launcher::Slurm);
    if args.launcher.or(begun_there) == Some(Launcher::Slurm) {
        return slurm::launch(sweep, output);
    }
    let interrupt = Interrupt::install()?;
    let _lock = sweep.lock()?;
    let plan = sweep.plan()?;
    let local = local(&plan, args)?;
    output.only_when_quiet(&sweep.folder.display().to_string());
    output.note(&format!("sweep: {}", sweep.folder.display()));
    output.note(&format!(
        "{}, {} at a time on {} each",
        super::check::counts(&plan),
        local.parallel,
        counted(local.threads, "thread")
    ));
    let mut view = View::new(output, &sweep);
    let outcome = local::run(
        &mut sweep,
        &local,
        &|| interrupt.poll().is_some(),
        &mut view,
    )?;
    view.end();
    let overview = Overview::read(&sweep)?;
    super::show::conclude(&sweep, &overview, output);
    if let Some(stop) = interrupt.poll().filter(|_| outcome.is_stopped) {
        output.note(&format!(
            "stopped by {}; checkpoints are written\nto continue: runner sweep resume {}",
            stop.name(),
            shown(&sweep.folder)
        ));
        return Ok(stop.exit_code());
    }
    Ok(super::show::failures(&sweep, &overview, &outcome.failures))
}

/// How the trials of a plan run on this machine.
pub fn local(plan: &Plan, args: &cli::Launch) -> std::io::Result<Local> {
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    let parallel = args.parallel.map(usize::from);
    let parallel = parallel.or(plan.sweep.local.parallel).unwrap_or(processors);
    let threads = args
        .threads
        .threads
        .or(plan.sweep.local.threads)
        .map(usize::from);
    let at_once = parallel.min(plan.trials.len().max(1));
    Ok(Local {
        program: std::env::current_exe()?,
        parallel,
        threads: threads.unwrap_or((processors / at_once).max(1)),
        memory: memory::available().map(|available| available.bytes),
    })
}

/// A folder as one types it: relative to the current one, if it is below that.
pub fn shown(folder: &Path) -> String {
    let here = std::env::current_dir().unwrap_or_default();
    folder
        .strip_prefix(&here)
        .unwrap_or(folder)
        .display()
        .to_string()
}

/// An empty cell, or a count.
pub fn count(number: usize) -> Cell {
    match number {
        0 => Cell::Empty,
        number => Cell::Count(number as u64),
    }
}
