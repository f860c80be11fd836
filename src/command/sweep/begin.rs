//! `runner sweep run`, `resume` and `extend`: from a sweep file or directory to trials that run.

use std::collections::BTreeSet;

use crate::cli::{self, Launcher};
use crate::exit::ExitCode;
use crate::memory;
use crate::sweep::directory::{Error, SweepDir};
use crate::sweep::local::{self, Local};
use crate::sweep::overview::Overview;
use crate::sweep::plan::{Plan, Trial};
use crate::sweep::resolve::{list, resolve};
use crate::sweep::slurm::jobs::Jobs;
use crate::train::Interrupt;

use super::super::exit::Usage;
use super::super::output::{Output, note, print_result, reading, shown};
use super::super::units::counted;
use super::planned::{counts, plan, trials};
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
        Some(Kinship::Same(mut sweep)) => {
            let _lock = sweep.lock()?;
            sweep.update(&file)?;
            sweep
        }
        Some(Kinship::Grown(sweep)) => {
            let folder = shown(&sweep.folder);
            return Err(Usage(format!(
                "{folder} has {} of these {} already\n\
                 to run only what is new: runner sweep extend {folder} {}\n\
                 to run all of them again: add --new",
                sweep.record.trials.len(),
                counted(plan.wanted() as usize * plan.seeds(), "trial"),
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
        sweep.extend(plan, &file)?
    };
    let output = Output {
        quiet: args.launch.quiet,
    };
    output.note(&format!("{} new", counted(new, "trial")));
    launch(sweep, &args.launch)
}

/// How a sweep that is there is like one that is planned.
enum Kinship {
    /// It has the same trials.
    Same(SweepDir),
    /// It has some of the trials, and no others, or all of them under another search or objective.
    Grown(SweepDir),
}

fn kinship(sweep: SweepDir, plan: &Plan) -> Option<Kinship> {
    if sweep.record.program_version != env!("CARGO_PKG_VERSION") {
        return None;
    }
    let identities = |trials: &[Trial]| -> Vec<(String, u64)> {
        let identities = trials.iter().map(Trial::identity);
        identities
            .map(|(digest, epochs)| (digest.to_owned(), epochs))
            .collect()
    };
    let (planned, there) = (identities(&plan.trials), identities(&sweep.record.trials));
    // A search that goes by results has planned more since.
    let goes_by_results = plan.wanted() > plan.points.len() as u64;
    let has_planned = goes_by_results && there.starts_with(&planned);
    let is_same = planned == there || has_planned;
    let known = sweep.plan().ok()?;
    let is_like =
        known.sweep.objective == plan.sweep.objective && known.sweep.search == plan.sweep.search;
    if is_same && is_like {
        return Some(Kinship::Same(sweep));
    }
    let all: BTreeSet<_> = planned.iter().collect();
    let is_part = there.len() < planned.len() && there.iter().all(|it| all.contains(it));
    let is_grown = is_part || is_same && sweep.record.name == plan.sweep.name;
    is_grown.then_some(Kinship::Grown(sweep))
}

fn dry_run(plan: &Plan, args: &cli::Launch) -> anyhow::Result<ExitCode> {
    if args.launcher == Some(Launcher::Slurm) {
        return slurm::dry_run(plan);
    }
    print_result(&trials(plan).render(reading()))?;
    print_result(&format!("{}; nothing was made\n", counts(plan)))?;
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
    if Overview::read(&sweep)?.is_done() {
        output.note("nothing to do: every trial has ended, and would end so again");
    }
    let local = local(&plan, args)?;
    output.only_when_quiet(&sweep.folder.display().to_string());
    output.note(&format!("sweep: {}", sweep.folder.display()));
    output.note(&format!(
        "{}, {} at a time on {} each",
        counts(&plan),
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
