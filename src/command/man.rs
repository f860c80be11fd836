//! `runner man`: the manual pages.

use std::fs;

use clap::CommandFactory;

use crate::cli::{self, Cli};
use crate::exit::ExitCode;
use crate::files::IoError;

use super::exit::Unwritable;
use super::output::print_result;

pub fn execute(args: &cli::Man) -> anyhow::Result<ExitCode> {
    let folder = &args.folder;
    let unwritable = |error| Unwritable(IoError::new("write manual pages to", folder, error));
    fs::create_dir_all(folder).map_err(unwritable)?;
    // The commands of commands have pages of their own too.
    clap_mangen::generate_to(Cli::command(), folder).map_err(unwritable)?;
    print_result(&format!("{}\n", folder.display()))?;
    Ok(ExitCode::Done)
}
