//! `runner sweep`: one experiment many times.

mod begin;
mod cancel;
mod check;
mod measure;
mod new;
mod planned;
mod queue;
mod show;
mod slurm;
mod task;
mod view;

pub use measure::execute as measure;
pub use slurm::collect;
pub use task::execute as task;

use crate::cli;
use crate::exit::ExitCode;

pub fn execute(command: cli::Sweep) -> anyhow::Result<ExitCode> {
    match command {
        cli::Sweep::Run(args) => begin::run(args),
        cli::Sweep::Resume(args) => begin::resume(args),
        cli::Sweep::Extend(args) => begin::extend(args),
        cli::Sweep::Check(args) => check::execute(args),
        cli::Sweep::Status(args) => show::status(args),
        cli::Sweep::Show(args) => show::show(args),
        cli::Sweep::Best(args) => show::best(args),
        cli::Sweep::Cancel(args) => cancel::execute(args),
        cli::Sweep::List(args) => show::list(args),
        cli::Sweep::New(args) => new::execute(args),
        cli::Sweep::Schema => new::schema(),
    }
}
