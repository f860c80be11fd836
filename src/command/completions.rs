//! `runner completions`: a shell's script that completes commands and options.

use clap::CommandFactory;

use crate::cli::{self, Cli};
use crate::exit::ExitCode;

use super::output::print_result;

pub fn execute(args: &cli::Completions) -> anyhow::Result<ExitCode> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "runner", &mut script);
    print_result(&String::from_utf8(script)?)?;
    Ok(ExitCode::Done)
}
