//! `runner man`: the manual pages.

use std::fs;
use std::io;
use std::path::Path;

use clap::{Command, CommandFactory};
use clap_mangen::Man;
use clap_mangen::roff::{Roff, roman};

use crate::cli::{self, Cli};
use crate::exit::ExitCode;
use crate::files::IoError;

use super::exit::Unwritable;
use super::output::print_result;

pub fn execute(args: &cli::Man) -> anyhow::Result<ExitCode> {
    let folder = &args.folder;
    let unwritable = |error| Unwritable(IoError::new("write manual pages to", folder, error));
    fs::create_dir_all(folder).map_err(unwritable)?;
    let mut command = Cli::command().disable_help_subcommand(true);
    command.build();
    write_pages(&command, folder).map_err(unwritable)?;
    print_result(&format!("{}\n", folder.display()))?;
    Ok(ExitCode::Done)
}

/// Writes the page of a command, and those of the commands inside it.
fn write_pages(command: &Command, folder: &Path) -> io::Result<()> {
    for inner in command.get_subcommands().filter(|it| !it.is_hide_set()) {
        write_pages(inner, folder)?;
    }
    let page = Man::new(command.clone());
    fs::write(folder.join(page.get_filename()), text(command, &page)?)
}

/// The text of a page. What clap_mangen calls EXTRA has the headings that manual pages have.
fn text(command: &Command, page: &Man) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    page.render_title(&mut text)?;
    page.render_name_section(&mut text)?;
    page.render_synopsis_section(&mut text)?;
    page.render_description_section(&mut text)?;
    page.render_options_section(&mut text)?;
    if command.has_subcommands() {
        page.render_subcommands_section(&mut text)?;
    }
    let after = command.get_after_help().map(ToString::to_string);
    let mut roff = Roff::new();
    for section in after.unwrap_or_default().split("\n\n") {
        write_section(&mut roff, section);
    }
    roff.to_writer(&mut text)?;
    Ok(text)
}

/// A heading and indented lines: commands, or exit codes with their meanings.
fn write_section(roff: &mut Roff, section: &str) {
    let mut lines = section.lines();
    let heading = match lines.next() {
        Some("Exit codes:") => "EXIT STATUS".to_owned(),
        Some(heading) => heading.trim_end_matches(':').to_uppercase(),
        None => return,
    };
    roff.control("SH", [heading.as_str()]);
    for line in lines.map(str::trim_start) {
        match line.split_once("  ") {
            Some((code, meaning)) => {
                roff.control("TP", []);
                roff.text([roman(code)]);
                roff.text([roman(meaning.trim_start())]);
            }
            None => {
                roff.text([roman(line)]);
                roff.control("br", []);
            }
        }
    }
}
