//! 3x3 convolutions with stride 1 by Winograd's minimal filtering F(2x2, 3x3): 16 products for each
//! 2x2 outputs in place of 36 (A. Lavin and S. Gray, "Fast Algorithms for Convolutional Neural
//! Networks", 2016).
//!
//! Tiles of several images go through the products together, so that the weight of a deep layer is read once for many images.

use rayon::prelude::*;

use crate::core::geometry::{Conv2dGeometry, Frame};
use crate::core::parallel::scratch;
use crate::core::product::{Packed, Row, Segment, Start, gathered, store_columns};
use crate::core::rectifier::{Rectifier, rectified};
use crate::core::simd::{Level, MAX_LANES, Vector, on_level};

mod transform;
mod weight_gradient;

use transform::{
    Layout, POINTS, Patches, TAPS, Tiling, output_tile, transform_input, transform_kernels,
};
pub use weight_gradient::WeightGradient;

/// A kernel of 3x3 taps, row by row.
pub type Kernel = [f32; TAPS];

/// A convolution with its transformed weight.
#[derive(Debug)]
pub struct Winograd {
    level: Level,
    geometry: Conv2dGeometry,
    /// Panels of output channels, each with the transformed weight of each point, `[in][out]`.
    panels: Vec<Vec<Packed>>,
    /// Tiles that are transformed together.
    tiles_at_once: usize,
    /// Rows of the products of one block of tiles.
    rows: Vec<Row>,
    inputs: Layout,
    products: Layout,
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

    /// Transforms the weight; `kernel(out, in)` is that of two channels.
    pub fn new(
        level: Level,
        geometry: &Conv2dGeometry,
        kernel: impl Fn(usize, usize) -> Kernel + Sync,
    ) -> Self {
        let (ins, outs) = (geometry.in_channels, geometry.out_channels);
        let width = Packed::panel_columns(level);
        let panels = (0..outs.div_ceil(width)).into_par_iter().map(|panel| {
            let columns = width.min(outs - panel * width);
            pack_panel(level, ins, columns, |column, channel| {
                kernel(panel * width + column, channel)
            })
        });
        let tiles_at_once = tiles_at_once(ins, outs);
        let inputs = Layout::rows(ins, tiles_at_once);
        let products = Layout::rows(outs, tiles_at_once);
        let rows = (0..tiles_at_once).map(|tile| Row {
            a: tile * inputs.tile,
            c: tile * products.tile,
        });
        Self {
            level,
            geometry: *geometry,
            panels: panels.collect(),
            tiles_at_once,
            rows: rows.collect(),
            inputs,
            products,
        }
    }

    /// The input with its padding, and where the output's size is odd with a row or column more.
    pub fn frame(&self) -> Frame {
        winograd_frame(&self.geometry)
    }

    /// Images whose tiles go through the products together.
    pub fn images_at_once(&self) -> usize {
        (self.tiles_at_once / self.tiling().count()).max(1)
    }

    fn tiling(&self) -> Tiling {
        Tiling::of(self.geometry.output_size())
    }

    /// `conv2d(input, weight) + bias` of `count` images in their frames, then ReLU or ReLU6 where one is asked for,
    /// channels last.
    pub fn convolve(
        &self,
        count: usize,
        padded: &[f32],
        bias: Option<&[f32]>,
        rectifier: Option<Rectifier>,
        output: &mut [f32],
    ) {
        let (ins, outs) = (self.geometry.in_channels, self.geometry.out_channels);
        let frame = self.frame();
        assert!(padded.len() >= count * frame.len());
        assert!(output.len() >= count * self.geometry.output_len());
        let patches = Patches {
            tiling: self.tiling(),
            channels: ins,
            first: 0,
            row: frame.row(),
            frame: frame.len(),
        };
        let mut inputs = scratch(self.inputs.len());
        let mut products = scratch(self.products.len());
        // Vectors may reach beyond the last channel.
        let mut padded_bias = scratch(outs + MAX_LANES);
        padded_bias.fill(0.0);
        if let Some(bias) = bias {
            padded_bias[..outs].copy_from_slice(bias);
        }
        let tiles = count * self.tiling().count();
        for first in (0..tiles).step_by(self.tiles_at_once) {
            let count = self.tiles_at_once.min(tiles - first);
            // SAFETY: tiles lie inside the frames, and the layout has room for a block of tiles.
            unsafe {
                let (images, inputs) = (padded.as_ptr(), inputs.as_mut_ptr());
                let layout = &self.inputs;
                transform_input(self.level, &patches, images, first, count, layout, inputs);
            }
            self.multiply(&inputs, count, &mut products);
            // SAFETY: as above; outputs outside of an image are not written.
            unsafe {
                let (products, bias) = (products.as_ptr(), padded_bias.as_ptr());
                let output = output.as_mut_ptr();
                transform_output(
                    self.level, self, products, first, count, bias, rectifier, output,
                );
            }
        }
    }

    /// The products of all points of the first `count` tiles.
    fn multiply(&self, inputs: &[f32], count: usize, products: &mut [f32]) {
        let segment = [Segment {
            offset: 0,
            length: self.geometry.in_channels,
        }];
        let width = Packed::panel_columns(self.level);
        for point in 0..POINTS {
            let inputs = &inputs[point * self.inputs.points..][..self.inputs.points];
            let products = &mut products[point * self.products.points..][..self.products.points];
            for (panel, points) in self.panels.iter().enumerate() {
                gathered(
                    self.level,
                    inputs,
                    &self.rows[..count],
                    &segment,
                    &points[point],
                    &mut products[panel * width..],
                    Start::Zero,
                    None,
                );
            }
        }
    }
}

/// The frame of [`Winograd::frame`].
fn winograd_frame(geometry: &Conv2dGeometry) -> Frame {
    let tiling = Tiling::of(geometry.output_size());
    Frame {
        padded: [2 * tiling.down + 2, 2 * tiling.across + 2],
        ..geometry.input_frame()
    }
}

/// Tiles whose points stay in the second-level cache; more of them where the weight does not, as it is read once for all of them.
fn tiles_at_once(ins: usize, outs: usize) -> usize {
    const CACHED_FLOATS: usize = 1 << 18;
    if POINTS * ins * outs > CACHED_FLOATS {
        96
    } else {
        36
    }
}

/// The transformed weight of up to a panel's output channels, a matrix a point.
fn pack_panel(
    level: Level,
    ins: usize,
    columns: usize,
    kernel: impl Fn(usize, usize) -> Kernel,
) -> Vec<Packed> {
    let mut points: Vec<Packed> = (0..POINTS)
        .map(|_| Packed::panel(level, ins, columns))
        .collect();
    let mut kernels = [[0.0; MAX_LANES]; TAPS];
    let mut transformed = [[0.0; MAX_LANES]; POINTS];
    for first in (0..columns).step_by(MAX_LANES) {
        let count = MAX_LANES.min(columns - first);
        for channel in 0..ins {
            for lane in 0..count {
                for (tap, value) in kernel(first + lane, channel).into_iter().enumerate() {
                    kernels[tap][lane] = value;
                }
            }
            // SAFETY: the level is one of this processor.
            unsafe { transform_kernels(level, &kernels, &mut transformed) }
            for (packed, values) in points.iter_mut().zip(&transformed) {
                packed.row_mut(level, channel)[first..][..count].copy_from_slice(&values[..count]);
            }
        }
    }
    points
}

on_level! {
    unsafe fn transform_output(
        winograd: &Winograd, products: *const f32, first: usize, count: usize, bias: *const f32,
        rectifier: Option<Rectifier>, output: *mut f32,
    ) = transform_output_generic
}

/// `Aᵀ m A + bias` of tiles `first..first + count`.
#[inline(always)]
unsafe fn transform_output_generic<S: Vector>(
    winograd: &Winograd,
    products: *const f32,
    first: usize,
    count: usize,
    bias: *const f32,
    rectifier: Option<Rectifier>,
    output: *mut f32,
) {
    let outs = winograd.geometry.out_channels;
    let [height, width] = winograd.geometry.output_size();
    let layout = winograd.products;
    for (index, tile) in winograd.tiling().tiles(first, count).enumerate() {
        let (y, x) = (2 * tile.y, 2 * tile.x);
        // All channels of a tile are together.
        let tile_start = layout.place(index, 0);
        for channel in (0..outs).step_by(S::LANES) {
            // SAFETY: the caller's promise.
            unsafe {
                let from = products.add(tile_start + channel);
                let read = |point: usize| S::load(from.add(point * layout.points));
                let tile_outputs = output_tile(std::array::from_fn(read));
                let bias = S::load(bias.add(channel));
                for (dy, values) in tile_outputs.into_iter().enumerate() {
                    for (dx, value) in values.into_iter().enumerate() {
                        if y + dy < height && x + dx < width {
                            let value = value.add(bias);
                            let value = rectified(value, rectifier);
                            let pixel = (tile.image * height + y + dy) * width + x + dx;
                            store_columns(
                                value,
                                output.add(pixel * outs + channel),
                                outs - channel,
                            );
                        }
                    }
                }
            }
        }
    }
}
