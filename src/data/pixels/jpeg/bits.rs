//! Reads the bits of entropy-coded data, up to the next marker (ITU-T T.81, F.2.2.5).

use super::fault::Fault;

/// A bit reader that returns zeros after the end of the data.
pub struct Bits<'a> {
    bytes: &'a [u8],
    /// The next byte that is not in `buffer`.
    at: usize,
    /// The next bits, the first in the highest position.
    buffer: u64,
    /// How many bits of `buffer` are valid.
    count: u32,
    /// How many zero bits were added after the end of the data.
    made_up: u32,
}

impl<'a> Bits<'a> {
    /// Starts at byte `at`.
    pub fn new(bytes: &'a [u8], at: usize) -> Self {
        Self {
            bytes,
            at,
            buffer: 0,
            count: 0,
            made_up: 0,
        }
    }

    /// Fills the buffer to at least 32 bits.
    #[inline]
    pub fn refill(&mut self) {
        if self.count < 32 {
            self.fill();
        }
    }

    fn fill(&mut self) {
        if let Some(word) = self.bytes.get(self.at..).and_then(<[u8]>::first_chunk) {
            let word = u64::from_be_bytes(*word);
            // Whether a byte is 255: the start of a marker, or followed by a stuffed zero byte.
            let inverse = !word;
            let has_255 =
                inverse.wrapping_sub(0x0101_0101_0101_0101) & word & 0x8080_8080_8080_8080;
            if has_255 == 0 {
                let taken = (64 - self.count) / 8;
                self.buffer |= word >> self.count;
                self.count += 8 * taken;
                self.at += taken as usize;
                return;
            }
        }
        while self.count <= 56 {
            let byte = self.next_byte();
            self.made_up += if byte.is_none() { 8 } else { 0 };
            // A word read earlier may have left the first bits of this byte below the valid bits.
            self.buffer |= u64::from(byte.unwrap_or(0)) << (56 - self.count);
            self.count += 8;
        }
    }

    /// The next byte of data; `None` at a marker and at the end of the file.
    fn next_byte(&mut self) -> Option<u8> {
        let byte = *self.bytes.get(self.at)?;
        if byte != 0xff {
            self.at += 1;
            return Some(byte);
        }
        let rest = &self.bytes[self.at + 1..];
        let fill_bytes = rest.iter().take_while(|byte| **byte == 0xff).count();
        if rest.get(fill_bytes) != Some(&0) {
            return None;
        }
        self.at += fill_bytes + 2;
        Some(0xff)
    }

    /// Returns the next 1 to 32 bits without consuming them; call `refill` first.
    #[inline]
    pub fn peek(&self, count: u32) -> u32 {
        (self.buffer >> (64 - count)) as u32
    }

    /// Consumes `count` bits.
    #[inline]
    pub fn skip(&mut self, count: u32) {
        self.buffer <<= count;
        self.count -= count;
    }

    /// Consumes up to 16 bits and returns them as a number; call `refill` first.
    #[inline]
    pub fn take(&mut self, count: u32) -> u32 {
        if count == 0 {
            return 0;
        }
        let value = self.peek(count);
        self.skip(count);
        value
    }

    /// Consumes `count` bits and returns them as a signed number (T.81, F.2.2.1).
    #[inline]
    pub fn take_signed(&mut self, count: u32) -> i32 {
        extend(self.take(count), count)
    }

    /// Fails if more bits were read than the data have.
    #[inline]
    pub fn check(&self) -> Result<(), Fault> {
        match self.made_up > self.count {
            false => Ok(()),
            true if self.next_marker().is_none() => Err(Fault::CutOff),
            true => Err(Fault::Damaged(
                "its data end before its last pixels".to_owned(),
            )),
        }
    }

    /// The position of the marker after the data.
    pub fn next_marker(&self) -> Option<usize> {
        next_marker(self.bytes, self.at)
    }

    /// The number of bytes of the file that were not read.
    pub fn bytes_left(&self) -> usize {
        let unread = self.count.saturating_sub(self.made_up) / 8;
        self.bytes.len() - self.at + unread as usize
    }
}

/// The position of the next marker at or after `at`. Bytes before it are skipped, like libjpeg does.
pub fn next_marker(bytes: &[u8], at: usize) -> Option<usize> {
    let is_marker = |pair: &[u8]| pair[0] == 0xff && !matches!(pair[1], 0 | 0xff);
    let rest = bytes.get(at..)?;
    rest.windows(2).position(is_marker).map(|place| at + place)
}

/// Extends `count` bits to the signed number that they stand for (T.81, EXTEND).
#[inline]
pub fn extend(value: u32, count: u32) -> i32 {
    let value = value as i32;
    match count {
        0 => 0,
        _ if value < 1 << (count - 1) => value - (1 << count) + 1,
        _ => value,
    }
}
