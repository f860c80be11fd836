//! `runner sweep new` and `schema`: what a sweep file looks like.

use std::path::Path;

use crate::cli;
use crate::config::{Document, sweep_schema, sweep_template};
use crate::exit::ExitCode;
use crate::files::{self, IoError};

use super::super::exit::{Unwritable, Usage};
use super::super::output::print_result;

/// The name of the file when it is printed.
const UNNAMED: &str = "sweep.toml";

pub fn execute(args: cli::SweepNew) -> anyhow::Result<ExitCode> {
    // One that cannot be read is told now.
    Document::read(&args.config)?;
    let path = args.path.as_deref().unwrap_or(Path::new(UNNAMED));
    let folder = files::folder_of(path);
    let config = from(folder, &args.config).map_err(IoError::at("find", &args.config))?;
    let text = sweep_template(&path.display().to_string(), &config, None);
    let Some(path) = &args.path else {
        print_result(&text)?;
        return Ok(ExitCode::Done);
    };
    if path.exists() {
        let message = format!(
            "{} exists already\nchoose another name, or remove it",
            path.display()
        );
        return Err(Usage(message).into());
    }
    files::create(path, text.as_bytes()).map_err(Unwritable)?;
    let path = path.display();
    print_result(&format!(
        "{path}\nNext: runner sweep check {path}\n      runner sweep run {path}\n"
    ))?;
    Ok(ExitCode::Done)
}

pub fn schema() -> anyhow::Result<ExitCode> {
    print_result(&format!("{:#}\n", sweep_schema()))?;
    Ok(ExitCode::Done)
}

/// A path as one that starts from a folder; links stay as they are typed.
fn from(folder: &Path, path: &Path) -> std::io::Result<String> {
    let (folder, path) = (std::path::absolute(folder)?, std::path::absolute(path)?);
    let shared = folder.components().zip(path.components());
    let shared = shared.take_while(|(one, other)| one == other).count();
    let ups = folder.components().skip(shared).map(|_| "..".to_owned());
    let downs = path.components().skip(shared);
    let downs = downs.map(|it| it.as_os_str().to_string_lossy().into_owned());
    Ok(ups.chain(downs).collect::<Vec<_>>().join("/"))
}
