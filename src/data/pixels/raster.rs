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

/// Is asked for a height and width, and for bytes of memory, before they are taken.
pub type Admit<'a> = &'a mut dyn FnMut([usize; 2], u64) -> Result<(), String>;

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
