//! Decodes JPEG files to exactly the pixels of libjpeg-turbo, and so of Pillow, torchvision and PyTorch: Huffman-coded,
//! sequential and progressive, 8 bits, grey, colour and CMYK, at full size or at 1/2, 1/4 or 1/8.
//!
//! libjpeg only warns of damaged data and decodes what it can; this decoder rejects the file. It is safe Rust, since
//! files may be hostile.

mod bits;
mod color;
mod component;
mod entropy;
mod fault;
mod huffman;
mod idct;
mod markers;
mod progressive;
mod skip;
mod standard;
mod upsample;

use bits::next_marker;
use color::Colors;
use component::Component;
use entropy::{Grid, Sequential, ac_codes, dc_codes, skips};
use markers::{Frame, Scan, Tables, segment};
use progressive::{AcBand, DcFirst, DcRefine};

pub use fault::Fault;

/// The decoded image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decoded {
    /// 1 for grey, 3 for red, green and blue.
    pub channels: usize,
    /// Height and width in pixels, after any reduction.
    pub size: [usize; 2],
    /// Row by row, pixel by pixel.
    pub pixels: Vec<u8>,
}

/// The size of an image and the memory it takes to decode, known from its header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outline {
    /// Height and width in pixels, before any reduction.
    pub size: [usize; 2],
    /// 1 for grey, 3 for red, green and blue.
    pub channels: usize,
    /// Height and width in pixels, after any reduction.
    pub output: [usize; 2],
    /// Bytes of memory that decoding takes.
    pub cost: u64,
}

/// More scans than any encoder writes. The limit bounds the time, since each scan costs time however short it is.
const MAX_SCANS: usize = 500;

/// Decodes a file. With `at_least`, a height and width, the image is reduced as far as it stays at least that large.
/// `admit` is called before memory is allocated.
///
/// # Errors
///
/// If the file is damaged, of an unsupported kind, or `admit` refuses it.
pub fn decode(
    bytes: &[u8],
    at_least: Option<[usize; 2]>,
    admit: impl FnOnce(Outline) -> Result<(), String>,
) -> Result<Decoded, Fault> {
    let mut reader = Reader {
        bytes,
        at: 2,
        tables: Tables::default(),
    };
    let frame = reader.frame()?;
    let size = [frame.height, frame.width];
    if size.contains(&0) {
        let [height, width] = size;
        return Err(Fault::Damaged(format!(
            "its header says {width}x{height} pixels"
        )));
    }
    let scale = scale(size, at_least);
    let mut components = Vec::new();
    for declared in &frame.components {
        let component = Component::new(*declared, &frame, scale);
        components.push(component.ok_or_else(|| {
            Fault::Unsupported("its colours are sampled between its pixels".to_owned())
        })?);
    }
    let first = reader.scan(&frame)?.ok_or(Fault::CutOff)?;
    let is_stored = frame.is_progressive || first.members.len() < components.len();
    let output = Output {
        channels: if components.len() == 1 { 1 } else { 3 },
        size: size.map(|side| (side * scale).div_ceil(8)),
    };
    let outline = Outline {
        size,
        channels: output.channels,
        output: output.size,
        cost: output.bytes() + components.iter().map(|it| cost(it, is_stored)).sum::<u64>(),
    };
    admit(outline).map_err(Fault::Refused)?;
    for component in &mut components {
        match is_stored {
            true => component.allocate_coefficients(),
            false => component.allocate_samples(),
        }
    }
    reader.scans(first, &frame, &mut components)?;
    if is_stored {
        components.iter_mut().for_each(Component::put_all);
    }
    Ok(output.write(&components, reader.colors(&frame)))
}

fn cost(component: &Component, is_stored: bool) -> u64 {
    let [samples, coefficients] = component.cost();
    samples + if is_stored { coefficients } else { 0 }
}

/// How many of every 8 samples are decoded, across and down: the fewest that keep the image at least as large as
/// `at_least`.
fn scale(size: [usize; 2], at_least: Option<[usize; 2]>) -> usize {
    let is_enough = |scale: &usize| {
        at_least.is_some_and(|least| {
            let mut sides = size.iter().zip(least);
            sides.all(|(side, least)| side * scale >= 8 * least)
        })
    };
    [1, 2, 4].into_iter().find(is_enough).unwrap_or(8)
}

/// Reads a file from marker to marker.
struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
    tables: Tables,
}

impl Reader<'_> {
    /// The next marker; `None` at the end of the file or image.
    fn marker(&mut self) -> Result<Option<u8>, Fault> {
        let at = next_marker(self.bytes, self.at).ok_or(Fault::CutOff)?;
        self.at = at + 2;
        match self.bytes[at + 1] {
            0xd9 => Ok(None),
            marker => Ok(Some(marker)),
        }
    }

    fn segment(&mut self) -> Result<&[u8], Fault> {
        let segment = segment(self.bytes, self.at)?;
        self.at += 2 + segment.len();
        Ok(segment)
    }

    /// Reads up to the frame header.
    fn frame(&mut self) -> Result<Frame, Fault> {
        while let Some(marker) = self.marker()? {
            match marker {
                0xc4 | 0xc8 | 0xcc => self.declaration(marker)?,
                0xc0..=0xcf => return Frame::read(marker, self.segment()?),
                0xda => break,
                _ => self.declaration(marker)?,
            }
        }
        Err(Fault::Damaged(
            "it has no header before its data".to_owned(),
        ))
    }

    /// Reads up to the next scan header; `None` at the end of the image.
    fn scan(&mut self, frame: &Frame) -> Result<Option<Scan>, Fault> {
        while let Some(marker) = self.marker()? {
            match marker {
                0xda => return Scan::read(self.segment()?, frame).map(Some),
                0xc0..=0xcf if !matches!(marker, 0xc4 | 0xc8 | 0xcc) => {
                    return Err(Fault::Damaged("it has two headers".to_owned()));
                }
                _ => self.declaration(marker)?,
            }
        }
        Ok(None)
    }

    fn declaration(&mut self, marker: u8) -> Result<(), Fault> {
        // Restart markers and the like have no segment.
        if matches!(marker, 0x01 | 0xd0..=0xd8) {
            return Ok(());
        }
        let segment = segment(self.bytes, self.at)?;
        self.at += 2 + segment.len();
        self.tables.read(marker, segment)
    }

    /// Reads all scans, up to the end of the image.
    fn scans(
        &mut self,
        first: Scan,
        frame: &Frame,
        components: &mut [Component],
    ) -> Result<(), Fault> {
        let mut next = Some(first);
        for _ in 0..MAX_SCANS {
            let Some(scan) = next else {
                return check_whole(components);
            };
            self.read(&scan, frame, components)?;
            if is_whole(components) {
                return Ok(());
            }
            next = self.scan(frame)?;
        }
        Err(Fault::Damaged(format!(
            "it has more than {MAX_SCANS} scans"
        )))
    }

    fn read(
        &mut self,
        scan: &Scan,
        frame: &Frame,
        components: &mut [Component],
    ) -> Result<(), Fault> {
        for member in &scan.members {
            let component = &mut components[member.component];
            let steps = self.tables.steps[component.declared.steps];
            component.steps = component.steps.or(steps);
            if component.steps.is_none() {
                return Err(Fault::Damaged("it has no quantization table".to_owned()));
            }
            note(component, scan)?;
            let (dc, ac) = (
                &mut self.tables.dc[member.dc],
                &mut self.tables.ac[member.ac],
            );
            *dc = dc.take().or_else(|| standard::dc(member.dc));
            *ac = ac.take().or_else(|| standard::ac(member.ac));
        }
        let grid = Grid::new(scan, components);
        let (dc, ac) = (dc_codes(scan, &self.tables), ac_codes(scan, &self.tables));
        let last_dc = vec![0; scan.members.len()];
        let skips = match frame.is_progressive {
            true => Vec::new(),
            false => skips(scan, components, &ac),
        };
        let (bytes, at) = (self.bytes, self.at);
        let interval = self.tables.restart_interval;
        let bits = match (frame.is_progressive, scan.band, scan.bits) {
            (false, ..) => {
                let mut coder = Sequential {
                    components,
                    scan,
                    dc,
                    ac,
                    skips,
                    last_dc,
                };
                grid.read(bytes, at, interval, &mut coder)?
            }
            (true, [0, _], [0, _]) => {
                let mut coder = DcFirst {
                    components,
                    scan,
                    dc,
                    last_dc,
                };
                grid.read(bytes, at, interval, &mut coder)?
            }
            (true, [0, _], _) => {
                grid.read(bytes, at, interval, &mut DcRefine { components, scan })?
            }
            (true, ..) => {
                let component = &mut components[scan.members[0].component];
                let mut coder = AcBand {
                    component,
                    scan,
                    ac,
                    empty_blocks: 0,
                };
                grid.read(bytes, at, interval, &mut coder)?
            }
        };
        // Some cameras write something else in place of the EOI marker. Of a file that was cut off, at most one byte
        // of that marker is left.
        self.at = match bits.next_marker() {
            Some(at) => at,
            None if bits.bytes_left() >= 2 => bytes.len(),
            None => return Err(Fault::CutOff),
        };
        Ok(())
    }

    fn colors(&self, frame: &Frame) -> Colors {
        let names: Vec<u8> = frame.components.iter().map(|it| it.id).collect();
        Colors::of(&names, self.tables.is_jfif, self.tables.adobe_transform)
    }
}

/// Records which bits of a component are known after a scan.
fn note(component: &mut Component, scan: &Scan) -> Result<(), Fault> {
    let ([first, last], [before, after]) = (scan.band, scan.bits);
    for missing in &mut component.missing_bits[first..=last] {
        if missing.unwrap_or(0) != before {
            return Err(Fault::Damaged("its scans are out of order".to_owned()));
        }
        *missing = Some(after);
    }
    Ok(())
}

fn is_whole(components: &[Component]) -> bool {
    let mut all = components.iter().flat_map(|it| it.missing_bits);
    all.all(|missing| missing == Some(0))
}

/// The AC coefficients that libjpeg estimates from neighbouring blocks while they are missing (block smoothing).
const GUESSED: usize = 10;

/// Rejects an image whose last scans are missing. A coefficient that no scan has is zero.
fn check_whole(components: &[Component]) -> Result<(), Fault> {
    for component in components {
        let (first, others) = component.missing_bits.split_at(GUESSED);
        let is_known = first.iter().all(|missing| *missing == Some(0));
        if !is_known || others.iter().any(|missing| missing.unwrap_or(0) > 0) {
            return Err(Fault::Damaged(
                "it ends before its last scans: only a coarse image is there".to_owned(),
            ));
        }
    }
    Ok(())
}

/// The size and channels of the decoded image.
struct Output {
    channels: usize,
    size: [usize; 2],
}

impl Output {
    fn bytes(&self) -> u64 {
        (self.channels * self.size[0] * self.size[1]) as u64
    }

    fn write(self, components: &[Component], colors: Colors) -> Decoded {
        let [height, width] = self.size;
        let mut pixels = vec![0; self.channels * height * width];
        let mut parts = vec![vec![0; width]; components.len()];
        let mut sums = Vec::new();
        for (y, row) in pixels.chunks_exact_mut(self.channels * width).enumerate() {
            for (component, part) in components.iter().zip(&mut parts) {
                component.row(y, part, &mut sums);
            }
            colors.write(&parts, row);
        }
        Decoded {
            channels: self.channels,
            size: self.size,
            pixels,
        }
    }
}
