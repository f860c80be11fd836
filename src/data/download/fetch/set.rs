//! Fetches a set: what is missing of it, a file at a time.

use std::fs;
use std::path::Path;

use super::error::Error;
use super::install::{install, is_there, remove_leftovers};
use super::options::{Event, Options};
use super::partial_file::PartialFile;
use super::transfer::Download;
use crate::data::download::catalog::{Remote, Set};
use crate::files::IoError;

/// Fetches what is missing of a set into a folder, from `mirror/NAME` instead of the public places
/// if there is one; gives the number of files that were fetched. A file of another content is never
/// replaced.
pub fn fetch(
    set: &Set,
    folder: &Path,
    mirror: Option<&str>,
    options: &Options,
    observe: &mut dyn FnMut(Event),
) -> Result<usize, Error> {
    let mut missing = Vec::new();
    for file in set.files {
        match is_there(set, file, folder)? {
            true => {
                // Left by one that was interrupted at the very end.
                remove_leftovers(folder, file);
                observe(Event::There { name: file.name });
            }
            false => missing.push(file),
        }
    }
    if missing.is_empty() {
        return Ok(0);
    }
    let mirrors = match &mirror {
        Some(mirror) => std::slice::from_ref(mirror),
        None => set.mirrors,
    };
    if mirrors.is_empty() {
        return Err(Error::NoMirror {
            set: set.name,
            description: set.description,
        });
    }
    check_space(&missing, folder, options)?;
    let is_new = !folder.exists();
    fs::create_dir_all(folder).map_err(IoError::at("create", folder))?;
    let result = fetch_missing(set, &missing, folder, mirrors, options, observe);
    if is_new && result.is_err() {
        // Only an empty one goes.
        let _ = fs::remove_dir(folder);
    }
    result.map(|()| missing.len())
}

fn fetch_missing(
    set: &Set,
    missing: &[&Remote],
    folder: &Path,
    mirrors: &[&str],
    options: &Options,
    observe: &mut dyn FnMut(Event),
) -> Result<(), Error> {
    let agent = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .timeout_connect(Some(options.connect))
        .timeout_per_read(Some(options.stall))
        .user_agent(concat!("runner/", env!("CARGO_PKG_VERSION")))
        .build()
        .new_agent();
    for file in missing {
        let mut download = Download {
            agent: &agent,
            options,
            file,
            part: PartialFile::open(folder, file.name)?,
            observe,
        };
        download.try_all(set, mirrors)?;
        let part = download.part;
        let bytes = part.bytes;
        install(set, file, folder, part, options)?;
        observe(Event::Done {
            name: file.name,
            bytes,
        });
    }
    Ok(())
}

/// An archive is there twice while it is unpacked.
fn check_space(missing: &[&Remote], folder: &Path, options: &Options) -> Result<(), Error> {
    let bytes = missing.iter().map(|file| match file.members {
        [] => file.bytes,
        _ => file.bytes * 2,
    });
    let needed = bytes.sum();
    match options.free {
        Some(free) if free < needed => Err(Error::NoSpace {
            path: folder.to_owned(),
            needed,
            free,
        }),
        _ => Ok(()),
    }
}
