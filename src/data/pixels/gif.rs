//! The first frame of a GIF on its logical screen, as Pillow composes it.

use weezl::decode::Decoder;
use weezl::{BitOrder, LzwStatus};

use super::raster::{Admit, Outline, Raster};

const CUT_OFF: &str = "the file ends early: it was cut off";
const TOO_FEW: &str = "damaged image: it has fewer pixels than its header says";

/// The first frame of a file, with the palette and transparent colour that apply to it.
struct Frame<'a> {
    /// Height and width of the logical screen, enlarged if the frame does not fit.
    screen: [usize; 2],
    /// Offset of the frame from the upper left corner of the screen: rows, then columns.
    offset: [usize; 2],
    /// Height and width of the frame.
    size: [usize; 2],
    is_interlaced: bool,
    /// Three bytes per colour. Without a palette, indices are grey levels.
    palette: &'a [u8],
    /// The index of the transparent colour, which fills the screen around the frame.
    transparent: u8,
    code_size: u8,
    /// The rest of the file, from the LZW data on.
    data: &'a [u8],
}

/// Decodes a file.
pub fn decode(bytes: &[u8], admit: Admit<'_>) -> Result<Raster, String> {
    let frame = Frame::read(bytes)?;
    let area = frame.screen[0].saturating_mul(frame.screen[1]) as u64;
    // Whether all colours are grey is not known yet.
    admit(Outline::whole(3, frame.screen, area.saturating_mul(5)))?;
    if !(1..=8).contains(&frame.code_size) {
        return Err(format!(
            "damaged image: its codes begin with {} bits",
            frame.code_size
        ));
    }
    let mut screen = vec![frame.transparent; area as usize];
    frame.paint(&mut screen)?;
    let mut colors: Vec<[u8; 3]> = (0..=255).map(|grey| [grey; 3]).collect();
    for (color, stated) in colors.iter_mut().zip(frame.palette.chunks_exact(3)) {
        color.copy_from_slice(stated);
    }
    let is_grey = colors
        .iter()
        .all(|[red, green, blue]| red == green && green == blue);
    let channels = if is_grey { 1 } else { 3 };
    let color = |index: &u8| colors[usize::from(*index)].into_iter().take(channels);
    let pixels = screen.iter().flat_map(color).collect();
    Ok(Raster::new(channels, frame.screen, pixels))
}

/// Reads bytes from the front of a slice.
struct Cursor<'a>(&'a [u8]);

impl<'a> Cursor<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8], String> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or(CUT_OFF)?;
        self.0 = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], String> {
        let (taken, rest) = self.0.split_first_chunk().ok_or(CUT_OFF)?;
        self.0 = rest;
        Ok(*taken)
    }

    /// The next data sub-block; the one that ends the data is empty.
    fn block(&mut self) -> Result<&'a [u8], String> {
        let [length] = self.array()?;
        self.take(usize::from(length))
    }

    /// A colour table, if the flags announce one.
    fn palette(&mut self, flags: u8) -> Result<Option<&'a [u8]>, String> {
        let length = 3 << ((flags & 7) + 1);
        match flags & 0x80 {
            0 => Ok(None),
            _ => self.take(length).map(Some),
        }
    }
}

fn number(low: u8, high: u8) -> usize {
    usize::from(u16::from_le_bytes([low, high]))
}

impl<'a> Frame<'a> {
    fn read(bytes: &'a [u8]) -> Result<Self, String> {
        const SIGNATURE: usize = 6;
        let mut cursor = Cursor(bytes);
        cursor.take(SIGNATURE)?;
        let [w0, w1, h0, h1, flags, _, _] = cursor.array()?;
        let screen = [number(h0, h1), number(w0, w1)];
        let common = cursor.palette(flags)?;
        let mut transparent = 0;
        loop {
            match cursor.array()? {
                [0x21] => {
                    let [label] = cursor.array()?;
                    let first = cursor.block()?;
                    if let (0xf9, [flags, _, _, index, ..]) = (label, first)
                        && flags & 1 != 0
                    {
                        transparent = *index;
                    }
                    let mut block = first;
                    while !block.is_empty() {
                        block = cursor.block()?;
                    }
                }
                [0x2c] => break,
                [0x3b] => return Err("damaged image: it has no frame".to_owned()),
                // Bytes between blocks are skipped, like Pillow does.
                _ => {}
            }
        }
        let [x0, x1, y0, y1, w0, w1, h0, h1, flags] = cursor.array()?;
        let offset = [number(y0, y1), number(x0, x1)];
        let size = [number(h0, h1), number(w0, w1)];
        let own = cursor.palette(flags)?;
        let [code_size] = cursor.array()?;
        Ok(Self {
            screen: [0, 1].map(|axis| screen[axis].max(offset[axis] + size[axis])),
            offset,
            size,
            is_interlaced: flags & 0x40 != 0,
            palette: own.or(common).unwrap_or_default(),
            transparent,
            code_size,
            data: cursor.0,
        })
    }

    /// Copies the frame onto the screen.
    fn paint(&self, screen: &mut [u8]) -> Result<(), String> {
        let [height, width] = self.size;
        if width == 0 || height == 0 {
            return Ok(());
        }
        let indices = self.indices()?;
        for (row, y) in indices.chunks_exact(width).zip(self.rows()) {
            let start = (self.offset[0] + y) * self.screen[1] + self.offset[1];
            screen[start..start + width].copy_from_slice(row);
        }
        Ok(())
    }

    /// The image row of each row of the data, which differ if the frame is interlaced.
    fn rows(&self) -> Vec<usize> {
        let passes: &[(usize, usize)] = match self.is_interlaced {
            true => &[(0, 8), (4, 8), (2, 4), (1, 2)],
            false => &[(0, 1)],
        };
        let rows = |(first, step): &(usize, usize)| (*first..self.size[0]).step_by(*step);
        passes.iter().flat_map(rows).collect()
    }

    /// The colour index of each pixel of the frame, in the order of the data.
    fn indices(&self) -> Result<Vec<u8>, String> {
        let mut cursor = Cursor(self.data);
        let mut decoder = Decoder::new(BitOrder::Lsb, self.code_size);
        let mut indices = vec![0; self.size[0] * self.size[1]];
        let mut made = 0;
        loop {
            // The empty block at the end flushes the decoder.
            let mut block = cursor.block()?;
            let is_last = block.is_empty();
            while made < indices.len() {
                let step = decoder.decode_bytes(block, &mut indices[made..]);
                block = &block[step.consumed_in..];
                made += step.consumed_out;
                match step.status {
                    Ok(LzwStatus::Ok) => {}
                    Ok(LzwStatus::NoProgress) => break,
                    Ok(LzwStatus::Done) if made == indices.len() => break,
                    Ok(LzwStatus::Done) => return Err(TOO_FEW.to_owned()),
                    Err(error) => return Err(format!("damaged image: {error}")),
                }
            }
            if made == indices.len() {
                return Ok(indices);
            }
            if is_last {
                return Err(TOO_FEW.to_owned());
            }
        }
    }
}
