//! A component while it is decoded: its coefficients where they come in several scans, and its samples.

use super::idct::transform;
use super::markers::{Declared, Frame};
use super::upsample::{Samples, Upsampling};

/// One component of an image.
pub struct Component {
    pub declared: Declared,
    /// Blocks that hold a part of the image, across and down.
    pub blocks: [usize; 2],
    /// Blocks of whole units, across and down.
    pub padded: [usize; 2],
    /// Samples of a block that are made, across and down: 8, 4, 2 or 1.
    side: usize,
    /// Samples that belong to the image, across and down.
    size: [usize; 2],
    upsampling: Upsampling,
    /// The steps of quantization at its first scan.
    pub steps: Option<[u16; 64]>,
    /// All coefficients, block by block, in rows; empty where each block becomes samples at once.
    pub coefficients: Vec<[i16; 64]>,
    /// Of each coefficient in their coded order: how many bits are missing.
    pub missing_bits: [Option<u32>; 64],
    samples: Vec<u8>,
}

impl Component {
    /// For an image of which `scale` samples of each 8 are made, across and down; `None` for samples that fall
    /// between those of the image.
    pub fn new(declared: Declared, frame: &Frame, scale: usize) -> Option<Self> {
        let most = frame.most_samples();
        let all = [frame.width, frame.height];
        let axes = [0, 1];
        // A component that is coarser may make up for it by a larger transform.
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

    /// Bytes of its samples, and of its coefficients.
    pub fn cost(&self) -> [u64; 2] {
        let blocks = (self.padded[0] * self.padded[1]) as u64;
        [blocks * (self.side * self.side) as u64, 128 * blocks]
    }

    /// Makes room for samples.
    pub fn allocate_samples(&mut self) {
        self.samples = vec![0; self.cost()[0] as usize];
    }

    /// Makes room for coefficients.
    pub fn allocate_coefficients(&mut self) {
        self.coefficients = vec![[0; 64]; self.padded[0] * self.padded[1]];
    }

    /// Makes the samples of the block at column `x` and row `y`. Does nothing before its first scan.
    #[inline]
    pub fn put(&mut self, block: &[i16; 64], is_flat: bool, [x, y]: [usize; 2]) {
        let Some(steps) = &self.steps else { return };
        let stride = self.padded[0] * self.side;
        let at = y * self.side * stride + x * self.side;
        let target = &mut self.samples[at..];
        transform(block, steps, is_flat, target, [self.side, stride]);
    }

    /// Makes all samples of the coefficients, and forgets those.
    pub fn put_all(&mut self) {
        self.allocate_samples();
        for (index, block) in std::mem::take(&mut self.coefficients).iter().enumerate() {
            let is_flat = block[1..].iter().all(|coefficient| *coefficient == 0);
            let place = [index % self.padded[0], index / self.padded[0]];
            self.put(block, is_flat, place);
        }
    }

    /// Row `y` of the image, as far as this component is concerned.
    pub fn row(&self, y: usize, row: &mut [u8], sums: &mut Vec<u16>) {
        let samples = Samples {
            samples: &self.samples,
            stride: self.padded[0] * self.side,
            size: self.size,
        };
        self.upsampling.row(samples, y, row, sums);
    }
}
