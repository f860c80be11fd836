//! One file a subcommand. The work is in the library; here it is called, and its results printed.

mod check;
mod compare;
mod completions;
mod config;
mod data;
mod diff;
mod evaluate;
mod exit;
mod experiment;
mod export;
mod fork;
mod keys;
mod list;
mod man;
mod options;
mod output;
mod predict;
mod predictions;
mod progress;
mod prove;
mod prune;
mod remove;
mod report;
mod reproduce;
mod resume;
mod run;
mod selection;
mod show;
mod start;
mod starter;
mod sweep;
mod tag;
mod units;
mod verify;

pub use completions::answer as answer_shell;
pub use exit::exit_code;
pub use options::with_remedy;
pub use output::{Output, print_error};

use crate::cli::Command;
use crate::exit::ExitCode;

/// Carries a command out; the code is the process's exit code.
///
/// # Errors
///
/// Whatever keeps the command from its result; [`exit_code`] gives the exit code of the error.
pub fn execute(command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Run(args) => run::execute(args),
        Command::Check(args) => check::execute(args),
        Command::Config(args) => config::execute(args),
        Command::Data(args) => data::execute(args),
        Command::Resume(args) => resume::execute(args),
        Command::Evaluate(args) => evaluate::execute(args),
        Command::Predict(args) => predict::execute(args),
        Command::Fork(args) => fork::execute(args),
        Command::Tag(args) => tag::execute(args),
        Command::Compare(args) => compare::execute(args),
        Command::Diff(args) => diff::execute(args),
        Command::List(args) => list::execute(args),
        Command::Prune(args) => prune::execute(args),
        Command::Remove(args) => remove::execute(args),
        Command::Show(args) => show::execute(args),
        Command::Export(args) => export::execute(args),
        Command::Verify(args) => verify::execute(args),
        Command::Reproduce(args) => reproduce::execute(args),
        Command::Prove(args) => prove::execute(args),
        Command::Sweep(args) => sweep::execute(args),
        Command::SweepTask(args) => sweep::task(args),
        Command::SweepCollect(args) => sweep::collect(args),
        Command::SweepMeasure(args) => sweep::measure(args),
        Command::Completions(args) => completions::execute(&args),
        Command::Man(args) => man::execute(&args),
    }
}
