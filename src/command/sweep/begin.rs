//! `runner sweep run`, `resume` and `extend`: from a sweep file or directory to trials that run.

use std::collections::BTreeSet;
use std::path::Path;

use crate::cli::{self, Launcher};
use crate::config::SweepFile;
use crate::exit::ExitCode;
use crate::files::IoError;
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
use super::planned::{Planned, counts, rungs, trials};
use super::show::statuses;
use super::slurm;
use super::view::View;

pub fn run(args: cli::SweepRun) -> anyhow::Result<ExitCode> {
    let planned = Planned::of(&args.file)?;
    let (file, plan) = (&planned.file, &planned.plan);
    let out = &args.out.out;
    let there = match args.new {
        true => None,
        false => there(out, plan, file)?,
    };
    if args.dry_run {
        return dry_run(plan, there.as_ref(), &args.launch);
    }
    let output = Output {
        quiet: args.launch.quiet,
    };
    let sweep = match there {
        Some(mut sweep) => {
            let _lock = sweep.lock()?;
            output.note(&format!("goes on with {}", shown(&sweep.folder)));
            sweep.check_copies()?;
            sweep.update(file)?;
            sweep
        }
        None => {
            planned.check_data(|_| true, args.launch.launcher)?;
            SweepDir::create(out, plan, file, env!("CARGO_PKG_VERSION"))?
        }
    };
    drop(planned);
    launch(sweep, &args.launch)
}

pub fn resume(args: cli::SweepResume) -> anyhow::Result<ExitCode> {
    launch(resolve(&args.sweep, &args.out.out)?, &args.launch)
}

pub fn extend(args: cli::SweepExtend) -> anyhow::Result<ExitCode> {
    let mut sweep = resolve(&args.sweep, &args.out.out)?;
    check_version(&sweep)?;
    sweep.check_copies()?;
    let planned = Planned::of(&args.file)?;
    check_new(&planned, &sweep, args.launch.launcher)?;
    let new = {
        let _lock = sweep.lock()?;
        sweep.extend(planned.plan, &planned.experiments, &planned.file)?
    };
    let output = Output {
        quiet: args.launch.quiet,
    };
    output.note(&format!("{} new", counted(new, "trial")));
    launch(sweep, &args.launch)
}

/// Checks the data of trials that a sweep does not have yet, from where its trials look for them.
fn check_new(
    planned: &Planned,
    sweep: &SweepDir,
    launcher: Option<Launcher>,
) -> anyhow::Result<()> {
    let known = sweep.record.trials.iter().map(Trial::identity);
    let known: BTreeSet<(&str, u64)> = known.collect();
    let here = std::env::current_dir()?;
    let home = &sweep.record.working_directory;
    std::env::set_current_dir(home).map_err(IoError::at("enter", home))?;
    let checked = planned.check_data(|trial| !known.contains(&trial.identity()), launcher);
    std::env::set_current_dir(&here).map_err(IoError::at("enter", &here))?;
    checked
}

/// How a sweep that is there is like one that is planned.
enum Kinship {
    /// It has the same name and the same trials.
    Same,
    /// It has the same trials under another name.
    Renamed,
    /// It has some of the trials, and no others, or all of them under another search or objective.
    Grown,
}

/// The sweep that a plan goes on with, if there is one; one that is only like it is refused, since trials would be run
/// twice.
fn there(out: &Path, plan: &Plan, file: &SweepFile) -> anyhow::Result<Option<SweepDir>> {
    let mut other = None;
    for sweep in list(out).into_iter().rev() {
        match kinship(&sweep, plan) {
            Some(Kinship::Same) => return Ok(Some(sweep)),
            Some(kinship) if other.is_none() => other = Some((sweep, kinship)),
            _ => {}
        }
    }
    let Some((sweep, kinship)) = other else {
        return Ok(None);
    };
    let (folder, file) = (shown(&sweep.folder), file.path().display());
    let all = plan.wanted() as usize * plan.seeds();
    let advice = match kinship {
        Kinship::Renamed => format!(
            "{folder} has the same trials, under the name `{}` instead of `{}`\n\
             to go on with it: runner sweep resume {folder}",
            sweep.record.name, plan.sweep.name
        ),
        _ => format!(
            "{folder} has {} of these {} already\n\
             to run only what is new: runner sweep extend {folder} {file}",
            sweep.record.trials.len(),
            counted(all, "trial"),
        ),
    };
    Err(Usage(format!("{advice}\nto run all of them again: add --new")).into())
}

fn kinship(sweep: &SweepDir, plan: &Plan) -> Option<Kinship> {
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
    let all: BTreeSet<_> = planned.iter().collect();
    if there.len() < planned.len() && there.iter().all(|it| all.contains(it)) {
        return Some(Kinship::Grown);
    }
    // A search that goes by results has planned more since.
    let goes_by_results = plan.wanted() > plan.points.len() as u64;
    let has_planned = goes_by_results && there.starts_with(&planned);
    if planned != there && !has_planned {
        return None;
    }
    let known = sweep.plan().ok()?.sweep;
    let is_like = known.objective == plan.sweep.objective && known.search == plan.sweep.search;
    match (is_like, sweep.record.name == plan.sweep.name) {
        (true, true) => Some(Kinship::Same),
        (true, false) => Some(Kinship::Renamed),
        (false, true) => Some(Kinship::Grown),
        (false, false) => None,
    }
}

/// What a run would do, of a sweep that is there or is to be made.
fn dry_run(
    planned: &Plan,
    there: Option<&SweepDir>,
    args: &cli::Launch,
) -> anyhow::Result<ExitCode> {
    let overview = there.map(Overview::read).transpose()?;
    let (plan, open) = match &overview {
        Some(overview) => (&overview.plan, overview.decision.open.clone()),
        None => {
            let states = vec![Default::default(); planned.trials.len()];
            (planned, planned.decide(&states).open)
        }
    };
    let mut text = format!("{}\n{}", counts(plan), rungs(plan));
    let later = plan.wanted() - plan.points.len() as u64;
    if later > 0 {
        text += &format!("later   {later} points more, each from the results before it\n");
    }
    if let (Some(sweep), Some(overview)) = (there, &overview) {
        text += &format!("there   {}: {}\n", shown(&sweep.folder), statuses(overview));
    }
    text += match open.is_empty() {
        true => "nothing is to be run",
        false => "nothing was made",
    };
    let launcher = args.launcher.or(there.and_then(begun_on));
    if launcher == Some(Launcher::Slurm) && !open.is_empty() {
        slurm::dry_run(plan, open.len())?;
        note(&text);
        return Ok(ExitCode::Done);
    }
    if !open.is_empty() {
        let open = open.iter().map(|work| work.trial);
        print_result(&trials(plan, open).render(reading()))?;
    }
    print_result(&(text + "\n"))?;
    Ok(ExitCode::Done)
}

/// Where a sweep was begun, if it says so.
fn begun_on(sweep: &SweepDir) -> Option<Launcher> {
    Jobs::of(sweep).exist().then_some(Launcher::Slurm)
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
    sweep.check_copies()?;
    for trial in Overview::read(&sweep)?.lost(&sweep) {
        note(&format!(
            "warning: the run directory of trial {trial} is gone; it is run again"
        ));
    }
    let begun_on = begun_on(&sweep);
    if args.launcher.or(begun_on) == Some(Launcher::Slurm) {
        return slurm::launch(sweep, output);
    }
    if begun_on == Some(Launcher::Slurm) {
        slurm::refuse_alive(&sweep)?;
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
