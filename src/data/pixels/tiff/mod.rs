//! Decodes the first page of a TIFF to the pixels of libtiff and Pillow: grey, RGB, palette or CMYK, 1 to 16 bits per
//! sample, in strips or tiles. Anything else is rejected with an error that names it.

pub mod compression;
pub mod directory;
mod layout;

use self::compression::Compression;
use self::layout::{Layout, Meaning, Part};
use super::depth::Depth;
use super::exif::Orientation;
use super::jpeg;
use super::raster::{Admit, Outline, Raster};
use super::rows::{Reducer, Reduction};

/// Decodes a file. `bits` is how many bits of a 16-bit sample are used. The orientation is part of the format, so it is
/// always applied.
///
/// Strips, or rows of tiles, come one after the other, so that a large image that becomes smaller is never in memory as a
/// whole.
pub fn decode(
    bytes: &[u8],
    bits: u32,
    reduction: Option<Reduction>,
    admit: Admit<'_>,
) -> Result<Raster, String> {
    let layout = Layout::read(bytes)?;
    let [height, width] = layout.size;
    let channels = layout.channels();
    let area = (height as u64).saturating_mul(width as u64);
    // Rows that become columns are not reduced, nor is what no header should say.
    let is_plain = layout.orientation == Orientation::Upright && area <= u64::from(u32::MAX);
    let reduction = reduction.filter(|_| is_plain);
    let mut reducer = reduction.and_then(|it| it.of(channels, layout.size));
    admit(layout.outline(reducer.as_ref()))?;
    layout.check_parts(area)?;
    let in_band = layout.part_size[0].min(height);
    let mut band = Band {
        layout: &layout,
        pixels: vec![0; in_band * width * channels],
        depth: Depth::new(bits),
    };
    let mut pixels = match &reducer {
        None if in_band < height => Vec::with_capacity(height * width * channels),
        _ => Vec::new(),
    };
    let mut parts = layout.parts(bytes)?;
    // Those of other planes are far from each other.
    parts.sort_by_key(|part| part.offset[0]);
    for of_band in parts.chunk_by(|one, other| one.offset[0] == other.offset[0]) {
        of_band.iter().try_for_each(|part| band.paint(part))?;
        let rows = in_band.min(height - of_band[0].offset[0]);
        let painted = &band.pixels[..rows * channels * width];
        match &mut reducer {
            Some(reducer) => painted
                .chunks_exact(channels * width)
                .for_each(|row| reducer.push(row)),
            None if rows == height => std::mem::swap(&mut pixels, &mut band.pixels),
            None => pixels.extend_from_slice(painted),
        }
    }
    let peak = (layout.bits == 16).then(|| band.depth.peak());
    let (channels, size, pixels) = match &mut reducer {
        Some(reducer) => (reducer.channels(), reducer.size(), reducer.finish()),
        None => (channels, layout.size, pixels),
    };
    let raster = Raster {
        peak,
        ..Raster::new(channels, size, pixels)
    };
    Ok(raster.turned(layout.orientation))
}

/// Rows of the image, as many as a strip or tile has.
struct Band<'a> {
    layout: &'a Layout,
    pixels: Vec<u8>,
    depth: Depth,
}

impl Band<'_> {
    /// Decodes a strip or tile into its place.
    fn paint(&mut self, part: &Part<'_>) -> Result<(), String> {
        let layout = self.layout;
        let [height, width] = layout.size;
        let rows = layout.part_size[0].min(height - part.offset[0]);
        let columns = layout.part_size[1].min(width - part.offset[1]);
        let (bytes, row_bytes, bits) = match layout.compression {
            Compression::Jpeg => {
                let (bytes, row_bytes) = layout.jpeg(part, [rows, columns])?;
                (bytes, row_bytes, 8)
            }
            _ => {
                // The last strip ends with the image; tiles may extend beyond it.
                let stored_rows = if layout.is_tiled {
                    layout.part_size[0]
                } else {
                    rows
                };
                let mut bytes = layout.unpack(part, stored_rows)?;
                layout.undo_prediction(&mut bytes);
                (bytes, layout.row_bytes(), layout.bits)
            }
        };
        let stored = layout.stored_samples();
        let mut samples = vec![0; columns * stored];
        let channels = layout.channels();
        for (y, row) in bytes.chunks(row_bytes).take(rows).enumerate() {
            layout.read_samples(row, bits, &mut samples);
            let start = (y * width + part.offset[1]) * channels;
            let target = &mut self.pixels[start..start + columns * channels];
            for (pixel, samples) in target
                .chunks_exact_mut(channels)
                .zip(samples.chunks_exact(stored))
            {
                match layout.is_planar {
                    true => pixel[part.plane] = layout.byte(samples[0], bits, &mut self.depth),
                    false => layout.color(samples, bits, &mut self.depth, pixel),
                }
            }
        }
        Ok(())
    }
}

impl Layout {
    /// What comes out, and the memory that it takes.
    fn outline(&self, reducer: Option<&Reducer>) -> Outline {
        let channels = self.channels();
        let bytes = |rows: usize| {
            let of_row = (self.size[1] as u64).saturating_mul(channels as u64);
            of_row.saturating_mul(rows as u64)
        };
        let of_band = bytes(self.part_size[0].min(self.size[0]));
        // JPEG data also need memory for their coefficients.
        let copies = if self.compression == Compression::Jpeg {
            8
        } else {
            2
        };
        let of_part = (self.part_size[0] as u64).saturating_mul(self.row_bytes() as u64);
        let of_bands = of_band.saturating_add(of_part.saturating_mul(copies));
        match reducer {
            Some(reducer) => reducer.outline(self.size, reducer.cost().saturating_add(of_bands)),
            None => {
                let copies = if self.orientation == Orientation::Upright {
                    1
                } else {
                    2
                };
                let pixels = bytes(self.size[0]).saturating_mul(copies);
                Outline::whole(channels, self.size, pixels.saturating_add(of_bands))
            }
        }
    }

    /// Decodes a strip or tile that is JPEG data; returns its bytes and the number of bytes per row.
    fn jpeg(&self, part: &Part<'_>, least: [usize; 2]) -> Result<(Vec<u8>, usize), String> {
        // An Adobe segment tells the decoder what the components are.
        let transform = u8::from(self.meaning == Meaning::YCbCr);
        let adobe = [
            &[0xff, 0xd8, 0xff, 0xee, 0, 14][..],
            b"Adobe\0\x64\0\0\0\0",
            &[transform],
        ];
        let tables = self.jpeg_tables.as_slice();
        let tables = tables.strip_prefix(&[0xff, 0xd8]).unwrap_or(tables);
        let tables = tables.strip_suffix(&[0xff, 0xd9]).unwrap_or(tables);
        let stream = part.bytes.strip_prefix(&[0xff, 0xd8]);
        let stream = stream.ok_or("damaged image: one of its strips or tiles is no JPEG")?;
        let file = [&adobe.concat(), tables, stream].concat();
        let limit = self.part_size;
        let admit = |outline: jpeg::Outline| {
            let is_small = outline
                .size
                .iter()
                .zip(limit)
                .all(|(side, most)| *side <= most + 16);
            is_small.then_some(()).ok_or_else(|| {
                "damaged image: one of its strips or tiles is larger than its header says"
                    .to_owned()
            })
        };
        let decoded = jpeg::decode(&file, None, admit).map_err(|fault| fault.to_string())?;
        let is_whole = decoded
            .size
            .iter()
            .zip(least)
            .all(|(side, least)| *side >= least);
        if !is_whole || decoded.channels != self.stored_samples() {
            return Err(
                "damaged image: one of its strips or tiles is not as its header says".to_owned(),
            );
        }
        Ok((decoded.pixels, decoded.size[1] * decoded.channels))
    }
}
