//! SHA-256, as every file of a run writes it: 64 hex digits.

#![warn(missing_docs, unreachable_pub)]

use std::fs::File;
use std::io::{self, BufReader, Write};
use std::path::Path;

use sha2::{Digest as _, Sha256};

/// A digest of bytes that arrive piece by piece.
#[derive(Debug, Clone, Default)]
pub struct Digest(Sha256);

impl Digest {
    /// Takes in more bytes.
    pub fn update(&mut self, bytes: impl AsRef<[u8]>) {
        self.0.update(bytes);
    }

    /// The digest as 64 hex digits, in lower case.
    pub fn hex(self) -> String {
        let bytes = self.0.finalize();
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// The first eight bytes as a number, little-endian.
    pub fn word(self) -> u64 {
        let bytes = self.0.finalize();
        u64::from_le_bytes(bytes[..8].try_into().expect("a digest has 32 bytes"))
    }
}

/// The digest of one piece of data.
pub fn of(bytes: impl AsRef<[u8]>) -> Digest {
    let mut digest = Digest::default();
    digest.update(bytes);
    digest
}

/// The digest of a file, however large it is, and the number of its bytes.
///
/// # Errors
///
/// If the system refuses.
pub fn of_file(path: &Path) -> io::Result<(Digest, u64)> {
    let mut digest = Digest::default();
    let mut file = BufReader::with_capacity(1 << 16, File::open(path)?);
    let bytes = io::copy(&mut file, &mut digest)?;
    Ok((digest, bytes))
}

impl Write for Digest {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
