//! Bytes that are read into a buffer whose size a file states, and may state wrongly.

use std::io::{self, Read};

/// Reads up to `length` bytes. The buffer grows in pieces by what is really there, so that neither a false header nor a
/// buffer that doubles asks for memory that nothing fills.
///
/// # Errors
///
/// Those of the reader.
pub fn read_up_to(reader: &mut dyn Read, length: usize) -> io::Result<Vec<u8>> {
    const PIECE: usize = 64 << 20;
    let mut bytes = Vec::new();
    while bytes.len() < length {
        let piece = PIECE.min(length - bytes.len());
        bytes.reserve_exact(piece);
        if reader.take(piece as u64).read_to_end(&mut bytes)? < piece {
            break;
        }
    }
    Ok(bytes)
}
