//! `runner verify`: whether a run directory is what the program wrote.

use std::fmt::Write;

use crate::cli;
use crate::exit::ExitCode;
use crate::lifecycle::{go_home, moves};
use crate::run_dir::{Status, resolve, verify};

use super::exit::unwrapped;
use super::output::print_result;

pub fn execute(args: cli::Verify) -> anyhow::Result<ExitCode> {
    let overrides = args.overrides.all().cloned().collect();
    let ([path], overrides) = go_home([resolve(&args.run, &args.out.out)?], overrides);
    let moves = moves(&path, &overrides).map_err(unwrapped)?;
    let checks = verify(&path, &moves)?;
    let mut text = String::new();
    let mut failed = 0;
    for check in &checks {
        match &check.problem {
            None => writeln!(text, "ok      {}", check.what)?,
            Some(problem) => {
                failed += 1;
                writeln!(text, "FAILED  {}: {problem}", check.what)?;
            }
        }
    }
    let folder = path.display();
    match (failed, Status::of(&path)) {
        (0, _) => writeln!(text, "\n{folder}: all {} checks passed", checks.len())?,
        (_, Status::Running) => writeln!(
            text,
            "\n\
             {folder}: {failed} of {} checks failed, but the run is still running: verify it \
             again when it has ended",
            checks.len()
        )?,
        _ => writeln!(
            text,
            "\n{folder}: {failed} of {} checks failed",
            checks.len()
        )?,
    }
    print_result(&text)?;
    Ok(if failed == 0 {
        ExitCode::Done
    } else {
        ExitCode::CheckFailed
    })
}
