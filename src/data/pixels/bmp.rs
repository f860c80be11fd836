//! BMP: one band of rows after the other, if its rows are not packed and the image is to be smaller. A band is decoded as a
//! BMP of its own, so its pixels are those of the whole image.

use std::io::Cursor;

use image::codecs::bmp::BmpDecoder;
use image::{ImageDecoder, ImageResult};

use super::raster::{Admit, Raster};
use super::rows::Reduction;
use super::samples::Samples;

/// A file whose rows have one length each.
struct Rows<'a> {
    /// All that comes before the rows, the palette too.
    header: &'a [u8],
    /// In the order of the file.
    rows: &'a [u8],
    /// Of a row.
    bytes: usize,
    /// Of the image.
    size: [usize; 2],
    is_top_down: bool,
}

/// A band has about so many bytes.
const BAND: usize = 1 << 18;

/// Decodes a large file that becomes smaller; `None` for any other, which is decoded as a whole. It is refused where `admit`
/// does.
pub fn decode_rows(
    bytes: &[u8],
    reduction: Option<Reduction>,
    admit: Admit<'_>,
) -> Result<Option<Raster>, String> {
    const CHANNELS: usize = 3;
    let Some(rows) = Rows::of(bytes) else {
        return Ok(None);
    };
    let Some(mut reducer) = reduction.and_then(|it| it.of(CHANNELS, rows.size)) else {
        return Ok(None);
    };
    let [height, width] = rows.size;
    let in_band = (BAND / rows.bytes).clamp(1, height);
    let of_band = rows.header.len() + in_band * (rows.bytes + (2 * CHANNELS + 1) * width);
    admit(reducer.outline(rows.size, reducer.cost() + of_band as u64))?;
    for first in (0..height).step_by(in_band) {
        let band = rows.band(first, in_band.min(height - first));
        let pixels = decode(&band).map_err(|error| format!("damaged image: {error}"))?;
        pixels
            .chunks_exact(CHANNELS * width)
            .for_each(|row| reducer.push(row));
    }
    let (channels, size) = (reducer.channels(), reducer.size());
    Ok(Some(Raster::new(channels, size, reducer.finish())))
}

impl<'a> Rows<'a> {
    /// `None` if they are packed, or not all there.
    fn of(bytes: &'a [u8]) -> Option<Self> {
        /// No header with a palette is longer.
        const LONGEST_HEADER: usize = 1 << 16;
        /// Without compression, and with masks that say which bits are which colour.
        const PLAIN: [u32; 2] = [0, 3];
        /// The header of Windows 3, by its length, with which all later ones begin.
        const INFO: u32 = 40;
        let word = |at: usize| Some(u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?));
        let side = |at| Some(word(at)? as i32);
        let start = word(10)? as usize;
        let (width, height) = (side(18)?, side(22)?);
        let bits = word(28)? as usize & 0xffff;
        if word(14)? < INFO || !PLAIN.contains(&word(30)?) || width <= 0 || start > LONGEST_HEADER {
            return None;
        }
        let size = [height.unsigned_abs() as usize, width as usize];
        let row = size[1].checked_mul(bits)?.div_ceil(32) * 4;
        let rows = bytes.get(start..)?.get(..row.checked_mul(size[0])?)?;
        (!rows.is_empty()).then_some(Self {
            header: &bytes[..start],
            rows,
            bytes: row,
            size,
            is_top_down: height < 0,
        })
    }

    /// A file of `count` rows from row `first` of the image on.
    fn band(&self, first: usize, count: usize) -> Vec<u8> {
        let in_file = match self.is_top_down {
            true => first,
            false => self.size[0] - first - count,
        };
        let height = match self.is_top_down {
            true => -(count as i32),
            false => count as i32,
        };
        let mut band = self.header.to_vec();
        band[22..26].copy_from_slice(&height.to_le_bytes());
        band.extend_from_slice(&self.rows[in_file * self.bytes..][..count * self.bytes]);
        band
    }
}

/// Red, green and blue of the pixels of a file; opacity is dropped.
fn decode(file: &[u8]) -> ImageResult<Vec<u8>> {
    let decoder = BmpDecoder::new(Cursor::new(file))?;
    let mut samples = Samples {
        channels: 3,
        stored: usize::from(decoder.color_type().channel_count()),
        wide: None,
    };
    let mut raw = vec![0; decoder.total_bytes() as usize];
    decoder.read_image(&mut raw)?;
    if samples.is_plain() {
        return Ok(raw);
    }
    let mut pixels = Vec::new();
    samples.append(&raw, &mut pixels);
    Ok(pixels)
}
