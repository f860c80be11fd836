//! Parses the marker segments of a JPEG (ITU-T T.81, annex B).

use super::fault::Fault;
use super::huffman::Huffman;

/// Zigzag order: the row-major position of each coefficient in coded order.
pub const ZIGZAG: [u8; 64] = [
    0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5, 12, 19, 26, 33, 40, 48, 41, 34, 27, 20,
    13, 6, 7, 14, 21, 28, 35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51, 58, 59,
    52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55, 62, 63,
];

/// The tables and settings defined so far.
#[derive(Default)]
pub struct Tables {
    /// Quantization tables, row-major.
    pub steps: [Option<[u16; 64]>; 4],
    /// Huffman tables of DC coefficients.
    pub dc: [Option<Huffman>; 4],
    /// Huffman tables of AC coefficients.
    pub ac: [Option<Huffman>; 4],
    /// The number of MCUs between restart markers; 0 for none.
    pub restart_interval: usize,
    /// Whether the file has a JFIF segment.
    pub is_jfif: bool,
    /// The colour transform that the Adobe segment states.
    pub adobe_transform: Option<u8>,
}

/// A component as the frame header declares it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Declared {
    /// Its identifier.
    pub id: u8,
    /// Its sampling factors, horizontal and vertical, 1 to 4.
    pub sampling: [usize; 2],
    /// The number of its quantization table.
    pub steps: usize,
}

/// The frame header.
pub struct Frame {
    /// In pixels.
    pub width: usize,
    /// In pixels.
    pub height: usize,
    /// Whether the frame is progressive.
    pub is_progressive: bool,
    /// There are 1, 3 or 4.
    pub components: Vec<Declared>,
}

/// A scan header.
pub struct Scan {
    /// The components in it, with their tables.
    pub members: Vec<Member>,
    /// The first and last coefficient in zigzag order (spectral selection).
    pub band: [usize; 2],
    /// The lowest bit known before it (0: none) and after it (successive approximation).
    pub bits: [u32; 2],
}

/// A component of a scan.
#[derive(Clone, Copy)]
pub struct Member {
    /// Its index in the frame.
    pub component: usize,
    /// Its table in [`Tables::dc`].
    pub dc: usize,
    /// Its table in [`Tables::ac`].
    pub ac: usize,
}

/// The contents of the segment whose length field is at `at`.
pub fn segment(bytes: &[u8], at: usize) -> Result<&[u8], Fault> {
    let [high, low] = *bytes
        .get(at..)
        .and_then(<[u8]>::first_chunk)
        .ok_or(Fault::CutOff)?;
    let length = usize::from(u16::from_be_bytes([high, low]));
    if length < 2 {
        return Err(damaged(
            "a segment says that it is shorter than its own length",
        ));
    }
    bytes.get(at + 2..at + length).ok_or(Fault::CutOff)
}

fn damaged(what: &str) -> Fault {
    Fault::Damaged(what.to_owned())
}

impl Tables {
    /// Reads a segment that defines tables or settings.
    pub fn read(&mut self, marker: u8, segment: &[u8]) -> Result<(), Fault> {
        match marker {
            0xc4 => self.read_codes(segment),
            0xdb => self.read_steps(segment),
            0xdd => {
                let [high, low] = *segment.first_chunk().ok_or(short("restart interval"))?;
                self.restart_interval = usize::from(u16::from_be_bytes([high, low]));
                Ok(())
            }
            0xe0 => {
                self.is_jfif |= segment.starts_with(b"JFIF\0") && segment.len() >= 14;
                Ok(())
            }
            0xee => {
                if segment.starts_with(b"Adobe") && segment.len() >= 12 {
                    self.adobe_transform = Some(segment[11]);
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn read_codes(&mut self, mut segment: &[u8]) -> Result<(), Fault> {
        while let Some((head, rest)) = segment.split_first() {
            let (counts, rest) = rest
                .split_first_chunk::<16>()
                .ok_or(short("Huffman table"))?;
            let length = counts.iter().map(|count| usize::from(*count)).sum();
            let (symbols, rest) = rest
                .split_at_checked(length)
                .ok_or(short("Huffman table"))?;
            let tables = match head >> 4 {
                0 => &mut self.dc,
                1 => &mut self.ac,
                _ => return Err(damaged("a Huffman table is of an unknown class")),
            };
            let table = tables.get_mut(usize::from(head & 15));
            let table = table.ok_or(damaged("a Huffman table has a number above 3"))?;
            *table = Some(Huffman::new(counts, symbols)?);
            segment = rest;
        }
        Ok(())
    }

    fn read_steps(&mut self, mut segment: &[u8]) -> Result<(), Fault> {
        while let Some((head, rest)) = segment.split_first() {
            let bytes_a_step = 1 + usize::from(head >> 4 != 0);
            let (coded, rest) = rest
                .split_at_checked(64 * bytes_a_step)
                .ok_or(short("quantization table"))?;
            let mut steps = [0; 64];
            for (place, step) in ZIGZAG.iter().zip(coded.chunks_exact(bytes_a_step)) {
                let step = step
                    .iter()
                    .fold(0, |step, byte| step << 8 | u16::from(*byte));
                steps[usize::from(*place)] = step;
            }
            let table = self.steps.get_mut(usize::from(head & 15));
            *table.ok_or(damaged("a quantization table has a number above 3"))? = Some(steps);
            segment = rest;
        }
        Ok(())
    }
}

fn short(what: &str) -> Fault {
    Fault::Damaged(format!("a {what} is too short"))
}

impl Frame {
    /// Reads a frame header.
    pub fn read(marker: u8, segment: &[u8]) -> Result<Self, Fault> {
        let unsupported = |what: &str| Err(Fault::Unsupported(what.to_owned()));
        match marker {
            0xc0..=0xc2 => {}
            0xc3 => return unsupported("it is lossless"),
            0xc9..=0xcb | 0xcd..=0xcf => return unsupported("it is coded arithmetically"),
            _ => return unsupported("it is hierarchical"),
        }
        let Some((&[bits, h1, h0, w1, w0, count], rest)) = segment.split_first_chunk() else {
            return Err(short("header"));
        };
        if bits != 8 {
            return unsupported(&format!("it has {bits} bits a sample, not 8"));
        }
        if !matches!(count, 1 | 3 | 4) {
            return unsupported(&format!("it has {count} components, not 1, 3 or 4"));
        }
        let declared: Vec<&[u8]> = rest.chunks_exact(3).collect();
        if declared.len() != usize::from(count) {
            return Err(damaged(
                "its header has another length than its components take",
            ));
        }
        let mut components = Vec::new();
        for part in declared {
            let sampling = [usize::from(part[1] >> 4), usize::from(part[1] & 15)];
            if sampling.iter().any(|factor| !(1..=4).contains(factor)) || part[2] > 3 {
                return Err(damaged(
                    "its header has a component with impossible numbers",
                ));
            }
            components.push(Declared {
                id: part[0],
                sampling,
                steps: usize::from(part[2]),
            });
        }
        let number = |high, low| usize::from(u16::from_be_bytes([high, low]));
        Ok(Self {
            width: number(w1, w0),
            height: number(h1, h0),
            is_progressive: marker == 0xc2,
            components,
        })
    }

    /// The largest sampling factors of all components, horizontal and vertical.
    pub fn most_samples(&self) -> [usize; 2] {
        let most = |axis: usize| self.components.iter().map(|it| it.sampling[axis]).max();
        [0, 1].map(|axis| most(axis).unwrap_or(1))
    }
}

impl Scan {
    /// Reads a scan header.
    pub fn read(segment: &[u8], frame: &Frame) -> Result<Self, Fault> {
        let impossible = || damaged("the header of a scan has impossible numbers");
        let (count, rest) = segment.split_first().ok_or_else(impossible)?;
        let (parts, rest) = rest
            .split_at_checked(2 * usize::from(*count))
            .ok_or_else(impossible)?;
        let &[first, last, bits, ..] = rest else {
            return Err(impossible());
        };
        let mut members: Vec<Member> = Vec::new();
        for part in parts.chunks_exact(2) {
            let is_this = |(index, it): &(usize, &Declared)| {
                it.id == part[0] && members.iter().all(|member| member.component != *index)
            };
            let (component, _) = frame
                .components
                .iter()
                .enumerate()
                .find(is_this)
                .ok_or_else(|| damaged("a scan has a component that its header lacks"))?;
            members.push(Member {
                component,
                dc: usize::from(part[1] >> 4),
                ac: usize::from(part[1] & 15),
            });
        }
        if members.is_empty() || members.iter().any(|it| it.dc > 3 || it.ac > 3) {
            return Err(impossible());
        }
        let units: usize = members
            .iter()
            .map(|it| {
                frame.components[it.component]
                    .sampling
                    .iter()
                    .product::<usize>()
            })
            .sum();
        if members.len() > 1 && units > 10 {
            return Err(damaged("a scan has more than 10 blocks a unit"));
        }
        let scan = Self {
            members,
            band: match frame.is_progressive {
                true => [usize::from(first), usize::from(last)],
                false => [0, 63],
            },
            bits: match frame.is_progressive {
                true => [u32::from(bits >> 4), u32::from(bits & 15)],
                false => [0, 0],
            },
        };
        scan.check_progression().ok_or_else(impossible)?;
        Ok(scan)
    }

    /// Whether spectral selection and successive approximation are valid (T.81, G.1.1.1).
    fn check_progression(&self) -> Option<()> {
        let ([first, last], [before, after]) = (self.band, self.bits);
        let is_band = match (first, last) {
            (0, 0 | 63) => true,
            (0, _) => false,
            _ => first <= last && last < 64 && self.members.len() == 1,
        };
        let are_bits = after <= 13 && (before == 0 || before == after + 1);
        (is_band && are_bits).then_some(())
    }
}
