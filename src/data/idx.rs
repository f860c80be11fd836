//! IDX files, plain or gzip: two zero bytes, a type byte (8: unsigned bytes), the number of
//! dimensions, each dimension as a big-endian `u32`, then the bytes in row-major order.
//! Source of the format: the page of the MNIST database of LeCun, Cortes and Burges.

use std::fs::{self, File};
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};

use flate2::read::MultiGzDecoder;

use super::{DataFile, Error};
use crate::digest;

/// The unpacked content of one file.
pub struct Idx {
    /// As many numbers as the file has dimensions.
    pub dimensions: Vec<usize>,
    pub bytes: Vec<u8>,
    pub file: DataFile,
}

/// A file may not unpack to more than this: more is a mistake or a trap.
const MAX_BYTES: usize = 1 << 34;

/// Reads a file whose number of dimensions is one of `ranks`; the first is the usual one.
pub fn read(path: &Path, ranks: &[usize]) -> Result<Idx, Error> {
    let invalid = |what: String| Error::File {
        path: path.to_owned(),
        what,
    };
    let unreadable = |source| Error::Unreadable {
        path: path.to_owned(),
        source,
    };
    let raw = fs::read(path).map_err(unreadable)?;
    let file = DataFile {
        path: path.display().to_string(),
        bytes: raw.len() as u64,
        sha256: digest::of(&raw).hex(),
    };
    let gzip = raw.starts_with(&[0x1f, 0x8b]);
    let mut reader: Box<dyn Read> = if gzip {
        Box::new(BufReader::new(MultiGzDecoder::new(raw.as_slice())))
    } else {
        Box::new(raw.as_slice())
    };
    let damaged = |error: io::Error| match error.kind() {
        io::ErrorKind::UnexpectedEof if gzip => {
            invalid("the gzip stream ends early: the file is truncated".to_owned())
        }
        io::ErrorKind::UnexpectedEof => invalid("the file ends early: it is truncated".to_owned()),
        _ => invalid(format!("damaged gzip stream: {error}")),
    };

    let mut magic = [0; 4];
    reader.read_exact(&mut magic).map_err(damaged)?;
    let [zero, nothing, kind, rank] = magic.map(usize::from);
    if [zero, nothing, kind] != [0, 0, 8] || !ranks.contains(&rank) {
        let expected = [0, 0, 8, ranks[0] as u8];
        return Err(invalid(format!(
            "magic number {} instead of {}: not an IDX file of {}",
            hex(&magic),
            hex(&expected),
            if ranks == [1] { "labels" } else { "images" },
        )));
    }
    let mut dimensions = Vec::with_capacity(rank);
    for _ in 0..rank {
        let mut size = [0; 4];
        reader.read_exact(&mut size).map_err(damaged)?;
        dimensions.push(u32::from_be_bytes(size) as usize);
    }
    let length = dimensions
        .iter()
        .try_fold(1usize, |product, size| product.checked_mul(*size))
        .filter(|length| *length <= MAX_BYTES)
        .ok_or_else(|| {
            invalid(format!(
                "its header promises {} bytes, too many",
                join(&dimensions)
            ))
        })?;

    // Grown by what is really there, so that a false header cannot ask for memory.
    let mut bytes = Vec::new();
    reader
        .take(length as u64 + 1)
        .read_to_end(&mut bytes)
        .map_err(damaged)?;
    if bytes.len() != length {
        return Err(invalid(if bytes.len() < length {
            format!(
                "its header promises {length} bytes ({}) and {} follow: the file is truncated",
                join(&dimensions),
                bytes.len()
            )
        } else {
            format!(
                "more bytes follow than the {length} its header promises ({})",
                join(&dimensions)
            )
        }));
    }
    Ok(Idx {
        dimensions,
        bytes,
        file,
    })
}

/// `name` or `name.gz` in a folder, whichever is there; the plain one if both are.
pub fn find(folder: &Path, name: &str) -> Option<PathBuf> {
    [name.to_owned(), format!("{name}.gz")]
        .iter()
        .map(|name| folder.join(name))
        .find(|path| File::open(path).is_ok_and(|file| file.metadata().is_ok_and(|m| m.is_file())))
}

fn hex(bytes: &[u8]) -> String {
    let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("0x{digits}")
}

fn join(dimensions: &[usize]) -> String {
    let sizes: Vec<String> = dimensions.iter().map(usize::to_string).collect();
    sizes.join(" x ")
}
