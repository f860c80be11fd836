//! `runner`: parse, call the command, tell an error, give the exit code.

use std::process::ExitCode;

use clap::Parser;
use runner::cli::Cli;
use runner::command;
use runner::kernels::Allocator;

#[global_allocator]
static ALLOCATOR: Allocator = Allocator;

fn main() -> ExitCode {
    command::answer_shell();
    let cli = Cli::try_parse().unwrap_or_else(|error| {
        let arguments = std::env::args_os().map(|it| it.to_string_lossy().into_owned());
        command::with_remedy(error, &arguments.collect::<Vec<_>>()).exit()
    });
    match command::execute(cli.command) {
        Ok(code) => ExitCode::from(code.number()),
        Err(error) => {
            command::print_error(&error);
            ExitCode::from(command::exit_code(&error).number())
        }
    }
}
