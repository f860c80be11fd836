//! Decodes progressive scans, which refine coefficients bit by bit (ITU-T T.81, annex G).

use super::bits::Bits;
use super::component::Component;
use super::entropy::{Coder, Codes, dc_difference, missing_table, place_of};
use super::fault::Fault;
use super::huffman::Huffman;
use super::markers::Scan;

/// Decodes the first scan of DC coefficients, without their low bits.
pub struct DcFirst<'a> {
    pub components: &'a mut [Component],
    pub scan: &'a Scan,
    pub dc: Codes<'a>,
    /// The DC coefficient of the previous block of each component.
    pub last_dc: Vec<i32>,
}

impl Coder for DcFirst<'_> {
    fn block(
        &mut self,
        bits: &mut Bits<'_>,
        member: usize,
        place: [usize; 2],
    ) -> Result<(), Fault> {
        let codes = self.dc[member].ok_or_else(missing_table)?;
        let dc = self.last_dc[member].wrapping_add(dc_difference(bits, codes)?);
        self.last_dc[member] = dc;
        let component = &mut self.components[self.scan.members[member].component];
        block_at(component, place)[0] = (dc << self.scan.bits[1]) as i16;
        Ok(())
    }

    fn restart(&mut self) {
        self.last_dc.fill(0);
    }
}

fn block_at(component: &mut Component, [x, y]: [usize; 2]) -> &mut [i16; 64] {
    &mut component.coefficients[y * component.padded[0] + x]
}

/// Decodes one more bit of each DC coefficient.
pub struct DcRefine<'a> {
    pub components: &'a mut [Component],
    pub scan: &'a Scan,
}

impl Coder for DcRefine<'_> {
    fn block(
        &mut self,
        bits: &mut Bits<'_>,
        member: usize,
        place: [usize; 2],
    ) -> Result<(), Fault> {
        bits.refill();
        let component = &mut self.components[self.scan.members[member].component];
        block_at(component, place)[0] |= (bits.take(1) << self.scan.bits[1]) as i16;
        Ok(())
    }

    fn restart(&mut self) {}
}

/// Decodes a band of AC coefficients: their high bits, or one more bit.
pub struct AcBand<'a> {
    pub component: &'a mut Component,
    pub scan: &'a Scan,
    pub ac: Codes<'a>,
    /// How many of the next blocks have no new coefficients (EOBRUN).
    pub empty_blocks: u32,
}

impl Coder for AcBand<'_> {
    fn block(&mut self, bits: &mut Bits<'_>, _: usize, place: [usize; 2]) -> Result<(), Fault> {
        let codes = self.ac[0].ok_or_else(missing_table)?;
        let ([first, last], [before, after]) = (self.scan.band, self.scan.bits);
        let block = block_at(self.component, place);
        match before {
            0 => decode_first(
                bits,
                codes,
                block,
                [first, last],
                after,
                &mut self.empty_blocks,
            ),
            _ => decode_refinement(
                bits,
                codes,
                block,
                [first, last],
                after,
                &mut self.empty_blocks,
            ),
        }
    }

    fn restart(&mut self) {
        self.empty_blocks = 0;
    }
}

/// The number of blocks that end with this EOBn symbol.
fn end_of_band_run(bits: &mut Bits<'_>, power: usize) -> u32 {
    (1 << power) + bits.take(power as u32)
}

/// Decodes the high bits of the coefficients of a band.
fn decode_first(
    bits: &mut Bits<'_>,
    codes: &Huffman,
    block: &mut [i16; 64],
    [first, last]: [usize; 2],
    after: u32,
    empty_blocks: &mut u32,
) -> Result<(), Fault> {
    if *empty_blocks > 0 {
        *empty_blocks -= 1;
        return Ok(());
    }
    let mut index = first;
    while index <= last {
        bits.refill();
        let symbol = codes.symbol(bits)?;
        let (zeros, size) = (usize::from(symbol >> 4), u32::from(symbol & 15));
        match (size, zeros) {
            (0, 15) => index += 16,
            (0, power) => {
                *empty_blocks = end_of_band_run(bits, power) - 1;
                break;
            }
            _ => {
                index += zeros;
                block[place_of(index)] = (bits.take_signed(size) << after) as i16;
                index += 1;
            }
        }
    }
    Ok(())
}

/// Decodes one more bit of the coefficients of a band, and those that become nonzero with it.
fn decode_refinement(
    bits: &mut Bits<'_>,
    codes: &Huffman,
    block: &mut [i16; 64],
    [first, last]: [usize; 2],
    after: u32,
    empty_blocks: &mut u32,
) -> Result<(), Fault> {
    let mut index = first;
    if *empty_blocks == 0 {
        while index <= last {
            bits.refill();
            let symbol = codes.symbol(bits)?;
            let (zeros, size) = (usize::from(symbol >> 4), symbol & 15);
            let mut new = 0;
            if size != 0 {
                new = match bits.take(1) {
                    1 => 1 << after,
                    _ => -1 << after,
                };
            } else if zeros < 15 {
                *empty_blocks = end_of_band_run(bits, zeros);
                break;
            }
            index = refine(bits, block, [index, last], after, Some(zeros));
            if new != 0 && index <= last {
                block[place_of(index)] = new;
            }
            index += 1;
        }
    }
    if *empty_blocks > 0 {
        refine(bits, block, [index, last], after, None);
        *empty_blocks -= 1;
    }
    Ok(())
}

/// Reads one more bit for each nonzero coefficient of a band. Stops at the zero coefficient after `zeros` others and
/// returns its index; with `None`, goes to the end of the band.
fn refine(
    bits: &mut Bits<'_>,
    block: &mut [i16; 64],
    [first, last]: [usize; 2],
    after: u32,
    zeros: Option<usize>,
) -> usize {
    let mut zeros = zeros;
    for index in first..=last {
        let coefficient = &mut block[place_of(index)];
        if *coefficient == 0 {
            match &mut zeros {
                Some(0) => return index,
                Some(zeros) => *zeros -= 1,
                None => {}
            }
            continue;
        }
        bits.refill();
        let bit = 1i16 << after;
        if bits.take(1) == 1 && *coefficient & bit == 0 {
            let more = if *coefficient > 0 { bit } else { -bit };
            *coefficient = coefficient.wrapping_add(more);
        }
    }
    last + 1
}
