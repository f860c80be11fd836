//! Passes over AC coefficients that nothing is made of: an image at 1/8 has one sample a block, its mean.

use super::bits::Bits;
use super::fault::Fault;
use super::huffman::Huffman;

/// So many bits are looked up at a time: often several coefficients.
const LOOKUP_BITS: u32 = 11;

/// The coefficients of a block.
const ALL: usize = 64;

/// How far the next bits lead, for a Huffman table of AC coefficients.
pub struct Skips(Vec<Skip>);

/// Whole codes with their coefficients, as many as the bits hold.
#[derive(Clone, Copy, Default)]
struct Skip {
    /// How many bits these are; 0 if they do not hold a whole one.
    bits: u8,
    /// By how much the index grows before the last of them.
    before: u8,
    /// By how much it grows in all: by all coefficients, if the block ends.
    all: u8,
}

impl Skips {
    /// Of a Huffman table.
    pub fn of(codes: &Huffman) -> Self {
        Self(
            (0..1 << LOOKUP_BITS)
                .map(|next| skip(codes, next))
                .collect(),
        )
    }

    /// Reads the AC coefficients of a block as they would be decoded.
    #[inline]
    pub fn block(&self, bits: &mut Bits<'_>, codes: &Huffman) -> Result<(), Fault> {
        let mut index = 1;
        while index < ALL {
            bits.refill();
            let skip = self.0[bits.peek(LOOKUP_BITS) as usize];
            // What would come after the end of the block belongs to the next.
            if skip.bits > 0 && index + usize::from(skip.before) < ALL {
                bits.skip(u32::from(skip.bits));
                index += usize::from(skip.all);
                continue;
            }
            let symbol = codes.symbol(bits)?;
            bits.take(u32::from(symbol & 15));
            index += advance(symbol);
        }
        Ok(())
    }
}

/// By how much a symbol moves the index: past its zeros and its coefficient, or to the end of the block.
fn advance(symbol: u8) -> usize {
    let zeros = usize::from(symbol >> 4);
    match symbol & 15 {
        0 if zeros < 15 => ALL,
        _ => zeros + 1,
    }
}

/// What these next bits hold.
fn skip(codes: &Huffman, next: u32) -> Skip {
    let (mut bits, mut before, mut all) = (0, 0, 0);
    while all < ALL {
        let rest = next << bits & ((1 << LOOKUP_BITS) - 1);
        let Some((length, symbol)) = codes.short_symbol(rest, LOOKUP_BITS) else {
            break;
        };
        let end = bits + length + u32::from(symbol & 15);
        if end > LOOKUP_BITS {
            break;
        }
        bits = end;
        before = all;
        all += advance(symbol);
    }
    Skip {
        bits: bits as u8,
        before: before as u8,
        all: all as u8,
    }
}
