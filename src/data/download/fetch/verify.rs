//! Compares files with their checksums.

use std::fs::File;
use std::io::{self, BufReader, ErrorKind, Read, Seek};
use std::path::Path;

use flate2::read::MultiGzDecoder;

use super::error::Failure;
use crate::data::download::catalog::Checksum;
use crate::digest::Digest;
use crate::files::IoError;

/// Compares a file, read from its beginning, with its checksum.
pub(super) fn verify(mut file: &File, path: &Path, checksum: Checksum) -> Result<(), Failure> {
    let local = |error| Failure::Local(IoError::new("read", path, error).into());
    file.rewind().map_err(local)?;
    let (expected, found) = match checksum {
        Checksum::Archive { sha256 } => (sha256, sha256_of(file, u64::MAX).map_err(local)?),
        Checksum::Content { sha256, bytes } => {
            let unpacked = MultiGzDecoder::new(BufReader::new(file));
            let found = sha256_of(unpacked, bytes).map_err(|error| {
                Failure::Wrong(format!(
                    "not a gzip file of {bytes} bytes unpacked: {error}"
                ))
            })?;
            (sha256, found)
        }
    };
    match found == expected {
        true => Ok(()),
        false => Err(Failure::Wrong(format!(
            "its SHA-256 is {found}, not {expected}"
        ))),
    }
}

/// The digest of all that a reader gives; an error if that is more than `limit` bytes.
pub(super) fn sha256_of(reader: impl Read, limit: u64) -> io::Result<String> {
    let mut reader = reader.take(limit.saturating_add(1));
    let mut buffer = vec![0; 1 << 16];
    let mut digest = Digest::default();
    loop {
        match reader.read(&mut buffer) {
            Ok(0) if reader.limit() == 0 => return Err(io::Error::other("there are more")),
            Ok(0) => return Ok(digest.hex()),
            Ok(read) => digest.update(&buffer[..read]),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}
