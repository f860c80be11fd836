//! `runner`: parse, call the command, tell an error, give the exit code.

use std::process::ExitCode;

use clap::Parser;
use runner::cli::Cli;
use runner::command;

fn main() -> ExitCode {
    let cli = Cli::parse();
    match command::execute(cli.command) {
        Ok(code) => ExitCode::from(code.number()),
        Err(error) => {
            command::print_error(&error);
            ExitCode::from(command::exit_code(&error).number())
        }
    }
}
