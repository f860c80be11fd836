//! From the samples of a file, 8 or 16 bits each and opacity among them, to grey or colours of 8 bits.

use super::depth::Depth;

/// What the samples of an image are, and what becomes of those of 16 bits.
pub struct Samples {
    /// Of a pixel that are kept: 1 for grey, 3 for red, green and blue.
    pub channels: usize,
    /// Of a pixel in the file.
    pub stored: usize,
    /// Those of 16 bits; the others are bytes already.
    pub wide: Option<Wide>,
}

/// Samples of 16 bits.
pub struct Wide {
    /// The number of two bytes.
    pub number: fn([u8; 2]) -> u16,
    pub depth: Depth,
}

impl Samples {
    /// Bytes of a pixel in the file.
    pub fn pixel_bytes(&self) -> usize {
        self.stored * if self.wide.is_some() { 2 } else { 1 }
    }

    /// Whether pixels are in the file as they are kept.
    pub fn is_plain(&self) -> bool {
        self.stored == self.channels && self.wide.is_none()
    }

    /// Puts what is kept of some pixels behind others.
    pub fn append(&mut self, raw: &[u8], pixels: &mut Vec<u8>) {
        if self.is_plain() {
            pixels.extend_from_slice(raw);
            return;
        }
        let channels = self.channels;
        let stored = raw.chunks_exact(self.pixel_bytes());
        match &mut self.wide {
            None => pixels.extend(stored.flat_map(|pixel| &pixel[..channels])),
            Some(Wide { number, depth }) => {
                let kept = stored.flat_map(|pixel| pixel[..2 * channels].as_chunks().0);
                pixels.extend(kept.map(|pair| depth.byte(number(*pair))));
            }
        }
    }

    /// The largest sample of 16 bits.
    pub fn peak(&self) -> Option<u16> {
        self.wide.as_ref().map(|wide| wide.depth.peak())
    }
}

/// The lightness of a colour as Pillow's `convert("L")` rounds it: ITU-R 601-2, in 16 bits.
pub fn grey(pixel: &[u8]) -> u8 {
    let [red, green, blue] = [0, 1, 2].map(|channel| u32::from(pixel[channel]));
    ((19595 * red + 38470 * green + 7471 * blue + 0x8000) >> 16) as u8
}
