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

/// Decodes a file. `bits` is how many bits of a 16-bit sample are used. The orientation is part of the format, so it is
/// always applied.
pub fn decode(bytes: &[u8], bits: u32, admit: Admit<'_>) -> Result<Raster, String> {
    let layout = Layout::read(bytes)?;
    let [height, width] = layout.size;
    let area = (height as u64).saturating_mul(width as u64);
    let of_part = (layout.part_size[0] as u64).saturating_mul(layout.row_bytes() as u64);
    let copies = if layout.orientation == Orientation::Upright {
        3
    } else {
        6
    };
    // JPEG data inside also need memory for their coefficients.
    let of_part = of_part.saturating_mul(if layout.compression == Compression::Jpeg {
        8
    } else {
        2
    });
    let cost = area.saturating_mul(copies).saturating_add(of_part);
    admit(Outline::whole(layout.channels(), layout.size, cost))?;
    layout.check_parts(area)?;
    let mut page = Page {
        pixels: vec![0; area as usize * layout.channels()],
        depth: Depth::new(bits),
        layout: &layout,
    };
    for part in layout.parts(bytes)? {
        page.paint(&part)?;
    }
    let peak = (layout.bits == 16).then(|| page.depth.peak());
    let mut raster = Raster::new(layout.channels(), layout.size, page.pixels);
    raster.peak = peak;
    Ok(raster.turned(layout.orientation))
}

/// The pixels decoded so far.
struct Page<'a> {
    layout: &'a Layout,
    pixels: Vec<u8>,
    depth: Depth,
}

impl Page<'_> {
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
            let start = ((part.offset[0] + y) * width + part.offset[1]) * channels;
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
