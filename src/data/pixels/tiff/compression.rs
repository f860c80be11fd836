//! Unpacks the compressed strips and tiles of a TIFF.

use std::io::Read;

use flate2::bufread::ZlibDecoder;
use weezl::decode::Decoder;
use weezl::{BitOrder, LzwStatus};

/// The supported compressions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    None,
    Lzw,
    Jpeg,
    Deflate,
    PackBits,
}

impl Compression {
    /// From the value of the Compression field; an unsupported one is named in the error.
    pub fn of(number: u64) -> Result<Self, String> {
        let name = match number {
            1 => return Ok(Self::None),
            5 => return Ok(Self::Lzw),
            7 => return Ok(Self::Jpeg),
            8 | 32946 => return Ok(Self::Deflate),
            32773 => return Ok(Self::PackBits),
            2..=4 => "a fax machine's",
            6 => "JPEG as before 1995",
            33003 | 33004 | 33005 | 34712 => "JPEG 2000",
            34887 => "LERC",
            34925 => "LZMA",
            50000 => "Zstandard",
            50001 => "WebP",
            50002 => "JPEG XL",
            _ => {
                return Err(format!(
                    "its compression {number} is not supported; write it anew: magick FILE -compress LZW FILE"
                ));
            }
        };
        Err(format!(
            "its compression, {name}, is not supported; write it anew: magick FILE -compress LZW FILE"
        ))
    }

    /// Unpacks `length` bytes. JPEG data are returned as they are: they go to the JPEG decoder.
    pub fn unpack(self, packed: &[u8], length: usize) -> Result<Vec<u8>, String> {
        let mut bytes = match self {
            Self::None | Self::Jpeg => packed[..length.min(packed.len())].to_vec(),
            Self::Lzw => lzw(packed, length)?,
            Self::Deflate => {
                let mut bytes = Vec::new();
                let read = ZlibDecoder::new(packed)
                    .take(length as u64)
                    .read_to_end(&mut bytes);
                if let Err(error) = read
                    && error.kind() != std::io::ErrorKind::UnexpectedEof
                {
                    return Err(format!("damaged image: {error}"));
                }
                bytes
            }
            Self::PackBits => pack_bits(packed, length),
        };
        if bytes.len() < length {
            return Err("damaged image: one of its strips or tiles has too few pixels".to_owned());
        }
        bytes.truncate(length);
        Ok(bytes)
    }
}

fn lzw(packed: &[u8], length: usize) -> Result<Vec<u8>, String> {
    // Before TIFF 5, codes were stored with their lowest bits first.
    if let [0, second, ..] = packed
        && second & 1 == 1
    {
        return Err("its compression, LZW as before TIFF 5, is not supported".to_owned());
    }
    let mut decoder = Decoder::with_tiff_size_switch(BitOrder::Msb, 8);
    let mut bytes = vec![0; length];
    let (mut used, mut made) = (0, 0);
    while made < length {
        let step = decoder.decode_bytes(&packed[used..], &mut bytes[made..]);
        used += step.consumed_in;
        made += step.consumed_out;
        match step.status {
            Ok(LzwStatus::Ok) => {}
            Ok(LzwStatus::NoProgress | LzwStatus::Done) => break,
            Err(error) => return Err(format!("damaged image: {error}")),
        }
    }
    bytes.truncate(made);
    Ok(bytes)
}

/// PackBits: runs of one repeated byte, and literal runs.
fn pack_bits(mut packed: &[u8], length: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    while let [count, rest @ ..] = packed
        && bytes.len() < length
    {
        packed = match (*count as i8, rest) {
            (-128, rest) => rest,
            (count @ 0.., rest) => {
                let (plain, rest) = rest.split_at((count as usize + 1).min(rest.len()));
                bytes.extend_from_slice(plain);
                rest
            }
            (count, [byte, rest @ ..]) => {
                bytes.resize(bytes.len() + 1 + usize::from(count.unsigned_abs()), *byte);
                rest
            }
            (_, []) => &[],
        };
    }
    bytes
}
