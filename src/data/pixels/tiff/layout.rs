//! How a TIFF stores its pixels, according to its directory: samples, strips or tiles.

use super::super::depth::Depth;
use super::super::exif::{ORIENTATION, Orientation};
use super::compression::Compression;
use super::directory::Directory;

/// The tags of the fields.
mod tag {
    pub const WIDTH: u16 = 256;
    pub const HEIGHT: u16 = 257;
    pub const BITS: u16 = 258;
    pub const COMPRESSION: u16 = 259;
    pub const MEANING: u16 = 262;
    pub const FILL_ORDER: u16 = 266;
    pub const STRIP_OFFSETS: u16 = 273;
    pub const SAMPLES: u16 = 277;
    pub const ROWS_PER_STRIP: u16 = 278;
    pub const STRIP_BYTES: u16 = 279;
    pub const PLANAR: u16 = 284;
    pub const PREDICTOR: u16 = 317;
    pub const PALETTE: u16 = 320;
    pub const TILE_WIDTH: u16 = 322;
    pub const TILE_HEIGHT: u16 = 323;
    pub const TILE_OFFSETS: u16 = 324;
    pub const TILE_BYTES: u16 = 325;
    pub const EXTRA_SAMPLES: u16 = 338;
    pub const SAMPLE_FORMAT: u16 = 339;
    pub const JPEG_TABLES: u16 = 347;
    pub const DNG_VERSION: u16 = 50706;
}

/// What the samples of a pixel mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meaning {
    WhiteIsZero,
    BlackIsZero,
    Rgb,
    Palette,
    Cmyk,
    /// Only in JPEG data, whose decoder converts it to RGB.
    YCbCr,
}

/// How the pixels of the first page are stored.
#[derive(Debug)]
pub struct Layout {
    /// Height and width as stored, before the orientation is applied.
    pub size: [usize; 2],
    pub orientation: Orientation,
    pub meaning: Meaning,
    pub compression: Compression,
    /// Bits per sample.
    pub bits: usize,
    /// Samples per pixel, extra samples such as alpha included.
    samples: usize,
    /// Whether colours are premultiplied by the alpha sample that follows them.
    is_premultiplied: bool,
    /// Whether each component is stored in strips or tiles of its own (PlanarConfiguration 2).
    pub is_planar: bool,
    is_predicted: bool,
    /// Whether the lowest bit of a byte comes first (FillOrder 2).
    is_reversed: bool,
    is_little: bool,
    palette: Vec<u64>,
    pub jpeg_tables: Vec<u8>,
    pub is_tiled: bool,
    /// Height and width of a strip or tile.
    pub part_size: [usize; 2],
    offsets: Vec<u64>,
    lengths: Vec<u64>,
}

/// A strip or tile.
pub struct Part<'a> {
    /// Its compressed bytes.
    pub bytes: &'a [u8],
    /// Row and column of its upper left corner in the image.
    pub offset: [usize; 2],
    /// The component it holds, if components are stored apart.
    pub plane: usize,
}

impl Layout {
    /// Reads the first directory; the error names what is not supported.
    pub fn read(bytes: &[u8]) -> Result<Self, String> {
        let directory = Directory::read(bytes)?;
        if directory.has(tag::DNG_VERSION) {
            return Err(
                "it is a camera's raw file (DNG); develop it to a PNG or JPEG first".to_owned(),
            );
        }
        let number = |tag, otherwise| directory.number(tag).unwrap_or(otherwise);
        let size = [number(tag::HEIGHT, 0), number(tag::WIDTH, 0)].map(|it| it as usize);
        let compression = Compression::of(number(tag::COMPRESSION, 1))?;
        let samples = number(tag::SAMPLES, 1);
        let meaning = Meaning::of(number(tag::MEANING, 0), compression)?;
        let is_planar = number(tag::PLANAR, 1) == 2 && samples > 1;
        let extra = directory.numbers(tag::EXTRA_SAMPLES)?;
        let is_tiled = directory.has(tag::TILE_OFFSETS);
        let part_size = match is_tiled {
            true => [number(tag::TILE_HEIGHT, 0), number(tag::TILE_WIDTH, 0)],
            false => {
                let rows = number(tag::ROWS_PER_STRIP, u64::MAX).min(size[0] as u64);
                [rows, size[1] as u64]
            }
        };
        let [offsets, lengths] = match is_tiled {
            true => [tag::TILE_OFFSETS, tag::TILE_BYTES],
            false => [tag::STRIP_OFFSETS, tag::STRIP_BYTES],
        };
        let layout = Self {
            size,
            orientation: Orientation::of_number(number(ORIENTATION, 1)),
            meaning,
            compression,
            bits: same_bits(&directory.numbers(tag::BITS)?)?,
            samples: samples as usize,
            is_premultiplied: extra.first() == Some(&1),
            is_planar,
            is_predicted: match number(tag::PREDICTOR, 1) {
                1 => false,
                2 => compression != Compression::Jpeg,
                other => return Err(format!("its predictor {other} is not supported")),
            },
            is_reversed: number(tag::FILL_ORDER, 1) == 2 && compression != Compression::Jpeg,
            is_little: directory.is_little,
            palette: directory.numbers(tag::PALETTE)?,
            jpeg_tables: directory.raw(tag::JPEG_TABLES).unwrap_or_default().to_vec(),
            is_tiled,
            part_size: part_size.map(|it| it as usize),
            offsets: directory.numbers(offsets)?,
            lengths: directory.numbers(lengths)?,
        };
        layout.check(&directory.numbers(tag::SAMPLE_FORMAT)?)?;
        Ok(match layout.short_strips(bytes.len()) {
            Some((rows, offsets, lengths)) => Self {
                part_size: [rows, layout.part_size[1]],
                offsets,
                lengths,
                ..layout
            },
            None => layout,
        })
    }

    /// The rows, places and lengths of short strips, into which an image that is one strip without compression can be cut so
    /// that it need not be in memory as a whole. `None` where it cannot, or where the file is too short.
    fn short_strips(&self, file: usize) -> Option<(usize, Vec<u64>, Vec<u64>)> {
        const STRIP_BYTES: usize = 1 << 16;
        let height = self.size[0];
        let is_one_strip = !self.is_tiled && self.part_size[0] == height;
        if self.compression != Compression::None || !is_one_strip {
            return None;
        }
        let row = self.row_bytes();
        let rows = STRIP_BYTES
            .checked_div(row)
            .filter(|rows| (1..height).contains(rows))?;
        let whole = height.checked_mul(row)? as u64;
        let (mut offsets, mut lengths) = (Vec::new(), Vec::new());
        for (plane, start) in self.offsets.iter().enumerate() {
            let is_there = start.checked_add(whole)? <= file as u64;
            let stated = self.lengths.get(plane).copied().unwrap_or(0);
            if !is_there || (1..whole).contains(&stated) || plane >= self.planes() {
                return None;
            }
            for first in (0..height).step_by(rows) {
                offsets.push(start + (first * row) as u64);
                lengths.push((rows.min(height - first) * row) as u64);
            }
        }
        Some((rows, offsets, lengths))
    }

    /// How many times the strips or tiles cover the image.
    fn planes(&self) -> usize {
        if self.is_planar { self.channels() } else { 1 }
    }

    fn check(&self, formats: &[u64]) -> Result<(), String> {
        let unsupported = |what: &str| {
            Err(format!(
                "{what}, which is not supported; write it anew with 8 or 16 bits a sample"
            ))
        };
        if let Some(format) = formats.iter().find(|format| **format != 1) {
            return unsupported(match format {
                2 => "its samples have signs",
                3 => "its samples are floating-point numbers",
                _ => "its samples are no whole numbers",
            });
        }
        let needed = self.meaning.samples();
        let is_usual = matches!(self.bits, 1 | 2 | 4 | 8 | 12 | 16);
        let is_odd = self.bits < 8 || self.bits == 12;
        match self.bits {
            _ if !is_usual => return unsupported(&format!("it has {} bits a sample", self.bits)),
            bits if is_odd
                && (self.samples > 1 || self.is_predicted || bits == 12 && self.is_reversed) =>
            {
                return unsupported(&format!(
                    "it has {bits} bits a sample of several, or predicted ones"
                ));
            }
            9.. if self.meaning == Meaning::Palette => {
                return unsupported("its palette has more than 256 colours");
            }
            _ => {}
        }
        if self.samples < needed || self.samples > 16 {
            return Err(format!(
                "damaged image: it has {} samples a pixel, not {needed}",
                self.samples
            ));
        }
        let is_mixed = self.is_premultiplied || self.meaning.channels() != needed;
        if self.is_planar && is_mixed {
            return unsupported("its inks or opacity lie in planes of their own");
        }
        if self.compression == Compression::Jpeg && (self.bits != 8 || self.samples != needed) {
            return unsupported("its JPEG has more than 8 bits a sample, or opacity");
        }
        if self.meaning == Meaning::YCbCr && self.is_planar {
            return unsupported("its YCbCr lies in planes of their own");
        }
        if self.meaning == Meaning::Palette && self.palette.len() < 3 << self.bits {
            return Err("damaged image: its palette is too short".to_owned());
        }
        Ok(())
    }

    /// Rejects strips or tiles that are much larger than the image.
    pub fn check_parts(&self, area: u64) -> Result<(), String> {
        let [height, width] = self.part_size.map(|side| side as u64);
        let most = 4 * area + (1 << 20);
        match height.checked_mul(width) {
            Some(1..) if height * width <= most => Ok(()),
            _ => Err(format!(
                "damaged image: its strips or tiles have {width}x{height} pixels"
            )),
        }
    }

    /// 1 for grey, 3 for red, green and blue.
    pub fn channels(&self) -> usize {
        self.meaning.channels()
    }

    /// Samples per pixel within a strip or tile.
    pub fn stored_samples(&self) -> usize {
        if self.is_planar { 1 } else { self.samples }
    }

    /// Bytes of an unpacked row of a strip or tile.
    pub fn row_bytes(&self) -> usize {
        let samples = self.part_size[1].saturating_mul(self.stored_samples());
        samples.saturating_mul(self.bits).div_ceil(8)
    }

    /// All strips or tiles that overlap the image.
    pub fn parts<'a>(&self, bytes: &'a [u8]) -> Result<Vec<Part<'a>>, String> {
        let [down, across] = [0, 1].map(|axis| self.size[axis].div_ceil(self.part_size[axis]));
        let mut parts = Vec::new();
        for index in 0..self.planes() * down * across {
            let (plane, place) = (index / (down * across), index % (down * across));
            let missing = "damaged image: some of its strips or tiles are not there";
            let start = *self.offsets.get(index).ok_or(missing)?;
            let start = usize::try_from(start).unwrap_or(usize::MAX);
            let rest = bytes.get(start..).ok_or(CUT_OFF)?;
            let length = match self.lengths.get(index) {
                Some(0) | None => rest.len(),
                Some(length) => usize::try_from(*length).unwrap_or(usize::MAX),
            };
            parts.push(Part {
                bytes: rest.get(..length).ok_or(CUT_OFF)?,
                offset: [
                    place / across * self.part_size[0],
                    place % across * self.part_size[1],
                ],
                plane,
            });
        }
        Ok(parts)
    }

    /// Unpacks the first `rows` rows of a strip or tile.
    pub fn unpack(&self, part: &Part<'_>, rows: usize) -> Result<Vec<u8>, String> {
        let length = rows.saturating_mul(self.row_bytes());
        match self.is_reversed {
            true => {
                let turned: Vec<u8> = part.bytes.iter().map(|byte| byte.reverse_bits()).collect();
                self.compression.unpack(&turned, length)
            }
            false => self.compression.unpack(part.bytes, length),
        }
    }

    /// Undoes horizontal differencing: each sample was stored as its difference from the one to the left.
    pub fn undo_prediction(&self, bytes: &mut [u8]) {
        if !self.is_predicted {
            return;
        }
        let stored = self.stored_samples();
        for row in bytes.chunks_exact_mut(self.row_bytes()) {
            if self.bits == 8 {
                for index in stored..row.len() {
                    row[index] = row[index].wrapping_add(row[index - stored]);
                }
                continue;
            }
            for index in stored..row.len() / 2 {
                let sum = self
                    .word(row, index)
                    .wrapping_add(self.word(row, index - stored));
                let pair = if self.is_little {
                    sum.to_le_bytes()
                } else {
                    sum.to_be_bytes()
                };
                row[2 * index..2 * index + 2].copy_from_slice(&pair);
            }
        }
    }

    fn word(&self, row: &[u8], index: usize) -> u16 {
        let pair = [row[2 * index], row[2 * index + 1]];
        match self.is_little {
            true => u16::from_le_bytes(pair),
            false => u16::from_be_bytes(pair),
        }
    }

    /// Reads the samples of a row, as many as `samples` has room for.
    pub fn read_samples(&self, row: &[u8], bits: usize, samples: &mut [u16]) {
        for (index, sample) in samples.iter_mut().enumerate() {
            *sample = match bits {
                16 => self.word(row, index),
                8 => u16::from(row[index]),
                12 => {
                    let at = index * 3 / 2;
                    let pair = u16::from_be_bytes([row[at], row[at + 1]]);
                    if index % 2 == 0 {
                        pair >> 4
                    } else {
                        pair & 0xfff
                    }
                }
                _ => {
                    let place = index * bits;
                    let shifted = u16::from(row[place / 8]) >> (8 - bits - place % 8);
                    shifted & ((1 << bits) - 1)
                }
            };
        }
    }

    /// Converts a sample to a byte.
    #[inline]
    pub fn byte(&self, sample: u16, bits: usize, depth: &mut Depth) -> u8 {
        let is_inverted = self.meaning == Meaning::WhiteIsZero;
        let sample = if is_inverted {
            (u32::from(u16::MAX) >> (16 - bits)) as u16 - sample
        } else {
            sample
        };
        match bits {
            16 => depth.byte(sample),
            8 => sample as u8,
            12 => (sample >> 4) as u8,
            _ => (sample * (255 / ((1 << bits) - 1))) as u8,
        }
    }

    /// Converts the samples of a pixel to grey or RGB.
    #[inline]
    pub fn color(&self, samples: &[u16], bits: usize, depth: &mut Depth, pixel: &mut [u8]) {
        if self.meaning == Meaning::Palette {
            let colors = self.palette.len() / 3;
            for (channel, value) in pixel.iter_mut().enumerate() {
                *value = (self.palette[channel * colors + usize::from(samples[0])] >> 8) as u8;
            }
            return;
        }
        for (value, sample) in pixel.iter_mut().zip(samples) {
            *value = self.byte(*sample, bits, depth);
        }
        let next = |place: usize| samples[place] >> (bits - 8);
        if self.meaning == Meaning::Cmyk {
            let light = 255 - u32::from(next(3));
            for value in pixel {
                let ink = u32::from(*value) * light + 128;
                *value = light.saturating_sub(((ink >> 8) + ink) >> 8) as u8;
            }
        } else if self.is_premultiplied && samples.len() > pixel.len() {
            let opacity = u32::from(next(pixel.len()));
            for value in pixel {
                *value = match opacity {
                    0 => 0,
                    _ => (u32::from(*value) * 255 / opacity).min(255) as u8,
                };
            }
        }
    }
}

const CUT_OFF: &str = "the file ends early: it was cut off";

impl Meaning {
    fn of(number: u64, compression: Compression) -> Result<Self, String> {
        let name = match number {
            0 => return Ok(Self::WhiteIsZero),
            1 => return Ok(Self::BlackIsZero),
            2 => return Ok(Self::Rgb),
            3 => return Ok(Self::Palette),
            5 if compression != Compression::Jpeg => return Ok(Self::Cmyk),
            5 => "CMYK in JPEG",
            6 if compression == Compression::Jpeg => return Ok(Self::YCbCr),
            6 => "YCbCr without JPEG",
            4 => "a mask",
            8..=10 => "CIE L*a*b*",
            32803 => "a camera's raw samples",
            32844 | 32845 => "LogLuv",
            _ => return Err(format!("its colours, number {number}, are unknown")),
        };
        Err(format!(
            "its colours are {name}, which is not supported; convert it to RGB: magick FILE -colorspace sRGB FILE"
        ))
    }

    /// Colour samples per pixel, without extra samples.
    fn samples(self) -> usize {
        match self {
            Self::WhiteIsZero | Self::BlackIsZero | Self::Palette => 1,
            Self::Rgb | Self::YCbCr => 3,
            Self::Cmyk => 4,
        }
    }

    fn channels(self) -> usize {
        match self {
            Self::WhiteIsZero | Self::BlackIsZero => 1,
            Self::Rgb | Self::YCbCr | Self::Palette | Self::Cmyk => 3,
        }
    }
}

/// The number of bits per sample, which must be the same for all samples.
fn same_bits(bits: &[u64]) -> Result<usize, String> {
    let first = bits.first().copied().unwrap_or(1);
    match bits.iter().all(|it| *it == first) {
        true => Ok(first as usize),
        false => {
            Err("its samples have different numbers of bits, which is not supported".to_owned())
        }
    }
}
