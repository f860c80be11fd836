//! `runner sweep status`, `show`, `best` and `list`, and what is said at the end of a session.

use std::collections::BTreeMap;
use std::path::Path;

use crate::cli;
use crate::exit::ExitCode;
use crate::sweep::directory::{Error, SweepDir};
use crate::sweep::local::Failure;
use crate::sweep::overview::{Overview, TrialStatus};
use crate::sweep::resolve;
use crate::sweep::slurm::jobs::Jobs;
use crate::sweep::slurm::setback::of_collecting;
use crate::sweep::slurm::submit;
use crate::sweep::state::Progress;
use crate::table::{Cell, Column, Style, Table};

use super::super::exit::Usage;
use super::super::output::{Output, note, print_result, reading, shown, style};
use super::super::units::counted;
use super::planned::counts;
use super::queue::{queue, words};
use super::view;

/// Points that are shown at the end of a session.
const SHOWN: usize = 10;

/// Statuses in the order in which they are counted.
const STATUSES: [TrialStatus; 7] = [
    TrialStatus::Finished,
    TrialStatus::Pruned,
    TrialStatus::Failed,
    TrialStatus::Running,
    TrialStatus::Paused,
    TrialStatus::Interrupted,
    TrialStatus::Waiting,
];

pub fn status(args: cli::SweepStatus) -> anyhow::Result<ExitCode> {
    let sweep = resolve::resolve(&args.sweep, &args.out.out)?;
    let overview = Overview::read(&sweep)?;
    warn_of_edits(&sweep);
    let mut lines = vec![format!("sweep   {}", shown(&sweep.folder))];
    lines.push(format!("search  {}", counts(&overview.plan)));
    lines.push(format!("trials  {}", statuses(&overview)));
    let (done, all) = overview.epochs();
    lines.push(format!("epochs  {done} of {all}"));
    lines.push(format!(
        "best    {}",
        view::best(&overview).unwrap_or_else(|| "none yet".to_owned())
    ));
    let on_cluster = Jobs::of(&sweep).exist();
    let queue = if on_cluster {
        queue(&sweep)
    } else {
        Ok(Vec::new())
    };
    match &queue {
        Ok(queue) if !queue.is_empty() => {
            lines.push(format!("jobs    {}", queue.join("\n        ")))
        }
        Ok(_) => {}
        // What the files say stands without the cluster.
        Err(error) => note(&format!("warning: {error}")),
    }
    if let Some(reason) = of_collecting(&sweep).filter(|_| on_cluster) {
        lines.push(format!(
            "next    the job that hands in what comes next: {reason}"
        ));
    }
    lines.push(state(&sweep, &overview, queue));
    print_result(&(lines.join("\n") + "\n"))?;
    let running = overview.trials_with(TrialStatus::Running);
    for trial in running {
        let (state, of) = (&overview.states[trial], &overview.plan.trials[trial]);
        print_result(&format!(
            "  trial {:<4} epoch {} of {}  {}\n",
            of.number,
            state.epochs(),
            of.epochs,
            view::values(&overview, trial)
        ))?;
    }
    for line in by_reason(&failed(&overview)) {
        print_result(&format!("failed  {line}\n"))?;
    }
    let ended = if on_cluster {
        submit::ended(&sweep)
    } else {
        BTreeMap::new()
    };
    for trial in overview.trials_with(TrialStatus::Interrupted) {
        let number = overview.plan.trials[trial].number;
        if let Some(state) = ended.get(&number) {
            print_result(&format!("  trial {number:<4} its job ended: {state}\n"))?;
        }
    }
    Ok(ExitCode::Done)
}

/// Who runs the sweep, or what to do that somebody does.
fn state(sweep: &SweepDir, overview: &Overview, queue: Result<Vec<String>, Error>) -> String {
    if let Some(holder) = sweep.holder() {
        return format!(
            "run by  process {} on {} since {}",
            holder.pid, holder.host, holder.since
        );
    }
    if overview.is_done() {
        return "state   done".to_owned();
    }
    match queue {
        Ok(queue) if !queue.is_empty() => "run by  the cluster".to_owned(),
        Ok(_) => format!(
            "state   not running; to continue: runner sweep resume {}",
            shown(&sweep.folder)
        ),
        Err(_) => {
            "state   submitted; the cluster does not say which of its jobs are alive".to_owned()
        }
    }
}

/// Says which copies in a sweep directory were changed.
fn warn_of_edits(sweep: &SweepDir) {
    for path in sweep.edited() {
        note(&format!(
            "warning: {} was changed since the sweep was planned, which has no effect; delete it, and `sweep resume` \
             writes it anew",
            shown(&path)
        ));
    }
}

pub fn show(args: cli::SweepShow) -> anyhow::Result<ExitCode> {
    let sweep = resolve::resolve(&args.sweep, &args.out.out)?;
    let overview = Overview::read(&sweep)?;
    warn_of_edits(&sweep);
    let table = match args.trials {
        true => overview.trials(&sweep),
        false => overview.points(),
    };
    print_result(&table.render(style(&args.format)))?;
    for line in by_reason(&failed(&overview)) {
        note(&format!("failed: {line}"));
    }
    Ok(ExitCode::Done)
}

pub fn best(args: cli::SweepBest) -> anyhow::Result<ExitCode> {
    let sweep = resolve::resolve(&args.sweep, &args.out.out)?;
    let overview = Overview::read(&sweep)?;
    let Some(point) = overview.plan.ranking(&overview.decision).first().copied() else {
        let folder = shown(&sweep.folder);
        let message = format!(
            "{folder}: no trial has a score yet\nlook at it with: runner sweep status {folder}"
        );
        return Err(Usage(message).into());
    };
    let trials: Vec<usize> = overview.plan.trials_of(point).collect();
    let folder = |trial: usize| shown(&sweep.run_folder(overview.plan.trials[trial].number));
    if args.quiet {
        print_result(&format!("{}\n", folder(overview.best_of(&trials))))?;
        return Ok(ExitCode::Done);
    }
    let mut text = view::best(&overview).unwrap_or_default() + "\n";
    for (key, value) in overview.values(point) {
        text += &format!("  {key} = {value}\n");
    }
    for trial in &trials {
        text += &format!("run: {}\n", folder(*trial));
    }
    if !overview.is_done() {
        text += "the sweep is not done: another point may become the best\n";
    }
    print_result(&text)?;
    Ok(ExitCode::Done)
}

pub fn list(args: cli::SweepList) -> anyhow::Result<ExitCode> {
    let columns = ["sweep", "search", "trials", "finished", "pruned", "failed"].map(Column::new);
    let mut table = Table {
        columns: columns
            .into_iter()
            .chain([Column::notes("best"), Column::new("status")])
            .collect(),
        rows: Vec::new(),
    };
    for (sweep, overview, status) in looked_at(&args.out.out) {
        table.rows.push(vec![
            Cell::Text(sweep.record.sweep_id.clone()),
            Cell::Text(overview.plan.sweep.search.name().to_owned()),
            Cell::Count(overview.plan.trials.len() as u64),
            count(overview.count(TrialStatus::Finished)),
            count(overview.count(TrialStatus::Pruned)),
            count(overview.count(TrialStatus::Failed)),
            view::best(&overview).map_or(Cell::Empty, Cell::Text),
            Cell::Text(status.to_owned()),
        ]);
    }
    let style = style(&args.format);
    if table.rows.is_empty() && matches!(style, Style::Reading { .. }) {
        note(&format!(
            "no sweeps in {}; start one: runner sweep new sweep.toml",
            args.out.out.display()
        ));
        return Ok(ExitCode::Done);
    }
    print_result(&table.render(style))?;
    Ok(ExitCode::Done)
}

/// All sweeps in a folder that can be read, and what each does, in a word.
fn looked_at(out: &Path) -> Vec<(SweepDir, Overview, &'static str)> {
    let mut sweeps = Vec::new();
    for sweep in resolve::list(out) {
        match Overview::read(&sweep) {
            Ok(overview) => {
                let status = match (sweep.holder(), overview.is_done()) {
                    (Some(_), _) => "running",
                    (None, true) => "done",
                    (None, false) => "interrupted",
                };
                sweeps.push((sweep, overview, status));
            }
            // One damaged sweep must not hide the others.
            Err(error) => note(&format!("skipped: {error}")),
        }
    }
    let is_of_cluster =
        |sweep: &SweepDir, status: &str| status == "interrupted" && Jobs::of(sweep).exist();
    let on_cluster = sweeps.iter().filter(|it| is_of_cluster(&it.0, it.2));
    let on_cluster: Vec<&SweepDir> = on_cluster.map(|it| &it.0).collect();
    let mut words = words(&on_cluster).into_iter();
    for (sweep, _, status) in &mut sweeps {
        if is_of_cluster(sweep, status) {
            *status = words.next().unwrap_or(status);
        }
    }
    sweeps
}

/// An empty cell, or a count.
fn count(number: usize) -> Cell {
    match number {
        0 => Cell::Empty,
        number => Cell::Count(number as u64),
    }
}

/// `8 finished, 1 failed`
pub fn statuses(overview: &Overview) -> String {
    let counts = STATUSES.map(|status| (overview.count(status), status));
    let some = counts.iter().filter(|(count, _)| *count > 0);
    let words: Vec<String> = some
        .map(|(count, status)| format!("{count} {status}"))
        .collect();
    words.join(", ")
}

/// What a session came to: the best points, and what to do next.
pub fn conclude(sweep: &SweepDir, overview: &Overview, output: Output) {
    let mut points = overview.points();
    let more = points.rows.len().saturating_sub(SHOWN);
    points.rows.truncate(SHOWN);
    output.result(&format!("\n{}", points.render(reading()).trim_end()));
    if more > 0 {
        output.result(&format!(
            "and {} more: runner sweep show {}",
            counted(more, "point"),
            shown(&sweep.folder)
        ));
    }
    output.result(&format!("\nTrials: {}", statuses(overview)));
    output.result(&format!("Sweep:  {}", shown(&sweep.folder)));
    if let Some(best) = overview.plan.ranking(&overview.decision).first() {
        let trials: Vec<usize> = overview.plan.trials_of(*best).collect();
        let number = overview.plan.trials[overview.best_of(&trials)].number;
        output.result(&format!(
            "Next:   runner show {}",
            shown(&sweep.run_folder(number))
        ));
    }
}

/// The numbers of trials that have failed, with why.
fn failed(overview: &Overview) -> Vec<(usize, &str)> {
    let trials = overview.trials_with(TrialStatus::Failed).into_iter();
    let trials = trials.filter_map(|trial| match &overview.states[trial].progress {
        Progress::Failed { reason, .. } => {
            Some((overview.plan.trials[trial].number, reason.as_str()))
        }
        _ => None,
    });
    trials.collect()
}

/// Names the trials that failed; the exit code that says so.
pub fn failures(sweep: &SweepDir, overview: &Overview, in_session: &[Failure]) -> ExitCode {
    let lasting = failed(overview);
    let is_other = |failure: &&Failure| !lasting.iter().any(|(number, _)| *number == failure.trial);
    let others: Vec<(usize, &str)> = in_session
        .iter()
        .filter(is_other)
        .map(|failure| (failure.trial, failure.reason.as_str()))
        .collect();
    let mut all = [lasting.as_slice(), &others].concat();
    all.sort_by_key(|(number, _)| *number);
    if all.is_empty() {
        return ExitCode::Done;
    }
    note(&format!(
        "error: {} failed:\n  {}",
        counted(all.len(), "trial"),
        by_reason(&all).join("\n  ")
    ));
    let again = overview.trials_with(TrialStatus::Failed).into_iter();
    let mut again = again.filter(|trial| !overview.states[*trial].has_failed());
    if !others.is_empty() || again.next().is_some() {
        note(&format!(
            "to try again: runner sweep resume {}",
            shown(&sweep.folder)
        ));
    }
    let failed = overview.trials_with(TrialStatus::Failed);
    let have_diverged = failed
        .iter()
        .all(|trial| overview.states[*trial].has_diverged());
    match others.is_empty() && have_diverged {
        true => ExitCode::Diverged,
        false => ExitCode::Failed,
    }
}

/// Trials that failed in the same way, in a line: `trials 3, 7: diverged in epoch 1`.
fn by_reason(failed: &[(usize, &str)]) -> Vec<String> {
    let mut reasons: Vec<&str> = Vec::new();
    for (_, reason) in failed {
        if !reasons.contains(reason) {
            reasons.push(reason);
        }
    }
    let lines = reasons.into_iter().map(|reason| {
        let same = failed.iter().filter(|(_, other)| *other == reason);
        let numbers: Vec<String> = same.map(|(number, _)| number.to_string()).collect();
        let trials = if numbers.len() == 1 {
            "trial"
        } else {
            "trials"
        };
        format!("{trials} {}: {reason}", numbers.join(", "))
    });
    lines.collect()
}
