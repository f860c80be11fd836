//! Unpacking archives that may be hostile: only plain files that were asked for come out, under
//! names of our own, and either all of them or none.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, BufReader, Read, Write};
use std::path::{Path, PathBuf};

use flate2::read::MultiGzDecoder;

use super::catalog::Member;
use crate::data::metered::Metered;
use crate::digest::Digest;
use crate::files::IoError;

/// What an archive may hold. The largest known set stays far below.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Members of any kind.
    pub members: usize,
    /// Bytes of one member, unpacked.
    pub member_bytes: u64,
    /// Bytes of all members that have to be unpacked.
    pub total_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            members: 1000,
            member_bytes: 1 << 28,
            total_bytes: 1 << 29,
        }
    }
}

/// A file that was unpacked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unpacked {
    /// In the folder that the archive was unpacked into.
    pub name: String,
    /// SHA-256 (hex).
    pub sha256: String,
}

/// Why an archive was not unpacked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A member that no archive of images has.
    #[error("{}: refused because of its member `{}`: {why}\n\
             an archive of images should contain plain files only: get it from another source", archive.display(), member.escape_debug())]
    Refused {
        /// The archive.
        archive: PathBuf,
        /// The name of the member, shortened if it is very long.
        member: String,
        /// What is wrong with it.
        why: String,
    },
    /// The archive is not sound or lacks a wanted member.
    #[error("{}: {why}\nfetch it again", archive.display())]
    Damaged {
        /// The archive.
        archive: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// This machine failed to read or write a file.
    #[error(transparent)]
    Io(#[from] IoError),
}

/// Unpacks `members` of a `.zip` or a `.tar.gz` into `folder`, which is created anew: an existing folder of that name is
/// deleted, and after an error nothing is left of the new one.
///
/// # Errors
///
/// If the archive is damaged, lacks a member, holds what no known set does (links, paths that lead outside, more than
/// `limits`), or a file cannot be read or written.
pub fn unpack(
    archive: &Path,
    format: ArchiveFormat,
    members: &[Member],
    folder: &Path,
    limits: Limits,
) -> Result<Vec<Unpacked>, Error> {
    remove(folder)?;
    fs::create_dir(folder).map_err(IoError::at("create", folder))?;
    let file = File::open(archive).map_err(IoError::at("read", archive))?;
    let mut unpacking = Unpacking {
        archive,
        members,
        folder,
        limits,
        seen: BTreeSet::new(),
        total: 0,
        unpacked: Vec::new(),
    };
    let result = match format {
        ArchiveFormat::TarGz => unpacking.tar_gz(file),
        ArchiveFormat::Zip => unpacking.zip(file),
    };
    let result = result.and_then(|()| unpacking.complete());
    if result.is_err() {
        remove(folder)?;
    }
    result
}

/// How the members of an archive are packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ArchiveFormat {
    /// A gzip-compressed tar file.
    TarGz,
    /// A zip file.
    Zip,
}

impl ArchiveFormat {
    /// By the end of the name.
    pub fn of(name: &str) -> ArchiveFormat {
        match name.ends_with(".zip") {
            true => ArchiveFormat::Zip,
            false => ArchiveFormat::TarGz,
        }
    }
}

struct Unpacking<'a> {
    archive: &'a Path,
    members: &'a [Member],
    folder: &'a Path,
    limits: Limits,
    /// The normalized paths of all members so far.
    seen: BTreeSet<String>,
    /// Bytes that were unpacked.
    total: u64,
    unpacked: Vec<Unpacked>,
}

const NAME_BYTES: usize = 1024;

impl Unpacking<'_> {
    fn tar_gz(&mut self, file: File) -> Result<(), Error> {
        let mut reader = Metered::new(MultiGzDecoder::new(BufReader::new(file)));
        let allowance = reader.allowance();
        let archive = self.archive;
        let damaged = |error: io::Error| self::damaged(archive, &error);
        let mut tar = tar::Archive::new(&mut reader);
        for entry in tar.entries().map_err(damaged)? {
            let mut entry = entry.map_err(damaged)?;
            let name = entry.path_bytes().into_owned();
            let kind = entry.header().entry_type();
            if kind.is_pax_global_extensions() {
                continue;
            }
            if !kind.is_file() && !kind.is_dir() {
                return Err(self.refused(&name, not_plain(kind)));
            }
            let path = self.admit(&name)?;
            let size = entry.size();
            let member = self.wanted(&path).filter(|_| kind.is_file());
            // From here on `copy` enforces the limits.
            allowance.for_contents();
            let read = match member {
                Some(member) => self.take(member, &mut entry)?,
                None => self.copy(&path, &mut entry, |_| Ok(()))?,
            };
            if read != size {
                return Err(self.damaged("it ends early: the file is truncated"));
            }
            allowance.for_headers();
        }
        // The checksum of the gzip stream comes after its end.
        io::copy(&mut reader, &mut io::sink()).map_err(damaged)?;
        Ok(())
    }

    fn zip(&mut self, file: File) -> Result<(), Error> {
        let archive = self.archive;
        let damaged = |error: zip::result::ZipError| Error::Damaged {
            archive: archive.to_owned(),
            why: format!("not a valid zip archive: {error}"),
        };
        let mut zip = zip::ZipArchive::new(BufReader::new(file)).map_err(damaged)?;
        if zip.has_duplicate_names() {
            return Err(self.damaged("two of its members have the same name"));
        }
        if zip.has_overlapping_entries().map_err(damaged)? {
            return Err(self.damaged("its members overlap"));
        }
        for index in 0..zip.len() {
            let entry = zip.by_index_data(index).map_err(damaged)?;
            let name = entry.name_raw().to_owned();
            // The kind of file, where the archive was made under Unix.
            let kind = entry.unix_mode().unwrap_or(0) & 0o170_000;
            if ![0, 0o100_000, 0o040_000].contains(&kind) {
                return Err(self.refused(&name, "a link or a device".to_owned()));
            }
            let is_file = entry.is_file();
            let path = self.admit(&name)?;
            // What is not wanted need not be unpacked.
            if let Some(member) = self.wanted(&path).filter(|_| is_file) {
                let mut entry = zip.by_index(index).map_err(damaged)?;
                let size = entry.size();
                if self.take(member, &mut entry)? != size {
                    let why =
                        format!("`{path}` does not have the {size} bytes that it should have");
                    return Err(self.damaged(&why));
                }
            }
        }
        Ok(())
    }

    /// The normalized path of a member; an error if no archive of images has such a member.
    fn admit(&mut self, name: &[u8]) -> Result<String, Error> {
        let path = plain_path(name).map_err(|why| self.refused(name, why))?;
        if self.seen.len() >= self.limits.members {
            let why = format!("more than {} members", self.limits.members);
            return Err(self.refused(name, why));
        }
        match self.seen.insert(path.clone()) {
            true => Ok(path),
            false => Err(self.refused(name, "this name occurs twice".to_owned())),
        }
    }

    /// Unpacks a member into its file; gives its bytes.
    fn take(&mut self, member: Member, from: &mut impl Read) -> Result<u64, Error> {
        let target = self.folder.join(member.name);
        let failed = |error| Error::from(IoError::new("write", &target, error));
        let mut file = File::create_new(&target).map_err(failed)?;
        let mut digest = Digest::default();
        let bytes = self.copy(member.path, from, |bytes| {
            digest.update(bytes);
            file.write_all(bytes).map_err(failed)
        })?;
        file.sync_all().map_err(failed)?;
        self.unpacked.push(Unpacked {
            name: member.name.to_owned(),
            sha256: digest.hex(),
        });
        Ok(bytes)
    }

    /// Counts what really comes out: headers can say anything.
    fn copy(
        &mut self,
        path: &str,
        from: &mut impl Read,
        mut write: impl FnMut(&[u8]) -> Result<(), Error>,
    ) -> Result<u64, Error> {
        let mut buffer = vec![0; 1 << 16];
        let mut bytes = 0;
        loop {
            let read = match from.read(&mut buffer) {
                Ok(0) => return Ok(bytes),
                Ok(read) => read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(damaged(self.archive, &error)),
            };
            bytes += read as u64;
            self.total += read as u64;
            if bytes > self.limits.member_bytes {
                let why = format!("it unpacks to more than {} bytes", self.limits.member_bytes);
                return Err(self.refused(path.as_bytes(), why));
            }
            if self.total > self.limits.total_bytes {
                let limit = self.limits.total_bytes;
                let why =
                    format!("with this member, the archive unpacks to more than {limit} bytes");
                return Err(self.refused(path.as_bytes(), why));
            }
            write(&buffer[..read])?;
        }
    }

    /// What was unpacked, if that is all that was wanted.
    fn complete(&mut self) -> Result<Vec<Unpacked>, Error> {
        let is_there = |member: &&Member| self.unpacked.iter().any(|file| file.name == member.name);
        match self.members.iter().find(|member| !is_there(member)) {
            Some(member) => Err(self.damaged(&format!("it does not contain `{}`", member.path))),
            None => Ok(std::mem::take(&mut self.unpacked)),
        }
    }

    fn wanted(&self, path: &str) -> Option<Member> {
        let mut members = self.members.iter();
        members.find(|member| member.path == path).copied()
    }

    fn refused(&self, member: &[u8], why: String) -> Error {
        let mut member = String::from_utf8_lossy(member).into_owned();
        if let Some((end, _)) = member.char_indices().nth(80) {
            member.truncate(end);
            member.push('…');
        }
        Error::Refused {
            archive: self.archive.to_owned(),
            member,
            why,
        }
    }

    fn damaged(&self, why: &str) -> Error {
        Error::Damaged {
            archive: self.archive.to_owned(),
            why: why.to_owned(),
        }
    }
}

/// `a/b` for `./a//b`; why not, if the name leaves its folder or is read differently elsewhere.
fn plain_path(name: &[u8]) -> Result<String, String> {
    let name = std::str::from_utf8(name).map_err(|_| "its name is not UTF-8")?;
    let why = if name.len() > NAME_BYTES {
        format!("its name is longer than {NAME_BYTES} bytes")
    } else if name.contains('\0') {
        "a NUL in its name".to_owned()
    } else if name.contains('\\') {
        "a backslash in its name".to_owned()
    } else if name.contains(':') {
        "a colon in its name, which Windows reads as a drive or a stream".to_owned()
    } else if name.starts_with('/') {
        "an absolute path".to_owned()
    } else if name.split('/').any(|part| part == "..") {
        "a path that leaves its folder (..)".to_owned()
    } else {
        let parts = name.split('/').filter(|part| !["", "."].contains(part));
        return Ok(parts.collect::<Vec<_>>().join("/"));
    };
    Err(why)
}

fn not_plain(kind: tar::EntryType) -> String {
    if kind.is_symlink() {
        "a symbolic link".to_owned()
    } else if kind.is_hard_link() {
        "a hard link".to_owned()
    } else if kind.is_block_special() || kind.is_character_special() || kind.is_fifo() {
        "a device or a pipe".to_owned()
    } else {
        let kind = char::from(kind.as_byte()).escape_debug();
        format!("neither a plain file nor a folder, but of type '{kind}'")
    }
}

fn damaged(archive: &Path, error: &io::Error) -> Error {
    let why = match error.kind() {
        io::ErrorKind::UnexpectedEof => "it ends early: the file is truncated".to_owned(),
        _ => format!("a damaged archive: {error}"),
    };
    Error::Damaged {
        archive: archive.to_owned(),
        why,
    }
}

fn remove(folder: &Path) -> Result<(), Error> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(IoError::new("remove", folder, error).into())
        }
        _ => Ok(()),
    }
}
