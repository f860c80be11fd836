//! From samples of 16 bits to bytes.

/// Takes samples of 16 bits to bytes, and keeps the largest in mind.
#[derive(Debug)]
pub struct Depth {
    /// Of 16 bits so many are used, 8 to 16.
    bits: u32,
    peak: u16,
}

impl Depth {
    /// Of samples that use so many bits.
    pub fn new(bits: u32) -> Self {
        Self { bits, peak: 0 }
    }

    /// The upper 8 of the bits that are used; what is above them is white.
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

/// The bits that are used where this is the largest sample.
pub fn bits_of(peak: u16) -> u32 {
    (u16::BITS - peak.leading_zeros()).max(8)
}
