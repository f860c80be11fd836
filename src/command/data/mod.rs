//! `runner data`: data sets that can be had, and what is in one.

mod export;
#[cfg(feature = "fetch")]
mod fetch;
mod inspect;
mod list;
pub mod reading;

use crate::cli::Data;
use crate::exit::ExitCode;

pub fn execute(command: Data) -> anyhow::Result<ExitCode> {
    match command {
        Data::List(args) => list::execute(args),
        #[cfg(feature = "fetch")]
        Data::Fetch(args) => fetch::execute(args),
        Data::Inspect(args) => inspect::execute(args),
        Data::Export(args) => export::execute(args),
    }
}
