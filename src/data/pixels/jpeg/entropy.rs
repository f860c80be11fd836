//! Walks the blocks of a scan, and decodes the sequential ones (ITU-T T.81, annex F).

use super::bits::Bits;
use super::component::Component;
use super::fault::Fault;
use super::huffman::Huffman;
use super::markers::{Member, Scan, Tables, ZIGZAG};
use super::skip::Skips;

/// Decodes the blocks of one kind of scan.
pub trait Coder {
    /// Decodes the block at column and row `place` of the scan's component number `member`.
    fn block(&mut self, bits: &mut Bits<'_>, member: usize, place: [usize; 2])
    -> Result<(), Fault>;

    /// Resets what carries over from block to block, at a restart marker.
    fn restart(&mut self);
}

/// The blocks of a scan in coded order.
pub struct Grid {
    /// MCUs of the scan: columns, then rows.
    units: [usize; 2],
    /// Blocks per MCU of each component: columns, then rows.
    blocks: Vec<[usize; 2]>,
}

impl Grid {
    /// For a scan over some of these components.
    pub fn new(scan: &Scan, components: &[Component]) -> Self {
        let component = |index: usize| &components[scan.members[index].component];
        if scan.members.len() == 1 {
            return Self {
                units: component(0).blocks,
                blocks: vec![[1, 1]],
            };
        }
        let samplings = 0..scan.members.len();
        let first = component(0);
        Self {
            units: [0, 1].map(|axis| first.padded[axis] / first.declared.sampling[axis]),
            blocks: samplings
                .map(|it| component(it).declared.sampling)
                .collect(),
        }
    }

    /// Decodes all blocks from byte `at` on; returns the reader at their end.
    pub fn read<'a>(
        &self,
        bytes: &'a [u8],
        at: usize,
        restart_interval: usize,
        coder: &mut impl Coder,
    ) -> Result<Bits<'a>, Fault> {
        let mut bits = Bits::new(bytes, at);
        let (mut until_restart, mut restarts) = (restart_interval, 0u8);
        for y in 0..self.units[1] {
            for x in 0..self.units[0] {
                if restart_interval > 0 {
                    if until_restart == 0 {
                        bits = after_restart(bytes, &bits, restarts % 8)?;
                        coder.restart();
                        restarts = restarts.wrapping_add(1);
                        until_restart = restart_interval;
                    }
                    until_restart -= 1;
                }
                for (member, [across, down]) in self.blocks.iter().enumerate() {
                    for row in 0..*down {
                        for column in 0..*across {
                            let place = [x * across + column, y * down + row];
                            coder.block(&mut bits, member, place)?;
                        }
                    }
                }
                bits.check()?;
            }
        }
        Ok(bits)
    }
}

/// Continues after the restart marker with this number, which must come next.
fn after_restart<'a>(bytes: &'a [u8], bits: &Bits<'_>, number: u8) -> Result<Bits<'a>, Fault> {
    let at = bits.next_marker().ok_or(Fault::CutOff)?;
    match bytes[at + 1] == 0xd0 + number {
        true => Ok(Bits::new(bytes, at + 2)),
        false => Err(Fault::Damaged(format!(
            "its restart marker {number} is missing at byte {at}"
        ))),
    }
}

/// The Huffman table of each component of a scan.
pub type Codes<'a> = Vec<Option<&'a Huffman>>;

/// The error of a scan whose Huffman table was never defined.
pub fn missing_table() -> Fault {
    Fault::Damaged("a scan has no Huffman table".to_owned())
}

/// The DC tables of a scan.
pub fn dc_codes<'a>(scan: &Scan, tables: &'a Tables) -> Codes<'a> {
    scan.members
        .iter()
        .map(|it| tables.dc[it.dc].as_ref())
        .collect()
}

/// The AC tables of a scan.
pub fn ac_codes<'a>(scan: &Scan, tables: &'a Tables) -> Codes<'a> {
    scan.members
        .iter()
        .map(|it| tables.ac[it.ac].as_ref())
        .collect()
}

/// Decodes the blocks of a sequential scan.
pub struct Sequential<'a> {
    pub components: &'a mut [Component],
    pub scan: &'a Scan,
    pub dc: Codes<'a>,
    pub ac: Codes<'a>,
    /// Of components at 1/8, whose AC coefficients are not used.
    pub skips: Vec<Option<Skips>>,
    /// The DC coefficient of the previous block of each component.
    pub last_dc: Vec<i32>,
}

/// How to pass over the coefficients that are not used, for each component of a scan.
pub fn skips(scan: &Scan, components: &[Component], ac: &Codes<'_>) -> Vec<Option<Skips>> {
    let of_member = |(member, codes): (&Member, &Option<&Huffman>)| {
        let is_mean = components[member.component].is_mean();
        codes.filter(|_| is_mean).map(Skips::of)
    };
    scan.members.iter().zip(ac).map(of_member).collect()
}

impl Coder for Sequential<'_> {
    #[inline]
    fn block(
        &mut self,
        bits: &mut Bits<'_>,
        member: usize,
        place: [usize; 2],
    ) -> Result<(), Fault> {
        let (Some(dc), Some(ac)) = (self.dc[member], self.ac[member]) else {
            return Err(missing_table());
        };
        let component = &mut self.components[self.scan.members[member].component];
        let mut block = [0; 64];
        self.last_dc[member] = self.last_dc[member].wrapping_add(dc_difference(bits, dc)?);
        block[0] = self.last_dc[member] as i16;
        if let Some(skips) = &self.skips[member] {
            skips.block(bits, ac)?;
            component.put(&block, true, place);
            return Ok(());
        }
        let mut index = 1;
        while index < 64 {
            bits.refill();
            if let Some(run) = ac.short_run(bits) {
                index += run.zeros;
                block[place_of(index)] = run.number as i16;
                index += 1;
                continue;
            }
            let symbol = ac.symbol(bits)?;
            let (zeros, size) = (usize::from(symbol >> 4), u32::from(symbol & 15));
            index += zeros;
            match (size, zeros) {
                (0, 15) => index += 1,
                (0, _) => {
                    index -= zeros;
                    break;
                }
                _ => {
                    block[place_of(index)] = bits.take_signed(size) as i16;
                    index += 1;
                }
            }
        }
        match component.coefficients.is_empty() {
            true => component.put(&block, index == 1, place),
            false => component.coefficients[place[1] * component.padded[0] + place[0]] = block,
        }
        Ok(())
    }

    fn restart(&mut self) {
        self.last_dc.fill(0);
    }
}

/// The position in its block of the coefficient at `index` in zigzag order. An index beyond the last, which only
/// damaged data have, counts as the last, as in libjpeg.
#[inline]
pub fn place_of(index: usize) -> usize {
    usize::from(ZIGZAG[index.min(63)])
}

/// Decodes the difference between the DC coefficients of a block and its predecessor.
#[inline]
pub fn dc_difference(bits: &mut Bits<'_>, codes: &Huffman) -> Result<i32, Fault> {
    bits.refill();
    let size = codes.symbol(bits)?;
    match size {
        0..=15 => Ok(bits.take_signed(u32::from(size))),
        _ => Err(Fault::Damaged(
            "a Huffman table has impossible numbers".to_owned(),
        )),
    }
}
