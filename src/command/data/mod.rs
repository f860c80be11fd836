//! `runner data`: data sets that can be had, and what is in one.

mod inspect;

use crate::cli::Data;

pub fn execute(command: Data) -> anyhow::Result<u8> {
    match command {
        Data::Inspect(args) => inspect::execute(args),
    }
}
