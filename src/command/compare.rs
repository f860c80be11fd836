//! `runner compare`: runs side by side.

use crate::cli;
use crate::compare::{ComparedRun, compare, find};
use crate::exit::ExitCode;
use crate::metrics::MONITORS;
use crate::run_dir::list;
use crate::significance::{
    Group, Grouping, SameImages, Verdict, flips, groups, of_groups, of_verdicts, verdicts,
};
use crate::table::Cell;

use super::exit::Usage;
use super::output::{Output, print_result, style};
use super::selection::{place, places};

pub fn execute(args: cli::Compare) -> anyhow::Result<ExitCode> {
    if !MONITORS.contains(&args.by.as_str()) {
        return Err(Usage(format!(
            "--by needs a column of metrics.csv: {}",
            MONITORS.join(", ")
        ))
        .into());
    }
    let out = &args.out.out;
    let (paths, left_out) = match args.runs.is_empty() {
        true => (list(out), Vec::new()),
        false => find(&args.runs, out)?,
    };
    let output = Output { quiet: false };
    for path in left_out {
        output.note(&format!(
            "skipped, neither a run nor a CSV file: {}",
            path.display()
        ));
    }
    let runs: Result<Vec<ComparedRun>, _> =
        paths.iter().map(|path| ComparedRun::read(path)).collect();
    let mut runs = runs?;
    runs.retain(|run| run.tags.has_all(&args.selection.tag));
    let runs = wanted(runs, &args)?;
    if runs.is_empty() {
        return Err(Usage(format!(
            "no run is like that\n`runner list --out {}` shows all of them",
            out.display()
        ))
        .into());
    }
    let grouping = args.group_by.clone().unwrap_or_default();
    if let Grouping::Keys(keys) = &grouping
        && let Some(key) = keys
            .iter()
            .find(|key| runs.iter().all(|run| run.toml(key).is_none()))
    {
        let why =
            format!("--group-by: no run has a key `{key}`\n`runner config explain` lists all keys");
        return Err(Usage(why).into());
    }
    let groups = groups(&runs, &grouping);
    if args.tests && groups.len() < 2 {
        let why = "--tests takes two runs or groups at least, and this is one\n\
                   runs that differ in the seed alone are one group; --group-by none leaves them single";
        return Err(Usage(why.to_owned()).into());
    }
    let text = match (args.flips, args.tests, &args.group_by) {
        (true, ..) => of_flips(&runs, &args)?,
        (_, true, _) => of_tests(&groups, &args),
        (_, _, Some(_)) => of_groups(&groups, &args.by).render(style(&args.format)),
        _ => of_runs(&runs, &groups, &args)?,
    };
    print_result(&text)?;
    Ok(ExitCode::Done)
}

/// The runs side by side; for readers also what groups of seeds have in common, and whether two differ by more than chance.
fn of_runs(
    runs: &[ComparedRun],
    groups: &[Group<'_>],
    args: &cli::Compare,
) -> anyhow::Result<String> {
    let mut table = compare(runs, &args.by);
    if let Some(name) = &args.selection.sort {
        table.sort_by(place(&table, name, "--sort")?);
    }
    let mut text = table.render(style(&args.format));
    if args.format.is_for_programs() {
        return Ok(text);
    }
    if groups.len() < runs.len() {
        text += &format!(
            "\nruns that differ in the seed alone, {} in the last epoch:\n{}",
            args.by,
            of_groups(groups, &args.by).render(style(&args.format))
        );
    }
    if let [verdict] = verdicts_of_two(groups, &args.by).as_slice() {
        text += &format!("\n{verdict}\n");
    }
    Ok(text)
}

/// Whether two runs or groups differ, where that can be tested.
fn verdicts_of_two(groups: &[Group<'_>], by: &str) -> Vec<Verdict> {
    match groups.len() {
        2 => {
            let mut verdicts = verdicts(groups, by);
            verdicts.retain(|verdict| verdict.outcome.is_ok());
            verdicts
        }
        _ => Vec::new(),
    }
}

fn of_tests(groups: &[Group<'_>], args: &cli::Compare) -> String {
    let verdicts = verdicts(groups, &args.by);
    let mut text = of_verdicts(&verdicts).render(style(&args.format));
    if !args.format.is_for_programs() {
        text += "\n";
        for verdict in &verdicts {
            text += &format!("{verdict}\n");
        }
        text += "\nThe null hypothesis of every test is that there is no difference; p is the chance of one at least as large, if \
                 that is so.\n";
    }
    text
}

fn of_flips(runs: &[ComparedRun], args: &cli::Compare) -> anyhow::Result<String> {
    let [first, second] = runs else {
        return Err(Usage(format!(
            "--flips takes two runs, and these are {}",
            runs.len()
        ))
        .into());
    };
    let (Some(first), Some(second)) = (first.named_folder(), second.named_folder()) else {
        return Err(Usage("--flips takes runs, not metrics files".to_owned()).into());
    };
    let images = SameImages::read([first, second]).map_err(|error| Usage(error.to_string()))?;
    let table = flips(&images);
    let mut text = table.render(style(&args.format));
    if !args.format.is_for_programs() {
        let count = |side: &str| {
            let is_right = |row: &&Vec<Cell>| row.last() == Some(&Cell::Text(side.to_owned()));
            table.rows.iter().filter(is_right).count()
        };
        text += &format!(
            "\nof {} images {} are right in {} alone, {} in {} alone\n",
            images.first.len(),
            count("first"),
            first.0,
            count("second"),
            second.0
        );
    }
    Ok(text)
}

/// The runs for which all conditions hold, the last of them if only so many are wanted. A condition may also be about a key
/// of the config that has the same value in all of them.
fn wanted(mut runs: Vec<ComparedRun>, args: &cli::Compare) -> Result<Vec<ComparedRun>, Usage> {
    for condition in &args.selection.conditions {
        let table = compare(&runs, &args.by);
        let cells: Vec<Cell> = match runs
            .iter()
            .any(|run| run.value(&condition.column).is_some())
        {
            true => runs
                .iter()
                .map(|run| run.value(&condition.column).unwrap_or(Cell::Empty))
                .collect(),
            false => {
                let places = places(&table, std::slice::from_ref(condition))?;
                table
                    .rows
                    .iter()
                    .map(|row| row[places[0]].clone())
                    .collect()
            }
        };
        let mut cells = cells.iter();
        runs.retain(|_| cells.next().is_some_and(|cell| condition.holds(cell)));
    }
    if let Some(last) = args.selection.last {
        let older = runs.len().saturating_sub(last.get());
        runs.drain(..older);
    }
    Ok(runs)
}
