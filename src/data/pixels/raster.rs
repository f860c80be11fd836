//! What a decoder makes of a file.

use super::exif::Orientation;

/// Pixels of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Raster {
    /// 1 for grey, 3 for red, green and blue.
    pub channels: usize,
    /// Height and width.
    pub size: [usize; 2],
    /// Row-major `[height, width, channels]`.
    pub pixels: Vec<u8>,
    /// The largest sample, where samples have 16 bits of which the file does not say how many are used.
    pub peak: Option<u16>,
}

/// What a decoder is about to make.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outline {
    /// Height and width of the whole image.
    pub size: [usize; 2],
    /// 1 for grey, 3 for red, green and blue.
    pub channels: usize,
    /// Height and width of what comes out: less than the whole where it is reduced while it is decoded.
    pub output: [usize; 2],
    /// Bytes of memory that decoding takes, those of what comes out among them.
    pub cost: u64,
}

/// Is asked before a decoder takes memory.
pub type Admit<'a> = &'a mut dyn FnMut(Outline) -> Result<(), String>;

impl Outline {
    /// Of an image that is not reduced.
    pub fn whole(channels: usize, size: [usize; 2], cost: u64) -> Self {
        Self {
            size,
            channels,
            output: size,
            cost,
        }
    }

    /// Bytes of what comes out.
    pub fn bytes(self) -> u64 {
        let [height, width] = self.output.map(|side| side as u64);
        (self.channels as u64)
            .saturating_mul(height)
            .saturating_mul(width)
    }
}

impl Raster {
    /// Of samples of 8 bits.
    pub fn new(channels: usize, size: [usize; 2], pixels: Vec<u8>) -> Self {
        Self {
            channels,
            size,
            pixels,
            peak: None,
        }
    }

    /// As it is meant to be seen.
    pub fn turned(self, orientation: Orientation) -> Self {
        if orientation == Orientation::Upright {
            return self;
        }
        let [height, width] = self.size;
        let size = match orientation.is_on_its_side() {
            true => [width, height],
            false => self.size,
        };
        let mut pixels = Vec::with_capacity(self.pixels.len());
        for y in 0..size[0] {
            for x in 0..size[1] {
                let [y, x] = orientation.source([y, x], self.size);
                let start = (y * width + x) * self.channels;
                pixels.extend_from_slice(&self.pixels[start..start + self.channels]);
            }
        }
        Self {
            size,
            pixels,
            ..self
        }
    }
}
