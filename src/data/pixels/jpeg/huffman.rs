//! Huffman codes (ITU-T T.81, annexes C and F.2.2.3).

use super::bits::{Bits, extend};
use super::fault::Fault;

/// Codes up to this length are decoded by one table lookup.
const LOOKUP_BITS: u32 = 9;
const LOOKUP: usize = 1 << LOOKUP_BITS;
const LONGEST: usize = 16;

/// A Huffman table.
#[derive(Clone)]
pub struct Huffman {
    /// Indexed by the next bits: the code length in the high byte, the symbol in the low byte; 0 for longer codes.
    short: [u16; LOOKUP],
    /// Indexed by the next bits, if they hold a code and its coefficient: the coefficient, the run of zeros before it
    /// and the bits of both; otherwise 0.
    numbers: [i32; LOOKUP],
    /// Indexed by code length: one more than the last code, left-aligned in 16 bits.
    ends: [u32; LONGEST + 1],
    /// Indexed by code length: what to add to a code to get its index in `symbols`.
    offsets: [i32; LONGEST + 1],
    symbols: Vec<u8>,
}

/// A coefficient that is not zero, and the run of zeros before it.
#[derive(Clone, Copy)]
pub struct ZeroRun {
    /// The number of zeros.
    pub zeros: usize,
    /// The coefficient after them.
    pub number: i32,
}

impl Huffman {
    /// Builds the table from the number of codes of each length, and their symbols.
    pub fn new(counts: &[u8; LONGEST], symbols: &[u8]) -> Result<Self, Fault> {
        let overfull = || Fault::Damaged("a Huffman table holds too many codes".to_owned());
        let mut table = Self {
            short: [0; LOOKUP],
            numbers: [0; LOOKUP],
            ends: [0; LONGEST + 1],
            offsets: [0; LONGEST + 1],
            symbols: symbols.to_vec(),
        };
        let (mut code, mut index) = (0u32, 0usize);
        for (length, count) in (1u32..).zip(counts) {
            table.offsets[length as usize] = index as i32 - code as i32;
            for _ in 0..*count {
                let symbol = *symbols.get(index).ok_or_else(overfull)?;
                if code >> length != 0 {
                    return Err(overfull());
                }
                table.add_short(code, length, symbol);
                code += 1;
                index += 1;
            }
            table.ends[length as usize] = code << (LONGEST as u32 - length);
            code <<= 1;
        }
        Ok(table)
    }

    fn add_short(&mut self, code: u32, length: u32, symbol: u8) {
        let Some(free) = LOOKUP_BITS.checked_sub(length) else {
            return;
        };
        let (zeros, bits) = (i32::from(symbol >> 4), u32::from(symbol & 15));
        for rest in 0..1u32 << free {
            let place = (code << free | rest) as usize;
            self.short[place] = (length as u16) << 8 | u16::from(symbol);
            if bits > 0 && bits <= free {
                let number = extend(rest >> (free - bits), bits);
                self.numbers[place] = number << 8 | zeros << 4 | (length + bits) as i32;
            }
        }
    }

    /// Decodes the next symbol, whose code has up to 16 bits.
    #[inline]
    pub fn symbol(&self, bits: &mut Bits<'_>) -> Result<u8, Fault> {
        let short = self.short[bits.peek(LOOKUP_BITS) as usize];
        if short != 0 {
            bits.skip(u32::from(short >> 8));
            return Ok(short as u8);
        }
        self.long_symbol(bits)
    }

    /// The length of a short code and its symbol, at the beginning of `count` bits; zeros may follow the last that are known.
    pub fn short_symbol(&self, next: u32, count: u32) -> Option<(u32, u8)> {
        let short = self.short[(next >> (count - LOOKUP_BITS)) as usize];
        (short != 0).then_some((u32::from(short >> 8), short as u8))
    }

    #[cold]
    fn long_symbol(&self, bits: &mut Bits<'_>) -> Result<u8, Fault> {
        let next = bits.peek(LONGEST as u32);
        let is_in = |length: &usize| next < self.ends[*length];
        let length = (LOOKUP_BITS as usize + 1..=LONGEST).find(is_in);
        let symbol = length.and_then(|length| {
            let code = (next >> (LONGEST - length)) as i32;
            let place = usize::try_from(code + self.offsets[length]).ok()?;
            bits.skip(length as u32);
            self.symbols.get(place).copied()
        });
        match symbol {
            Some(symbol) => Ok(symbol),
            None => {
                // After the end of the data, that is the error to report.
                bits.skip(LONGEST as u32);
                bits.check()?;
                Err(Fault::Damaged(
                    "its data have a code that no table has".to_owned(),
                ))
            }
        }
    }

    /// The next coefficient with the zeros before it, if its code is short; otherwise nothing is read.
    #[inline]
    pub fn short_run(&self, bits: &mut Bits<'_>) -> Option<ZeroRun> {
        let entry = self.numbers[bits.peek(LOOKUP_BITS) as usize];
        if entry == 0 {
            return None;
        }
        bits.skip(entry as u32 & 15);
        Some(ZeroRun {
            zeros: (entry >> 4 & 15) as usize,
            number: entry >> 8,
        })
    }
}
