//! A white picture, with images and lines of text on it.

use font8x8::{BASIC_FONTS, GREEK_FONTS, HIRAGANA_FONTS, LATIN_FONTS, UnicodeFonts};

/// The width and height of a character, in pixels.
pub const CHARACTER: usize = 8;

/// A picture in red, green and blue.
pub struct Canvas {
    width: usize,
    /// Row by row, three bytes a pixel.
    pub pixels: Vec<u8>,
}

impl Canvas {
    /// A white one.
    pub fn new(width: usize, height: usize) -> Self {
        Self {
            width,
            pixels: vec![255; 3 * width * height],
        }
    }

    /// Colours one pixel.
    pub fn set(&mut self, x: usize, y: usize, color: [u8; 3]) {
        self.pixels[3 * (y * self.width + x)..][..3].copy_from_slice(&color);
    }

    /// Writes a text in black, each pixel of the font enlarged `scale` times; a text wider than `width` is cut and
    /// ends in an ellipsis, and a character that the font lacks is a question mark.
    pub fn write(&mut self, text: &str, [x, y]: [usize; 2], width: usize, scale: usize) {
        let room = width / (CHARACTER * scale);
        let mut characters: Vec<char> = text.chars().collect();
        if characters.len() > room {
            characters.truncate(room);
            if let Some(last) = characters.last_mut() {
                *last = '…';
            }
        }
        for (index, character) in characters.into_iter().enumerate() {
            let left = x + index * CHARACTER * scale;
            for (row, bits) in glyph(character).into_iter().enumerate() {
                for column in (0..CHARACTER).filter(|column| bits >> column & 1 == 1) {
                    self.fill([left + column * scale, y + row * scale], scale);
                }
            }
        }
    }

    /// A black square.
    fn fill(&mut self, [left, top]: [usize; 2], size: usize) {
        for y in top..top + size {
            for x in left..left + size {
                self.set(x, y, [0; 3]);
            }
        }
    }
}

/// The rows of a character, the leftmost pixel in the lowest bit.
fn glyph(character: char) -> [u8; CHARACTER] {
    if character == '…' {
        return [0, 0, 0, 0, 0, 0b1101_1011, 0b1101_1011, 0];
    }
    let basic = BASIC_FONTS.get(character);
    let found = basic
        .or_else(|| LATIN_FONTS.get(character))
        .or_else(|| GREEK_FONTS.get(character))
        .or_else(|| HIRAGANA_FONTS.get(character))
        .or_else(|| BASIC_FONTS.get('?'));
    found.unwrap_or_default()
}
