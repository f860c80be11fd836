//! 3x3 convolutions with stride 1 by Winograd's minimal filtering F(2x2, 3x3): 16 products for each
//! 2x2 outputs in place of 36 (A. Lavin and S. Gray, "Fast Algorithms for Convolutional Neural
//! Networks", 2016).
//!
//! Its transforms add and halve only, so that it rounds about as the direct sum does.

use crate::core::geometry::{Conv2dGeometry, Frame};
use crate::core::parallel::scratch;
use crate::core::product::{Packed, Row, Segment, Start, gathered};
use crate::core::simd::{Level, MAX_LANES, Vector, on_level};

/// Elements of a transformed 4x4 patch.
const POINTS: usize = 16;

/// Tiles that are transformed together, so that they stay in the second-level cache.
const TILES: usize = 32;

/// A convolution with its transformed weight.
#[derive(Debug)]
pub struct Winograd {
    level: Level,
    geometry: Conv2dGeometry,
    /// The transformed weight of each point, `[in][out]`.
    weight: Vec<Packed>,
    /// Rows of the products of one block of tiles.
    rows: Vec<Row>,
}

impl Winograd {
    /// Whether it applies, and there are channels enough to pay for the transforms.
    pub fn is_worthwhile(geometry: &Conv2dGeometry) -> bool {
        geometry.kernel_size == [3, 3]
            && geometry.stride == [1, 1]
            && geometry.dilation == [1, 1]
            && geometry.groups == 1
            && geometry.in_channels >= 8
            && geometry.out_channels >= 16
    }

    /// Transforms the weight `[out, in, 3, 3]`.
    pub fn new(level: Level, geometry: &Conv2dGeometry, weight: &[f32]) -> Self {
        let (ins, outs) = (geometry.in_channels, geometry.out_channels);
        let mut transformed = vec![0.0; POINTS * ins * outs];
        for (kernel_index, kernel) in weight.chunks_exact(9).enumerate() {
            let (out_channel, in_channel) = (kernel_index / ins, kernel_index % ins);
            for (point, value) in transform_kernel(kernel).into_iter().enumerate() {
                transformed[(point * ins + in_channel) * outs + out_channel] = value;
            }
        }
        let weight = transformed
            .chunks_exact(ins * outs)
            .map(|matrix| {
                let mut packed = Packed::default();
                packed.pack(level, ins, outs, |row, column| matrix[row * outs + column]);
                packed
            })
            .collect();
        let rows = (0..TILES).map(|tile| Row {
            a: tile * ins,
            c: tile * outs,
        });
        Self {
            level,
            geometry: *geometry,
            weight,
            rows: rows.collect(),
        }
    }

    /// The input with its padding, and where the output's size is odd with a row or column more.
    pub fn frame(&self) -> Frame {
        let frame = self.geometry.input_frame();
        let [down, across] = self.tiles();
        Frame {
            padded: [2 * down + 2, 2 * across + 2],
            ..frame
        }
    }

    /// Floats from one point to the next among the transformed inputs, and among the products: a
    /// cache line more than the values, as powers of two would all fall on the same few lines.
    fn steps(&self) -> [usize; 2] {
        [self.geometry.in_channels, self.geometry.out_channels]
            .map(|channels| TILES * channels + MAX_LANES)
    }

    /// Tiles of 2x2 outputs: down, across.
    fn tiles(&self) -> [usize; 2] {
        self.geometry.output_size().map(|size| size.div_ceil(2))
    }

    /// `conv2d(input, weight) + bias` of one image in its frame, then ReLU where it is asked for,
    /// channels last.
    pub fn convolve(&self, padded: &[f32], bias: Option<&[f32]>, relu: bool, output: &mut [f32]) {
        let (ins, outs) = (self.geometry.in_channels, self.geometry.out_channels);
        assert!(padded.len() >= self.frame().len() && output.len() >= self.geometry.output_len());
        // Vectors may reach beyond the last channel.
        let beyond = MAX_LANES;
        let [input_step, product_step] = self.steps();
        let mut inputs = scratch(POINTS * input_step);
        let mut products = scratch(POINTS * product_step);
        let mut padded_bias = scratch(outs + beyond);
        padded_bias.fill(0.0);
        if let Some(bias) = bias {
            padded_bias[..outs].copy_from_slice(bias);
        }
        let [down, across] = self.tiles();
        let segment = [Segment {
            offset: 0,
            length: ins,
        }];
        for first in (0..down * across).step_by(TILES) {
            let count = TILES.min(down * across - first);
            // SAFETY: tiles lie inside the frame, and each buffer reaches a vector further than its
            // last element.
            unsafe {
                let (image, inputs) = (padded.as_ptr(), inputs.as_mut_ptr());
                transform_input_on(self.level, self, image, first, count, inputs);
            }
            for (point, weight) in self.weight.iter().enumerate() {
                gathered(
                    self.level,
                    &inputs[point * input_step..][..TILES * ins],
                    &self.rows[..count],
                    &segment,
                    weight,
                    &mut products[point * product_step..][..TILES * outs],
                    Start::Zero,
                    false,
                );
            }
            // SAFETY: as above; outputs outside of the image are not written.
            unsafe {
                let (products, bias) = (products.as_ptr(), padded_bias.as_ptr());
                let output = output.as_mut_ptr();
                transform_output_on(self.level, self, products, first, count, bias, relu, output);
            }
        }
    }
}

/// `G g Gᵀ`, in double precision.
fn transform_kernel(kernel: &[f32]) -> [f32; POINTS] {
    let rows = |g: [f64; 3]| {
        [
            g[0],
            (g[0] + g[1] + g[2]) / 2.0,
            (g[0] - g[1] + g[2]) / 2.0,
            g[2],
        ]
    };
    let mut half = [[0.0; 3]; 4];
    for x in 0..3 {
        let column = rows([0, 1, 2].map(|y| f64::from(kernel[y * 3 + x])));
        for (row, value) in half.iter_mut().zip(column) {
            row[x] = value;
        }
    }
    let mut points = [0.0; POINTS];
    for (points, row) in points.chunks_exact_mut(4).zip(half) {
        for (point, value) in points.iter_mut().zip(rows(row)) {
            *point = value as f32;
        }
    }
    points
}

on_level! {
    unsafe fn transform_input_on(
        winograd: &Winograd, image: *const f32, first: usize, count: usize, points: *mut f32,
    ) = transform_input
}

/// `Bᵀ d B` of tiles `first..first + count`, as `[point][tile][in]`.
#[inline(always)]
unsafe fn transform_input<S: Vector>(
    winograd: &Winograd,
    image: *const f32,
    first: usize,
    count: usize,
    points: *mut f32,
) {
    let ins = winograd.geometry.in_channels;
    let across = winograd.tiles()[1];
    let row = (2 * across + 2) * ins;
    let [step, _] = winograd.steps();
    for tile in 0..count {
        let (y, x) = ((first + tile) / across, (first + tile) % across);
        // SAFETY: the caller's promise. Channels are written in ascending order, so that what a
        // vector writes beyond the last one is overwritten by the next tile.
        unsafe {
            let corner = image.add(2 * y * row + 2 * x * ins);
            let target = points.add(tile * ins);
            let whole = ins - ins % S::LANES;
            for channel in (0..whole).step_by(S::LANES) {
                let read = |y: usize, x: usize| S::load(corner.add(y * row + x * ins + channel));
                store_points(input_points(read), target.add(channel), step);
            }
            if whole < ins {
                // The last channels by way of a buffer: the image ends with its last one.
                let mut buffer = [0.0; MAX_LANES];
                let left = ins - whole;
                let mut read = |y: usize, x: usize| {
                    let from = corner.add(y * row + x * ins + whole);
                    std::ptr::copy_nonoverlapping(from, buffer.as_mut_ptr(), left);
                    S::load(buffer.as_ptr())
                };
                let points = input_points(&mut read);
                for (point, value) in points.into_iter().enumerate() {
                    value.store(buffer.as_mut_ptr());
                    let to = target.add(point * step + whole);
                    std::ptr::copy_nonoverlapping(buffer.as_ptr(), to, left);
                }
            }
        }
    }
}

/// The 16 points of a 4x4 patch.
#[inline(always)]
unsafe fn input_points<S: Vector>(mut read: impl FnMut(usize, usize) -> S) -> [S; POINTS] {
    // SAFETY: the caller's promise.
    unsafe {
        let mut half = [[S::splat(0.0); 4]; 4];
        for x in 0..4 {
            let column = input_line([read(0, x), read(1, x), read(2, x), read(3, x)]);
            for y in 0..4 {
                half[y][x] = column[y];
            }
        }
        let mut points = [S::splat(0.0); POINTS];
        for y in 0..4 {
            let line = input_line(half[y]);
            points[y * 4..y * 4 + 4].copy_from_slice(&line);
        }
        points
    }
}

#[inline(always)]
unsafe fn input_line<S: Vector>(d: [S; 4]) -> [S; 4] {
    // SAFETY: the caller's promise.
    unsafe {
        [
            d[0].sub(d[2]),
            d[1].add(d[2]),
            d[2].sub(d[1]),
            d[1].sub(d[3]),
        ]
    }
}

#[inline(always)]
unsafe fn store_points<S: Vector>(points: [S; POINTS], to: *mut f32, step: usize) {
    for (point, value) in points.into_iter().enumerate() {
        // SAFETY: the caller's promise.
        unsafe { value.store(to.add(point * step)) }
    }
}

on_level! {
    unsafe fn transform_output_on(
        winograd: &Winograd, products: *const f32, first: usize, count: usize, bias: *const f32,
        relu: bool, output: *mut f32,
    ) = transform_output
}

/// `Aᵀ m A + bias` of tiles `first..first + count`.
#[inline(always)]
unsafe fn transform_output<S: Vector>(
    winograd: &Winograd,
    products: *const f32,
    first: usize,
    count: usize,
    bias: *const f32,
    relu: bool,
    output: *mut f32,
) {
    let outs = winograd.geometry.out_channels;
    let [height, width] = winograd.geometry.output_size();
    let across = winograd.tiles()[1];
    let [_, step] = winograd.steps();
    for tile in 0..count {
        let (y, x) = (2 * ((first + tile) / across), 2 * ((first + tile) % across));
        for channel in (0..outs).step_by(S::LANES) {
            // SAFETY: the caller's promise.
            unsafe {
                let from = products.add(tile * outs + channel);
                let read = |point: usize| S::load(from.add(point * step));
                let mut half = [[S::splat(0.0); 4]; 2];
                for x in 0..4 {
                    let column = output_line([read(x), read(4 + x), read(8 + x), read(12 + x)]);
                    half[0][x] = column[0];
                    half[1][x] = column[1];
                }
                let bias = S::load(bias.add(channel));
                for (dy, half) in half.into_iter().enumerate() {
                    for (dx, value) in output_line(half).into_iter().enumerate() {
                        if y + dy < height && x + dx < width {
                            let value = value.add(bias);
                            let value = if relu { value.relu() } else { value };
                            let to = output.add(((y + dy) * width + x + dx) * outs + channel);
                            crate::core::product::store_columns(value, to, outs - channel);
                        }
                    }
                }
            }
        }
    }
}

#[inline(always)]
unsafe fn output_line<S: Vector>(m: [S; 4]) -> [S; 2] {
    // SAFETY: the caller's promise.
    unsafe { [m[0].add(m[1]).add(m[2]), m[1].sub(m[2]).sub(m[3])] }
}
