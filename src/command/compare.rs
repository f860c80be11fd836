//! `runner compare`: runs side by side.

use crate::cli;
use crate::compare::{ComparedRun, compare, find};
use crate::exit::ExitCode;
use crate::metrics::MONITORS;

use super::exit::Usage;
use super::output::{Output, print_result, style};

pub fn execute(args: cli::Compare) -> anyhow::Result<ExitCode> {
    if !MONITORS.contains(&args.by.as_str()) {
        return Err(Usage(format!(
            "--by needs a column of metrics.csv: {}",
            MONITORS.join(", ")
        ))
        .into());
    }
    let (paths, left_out) = find(&args.runs, &args.out.out)?;
    let output = Output { quiet: false };
    for path in left_out {
        output.note(&format!(
            "skipped, neither a run nor a CSV file: {}",
            path.display()
        ));
    }
    let runs: Result<Vec<ComparedRun>, _> =
        paths.iter().map(|path| ComparedRun::read(path)).collect();
    let table = compare(&runs?, &args.by);
    print_result(&table.render(style(&args.format)))?;
    Ok(ExitCode::Done)
}
