//! What of a set is in a folder already, and how downloads get there: verified, and under their final names.

use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::error::Error;
use super::options::Options;
use super::partial_file::{PartialFile, part_path};
use super::verify::{sha256_of, verify};
use crate::data::download::archive::{self, ArchiveFormat, Unpacked};
use crate::data::download::catalog::{Checksum, Remote, Set};
use crate::files::{self, IoError, TEMPORARY_PREFIX};

/// The checksums of what came out of an archive.
const SUMS: &str = "fetched.sha256";

/// Whether all that stays of a file is in the folder. An error if something else is in its place.
pub(super) fn is_there(set: &Set, file: &Remote, folder: &Path) -> Result<bool, Error> {
    if !file.members.is_empty() {
        return are_members_there(set, file, folder);
    }
    let mut candidates = vec![(file.name, file.checksum)];
    // A plain file is read in preference to a packed one.
    if let (Checksum::Content { sha256, .. }, Some(plain)) =
        (file.checksum, file.name.strip_suffix(".gz"))
    {
        candidates.insert(0, (plain, Checksum::Archive { sha256 }));
    }
    for (name, checksum) in candidates {
        let path = folder.join(name);
        if let Some(opened) = open(&path)? {
            return match verify(&opened, &path, checksum) {
                Ok(()) => Ok(true),
                Err(failure) => Err(Error::Occupied {
                    set: set.name,
                    why: failure.why()?,
                    path,
                }),
            };
        }
    }
    Ok(false)
}

fn are_members_there(set: &Set, file: &Remote, folder: &Path) -> Result<bool, Error> {
    let sums = fs::read_to_string(folder.join(SUMS)).unwrap_or_default();
    let sums: Vec<_> = sums.lines().filter_map(|l| l.split_once("  ")).collect();
    let mut whole = true;
    for member in file.members {
        let path = folder.join(member.name);
        let sum = sums.iter().find(|(_, name)| *name == member.name);
        match (open(&path)?, sum) {
            (Some(opened), Some((sha256, _))) => {
                let found = sha256_of(&opened, u64::MAX);
                if found.map_err(IoError::at("read", &path))? != *sha256 {
                    let set = set.name;
                    let why = format!("its checksum differs from the one in {SUMS}");
                    return Err(Error::Occupied { set, path, why });
                }
            }
            // What is there without a checksum is compared once there is something to compare.
            _ => whole = false,
        }
    }
    Ok(whole)
}

fn open(path: &Path) -> Result<Option<File>, Error> {
    match File::open(path) {
        Ok(file) => Ok(Some(file)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(IoError::new("read", path, error).into()),
    }
}

/// Gives a whole and right file its name, or its members theirs.
pub(super) fn install(
    set: &Set,
    file: &Remote,
    folder: &Path,
    part: PartialFile,
    options: &Options,
) -> Result<(), Error> {
    if file.members.is_empty() {
        let synced = part.file.sync_all();
        synced.map_err(IoError::at("write", &part.path))?;
        files::rename(&part.path, &folder.join(file.name))?;
        return Ok(files::sync_folder(folder)?);
    }
    let unpacked = unpacked_path(folder, file.name);
    let format = ArchiveFormat::of(file.name);
    let result = archive::unpack(&part.path, format, file.members, &unpacked, options.limits)
        .map_err(Error::Archive)
        .and_then(|files| publish(set, &files, &unpacked, folder));
    match &result {
        // The part is whole: once there is room for its members it need not be fetched again.
        Err(error) if error.is_local() || matches!(error, Error::Occupied { .. }) => {
            let _ = fs::remove_dir_all(&unpacked);
        }
        _ => remove_leftovers(folder, file),
    }
    result
}

fn unpacked_path(folder: &Path, name: &str) -> PathBuf {
    folder.join(format!("{TEMPORARY_PREFIX}{name}.unpacked"))
}

/// Takes away what is of no more use; if that fails no harm is done.
pub(super) fn remove_leftovers(folder: &Path, file: &Remote) {
    let _ = fs::remove_file(part_path(folder, file.name));
    let _ = fs::remove_dir_all(unpacked_path(folder, file.name));
}

/// Moves unpacked files into the folder; one that is there already with the same content stays.
fn publish(set: &Set, files: &[Unpacked], from: &Path, folder: &Path) -> Result<(), Error> {
    let mut sums = String::new();
    for file in files {
        let path = folder.join(&file.name);
        sums += &format!("{}  {}\n", file.sha256, file.name);
        match open(&path)? {
            None => files::rename(&from.join(&file.name), &path)?,
            Some(there) => {
                let found = sha256_of(there, u64::MAX).map_err(IoError::at("read", &path))?;
                if found != file.sha256 {
                    let why = format!("its SHA-256 is {found}, not {}", file.sha256);
                    let set = set.name;
                    return Err(Error::Occupied { set, path, why });
                }
            }
        }
    }
    let beside = from.join(SUMS);
    files::write_synced(&beside, sums.as_bytes())?;
    files::rename(&beside, &folder.join(SUMS))?;
    Ok(files::sync_folder(folder)?)
}
