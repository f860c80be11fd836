//! A component during decoding: its samples, and its coefficients if they come in several scans.

use super::idct::transform;
use super::markers::{Declared, Frame};
use super::upsample::{Samples, Upsampling};

/// One component of an image.
pub struct Component {
    pub declared: Declared,
    /// Blocks that overlap the image: columns, then rows.
    pub blocks: [usize; 2],
    /// Blocks rounded up to whole MCUs: columns, then rows.
    pub padded: [usize; 2],
    /// Samples decoded per block, across and down: 8, 4, 2 or 1.
    side: usize,
    /// Samples inside the image: columns, then rows.
    size: [usize; 2],
    upsampling: Upsampling,
    /// The quantization table in effect at its first scan.
    pub steps: Option<[u16; 64]>,
    /// All coefficients, block by block in row-major order; empty if each block is transformed at once.
    pub coefficients: Vec<[i16; 64]>,
    /// For each coefficient in zigzag order, how many low bits are still missing; `None` before its first scan.
    pub missing_bits: [Option<u32>; 64],
    samples: Vec<u8>,
}

impl Component {
    /// For an image decoded at `scale`/8 of its size. `None` if the sampling factor does not divide that of the image.
    pub fn new(declared: Declared, frame: &Frame, scale: usize) -> Option<Self> {
        let most = frame.most_samples();
        let all = [frame.width, frame.height];
        let axes = [0, 1];
        // A subsampled component may use a larger transform instead of upsampling.
        let mut side = scale;
        let fits = |side: usize| {
            let divides =
                |axis: usize| (most[axis] * scale).is_multiple_of(declared.sampling[axis] * side);
            axes.into_iter().all(divides)
        };
        while side < 8 && fits(2 * side) {
            side *= 2;
        }
        let of_axis = |axis: usize, unit: usize| {
            (all[axis] * declared.sampling[axis] * unit).div_ceil(most[axis] * 8)
        };
        let size = axes.map(|axis| of_axis(axis, side));
        if !fits(side) {
            return None;
        }
        let factors = axes.map(|axis| most[axis] * scale / (declared.sampling[axis] * side));
        Some(Self {
            blocks: axes.map(|axis| of_axis(axis, 1)),
            padded: axes.map(|axis| all[axis].div_ceil(most[axis] * 8) * declared.sampling[axis]),
            upsampling: Upsampling::of(factors, size[0], scale > 1),
            declared,
            side,
            size,
            steps: None,
            coefficients: Vec::new(),
            missing_bits: [None; 64],
            samples: Vec::new(),
        })
    }

    /// Whether each block becomes one sample as soon as it is decoded, so that only its mean is used.
    pub fn is_mean(&self) -> bool {
        self.side == 1 && self.coefficients.is_empty()
    }

    /// Bytes of its samples, and bytes of its coefficients.
    pub fn cost(&self) -> [u64; 2] {
        let blocks = (self.padded[0] * self.padded[1]) as u64;
        [blocks * (self.side * self.side) as u64, 128 * blocks]
    }

    /// Allocates its samples.
    pub fn allocate_samples(&mut self) {
        self.samples = vec![0; self.cost()[0] as usize];
    }

    /// Allocates its coefficients.
    pub fn allocate_coefficients(&mut self) {
        self.coefficients = vec![[0; 64]; self.padded[0] * self.padded[1]];
    }

    /// Transforms the block at column `x` and row `y` to samples. Does nothing before the first scan.
    #[inline]
    pub fn put(&mut self, block: &[i16; 64], is_flat: bool, [x, y]: [usize; 2]) {
        let Some(steps) = &self.steps else { return };
        let stride = self.padded[0] * self.side;
        let at = y * self.side * stride + x * self.side;
        let target = &mut self.samples[at..];
        transform(block, steps, is_flat, target, [self.side, stride]);
    }

    /// Transforms all coefficients to samples and frees them.
    pub fn put_all(&mut self) {
        self.allocate_samples();
        for (index, block) in std::mem::take(&mut self.coefficients).iter().enumerate() {
            let is_flat = block[1..].iter().all(|coefficient| *coefficient == 0);
            let place = [index % self.padded[0], index / self.padded[0]];
            self.put(block, is_flat, place);
        }
    }

    /// Writes this component of row `y` of the image, upsampled to full width.
    pub fn row(&self, y: usize, row: &mut [u8], sums: &mut Vec<u16>) {
        let samples = Samples {
            samples: &self.samples,
            stride: self.padded[0] * self.side,
            size: self.size,
        };
        self.upsampling.row(samples, y, row, sums);
    }
}
