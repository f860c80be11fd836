//! Converts 16-bit samples to bytes.

/// Converts 16-bit samples to bytes and remembers the largest sample.
#[derive(Debug)]
pub struct Depth {
    /// How many of the 16 bits are used, 8 to 16.
    bits: u32,
    peak: u16,
}

impl Depth {
    /// For samples that use `bits` of their 16 bits.
    pub fn new(bits: u32) -> Self {
        Self { bits, peak: 0 }
    }

    /// The upper 8 of the bits that are used; a sample that uses more bits is white.
    #[inline]
    pub fn byte(&mut self, sample: u16) -> u8 {
        self.peak = self.peak.max(sample);
        (sample >> (self.bits - 8)).min(255) as u8
    }

    /// The largest sample so far.
    pub fn peak(&self) -> u16 {
        self.peak
    }
}

/// The number of bits that the largest sample needs, at least 8.
pub fn bits_of(peak: u16) -> u32 {
    (u16::BITS - peak.leading_zeros()).max(8)
}
