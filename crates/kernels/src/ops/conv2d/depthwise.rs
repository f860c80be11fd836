//! Depthwise convolutions, each channel by itself: vectors run across channels, and every tap is one product.
//!
//! Sums go in the order of the taps, as those of a product with groups would.

use crate::core::geometry::Conv2dGeometry;
use crate::core::product::{Row, store_columns};
use crate::core::rectifier::{Rectifier, rectified};
use crate::core::simd::{Level, MAX_LANES, Vector, on_level};

/// Whether each output channel sees one input channel, its own.
pub fn is_depthwise(geometry: &Conv2dGeometry) -> bool {
    geometry.groups > 1
        && geometry.groups == geometry.in_channels
        && geometry.groups == geometry.out_channels
}

/// Products of pixels with the kernels of all channels.
#[derive(Debug)]
pub struct Taps {
    level: Level,
    channels: usize,
    /// Where each tap reads, from the start of a row.
    offsets: Vec<isize>,
    /// `[tap][channel]`, padded to whole vectors.
    weight: Vec<f32>,
}

impl Taps {
    /// `taps` of the kernels `[channel, 1, kernel_height, kernel_width]`, read at the offsets beside them.
    pub fn new(
        level: Level,
        geometry: &Conv2dGeometry,
        weight: &[f32],
        taps: &[(usize, isize)],
    ) -> Self {
        let channels = geometry.in_channels;
        let padded = channels.next_multiple_of(MAX_LANES);
        let mut packed = vec![0.0; taps.len() * padded];
        let kernels = weight.chunks_exact(geometry.depth());
        for (channel, kernel) in kernels.enumerate() {
            for ((tap, _), row) in taps.iter().zip(packed.chunks_exact_mut(padded)) {
                row[channel] = kernel[*tap];
            }
        }
        Self {
            level: level.for_runs_of(channels),
            channels,
            offsets: taps.iter().map(|(_, offset)| *offset).collect(),
            weight: packed,
        }
    }

    /// `c[row] = bias + Σ weight[tap] a[row + offset]`, for each row a pixel of all channels; the rectifier after it.
    ///
    /// # Panics
    ///
    /// If a row reaches outside of A or C; A must reach a vector's length less one beyond its last element.
    pub fn write(
        &self,
        a: &[f32],
        rows: &[Row],
        bias: Option<&[f32]>,
        rectifier: Option<Rectifier>,
        c: &mut [f32],
    ) {
        let padded = self.channels.next_multiple_of(MAX_LANES);
        let lowest = self.offsets.iter().min().copied().unwrap_or(0);
        let highest = self.offsets.iter().max().copied().unwrap_or(0);
        for row in rows {
            assert!(row.a as isize + lowest >= 0);
            assert!(row.a as isize + highest + padded as isize <= a.len() as isize);
            assert!(row.c + self.channels <= c.len());
        }
        let mut start = vec![0.0; padded];
        if let Some(bias) = bias {
            start[..self.channels].copy_from_slice(bias);
        }
        // SAFETY: all reads of A and writes of C were just checked; weight and start are padded.
        unsafe {
            write_on(
                self.level,
                self,
                a.as_ptr(),
                rows,
                &start,
                rectifier,
                c.as_mut_ptr(),
            )
        }
    }
}

/// Pixels that share the loads of a tap.
const PIXELS: usize = 4;

on_level! {
    unsafe fn write_on(
        taps: &Taps, a: *const f32, rows: &[Row], start: &[f32], rectifier: Option<Rectifier>, c: *mut f32,
    ) = write_generic
}

#[inline(always)]
unsafe fn write_generic<S: Vector>(
    taps: &Taps,
    a: *const f32,
    rows: &[Row],
    start: &[f32],
    rectifier: Option<Rectifier>,
    c: *mut f32,
) {
    let whole = rows.chunks_exact(PIXELS);
    let rest = whole.remainder();
    // SAFETY: the caller's promise.
    unsafe {
        for rows in whole {
            write_pixels::<S, PIXELS>(taps, a, rows, start, rectifier, c);
        }
        for row in rest {
            write_pixels::<S, 1>(taps, a, std::slice::from_ref(row), start, rectifier, c);
        }
    }
}

#[inline(always)]
unsafe fn write_pixels<S: Vector, const N: usize>(
    taps: &Taps,
    a: *const f32,
    rows: &[Row],
    start: &[f32],
    rectifier: Option<Rectifier>,
    c: *mut f32,
) {
    let padded = start.len();
    for channel in (0..taps.channels).step_by(S::LANES) {
        // SAFETY: the caller's promise.
        unsafe {
            let pixels: [*const f32; N] = std::array::from_fn(|i| a.add(rows[i].a + channel));
            let mut sums = [S::load(start.as_ptr().add(channel)); N];
            let mut weight = taps.weight.as_ptr().add(channel);
            for offset in &taps.offsets {
                let factor = S::load(weight);
                for (sum, pixel) in sums.iter_mut().zip(pixels) {
                    *sum = sum.add_product(S::load(pixel.offset(*offset)), factor);
                }
                weight = weight.add(padded);
            }
            for (sum, row) in sums.into_iter().zip(rows) {
                let sum = rectified(sum, rectifier);
                store_columns(sum, c.add(row.c + channel), taps.channels - channel);
            }
        }
    }
}

/// The gradient of the weight.
#[derive(Debug)]
pub struct WeightGradient {
    level: Level,
    channels: usize,
    /// Where each tap reads, from the start of a patch.
    offsets: Vec<usize>,
    /// From patches of the input to pixels of the gradient.
    rows: Vec<Row>,
}

impl WeightGradient {
    /// `gradient_rows` are where the pixels of a gradient lie.
    pub fn new(level: Level, geometry: &Conv2dGeometry, gradient_rows: &[usize]) -> Self {
        let offsets = geometry.segments();
        let pairs = geometry.patches().into_iter().zip(gradient_rows);
        Self {
            level: level.for_runs_of(geometry.in_channels),
            channels: geometry.in_channels,
            offsets: offsets
                .iter()
                .map(|segment| segment.offset as usize)
                .collect(),
            rows: pairs.map(|(a, c)| Row { a, c: *c }).collect(),
        }
    }

    /// Floats of the sums, `[tap][channel]`, padded to whole vectors.
    pub fn sums_len(&self) -> usize {
        self.offsets.len() * self.channels.next_multiple_of(MAX_LANES)
    }

    /// Adds the products of the patches of one image with the gradients of their outputs.
    ///
    /// # Panics
    ///
    /// If a row reaches outside; image and gradient must reach a vector's length less one beyond their last element.
    pub fn add(&self, image: &[f32], gradient: &[f32], sums: &mut [f32]) {
        let padded = self.channels.next_multiple_of(MAX_LANES);
        let highest = self.offsets.iter().max().copied().unwrap_or(0);
        for row in &self.rows {
            assert!(row.a + highest + padded <= image.len());
            assert!(row.c + padded <= gradient.len());
        }
        assert!(sums.len() >= self.sums_len());
        // SAFETY: all accesses were just checked.
        unsafe {
            let sums = sums.as_mut_ptr();
            add_on(self.level, self, image.as_ptr(), gradient.as_ptr(), sums)
        }
    }

    /// The gradient of the weight, `[channel, 1, kernel_height, kernel_width]`.
    pub fn weight(&self, sums: &[f32]) -> Vec<f32> {
        let padded = self.channels.next_multiple_of(MAX_LANES);
        let taps = self.offsets.len();
        let channels = (0..self.channels)
            .flat_map(|channel| (0..taps).map(move |tap| sums[tap * padded + channel]));
        channels.collect()
    }
}

on_level! {
    unsafe fn add_on(
        gradient: &WeightGradient, image: *const f32, gradients: *const f32, sums: *mut f32,
    ) = add_generic
}

#[inline(always)]
unsafe fn add_generic<S: Vector>(
    gradient: &WeightGradient,
    image: *const f32,
    gradients: *const f32,
    sums: *mut f32,
) {
    let padded = gradient.channels.next_multiple_of(MAX_LANES);
    for channel in (0..gradient.channels).step_by(S::LANES) {
        let mut tap = 0;
        for offsets in gradient.offsets.chunks(TAPS_AT_ONCE) {
            // SAFETY: the caller's promise.
            unsafe {
                let (image, gradients) = (image.add(channel), gradients.add(channel));
                let sums = sums.add(tap * padded + channel);
                macro_rules! add {
                    ($taps:literal) => {
                        add_taps::<S, $taps>(gradient, image, offsets, gradients, sums, padded)
                    };
                }
                match offsets.len() {
                    9 => add!(9),
                    8 => add!(8),
                    7 => add!(7),
                    6 => add!(6),
                    5 => add!(5),
                    4 => add!(4),
                    3 => add!(3),
                    2 => add!(2),
                    _ => add!(1),
                }
            }
            tap += offsets.len();
        }
    }
}

/// Taps whose sums stay in registers together.
const TAPS_AT_ONCE: usize = 9;

#[inline(always)]
unsafe fn add_taps<S: Vector, const N: usize>(
    gradient: &WeightGradient,
    image: *const f32,
    offsets: &[usize],
    gradients: *const f32,
    to: *mut f32,
    padded: usize,
) {
    // SAFETY: the caller's promise.
    unsafe {
        let offsets: [usize; N] = std::array::from_fn(|i| offsets[i]);
        let mut sums: [S; N] = std::array::from_fn(|i| S::load(to.add(i * padded)));
        for row in &gradient.rows {
            let value = S::load(gradients.add(row.c));
            let patch = image.add(row.a);
            for (sum, offset) in sums.iter_mut().zip(offsets) {
                *sum = sum.add_product(S::load(patch.add(offset)), value);
            }
        }
        for (i, sum) in sums.into_iter().enumerate() {
            sum.store(to.add(i * padded));
        }
    }
}
