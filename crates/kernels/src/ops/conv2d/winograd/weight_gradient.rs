//! The gradient of the weight: for each point, the products of transformed inputs and output gradients, summed over all tiles.

use rayon::prelude::*;

use super::transform::{
    Layout, POINTS, Patches, TAPS, Tiling, transform_gradient, transform_input,
    transform_kernel_gradients,
};
use super::{Winograd, winograd_frame};
use crate::core::geometry::{Conv2dGeometry, Frame};
use crate::core::parallel::scratch;
use crate::core::product::{SummedSpan, outer};
use crate::core::simd::{Level, MAX_LANES};

/// Channels of a panel of output channels: the widest tile of any level.
const PANEL: usize = 2 * MAX_LANES;

/// What takes images and the gradients of their outputs to the gradient of the weight.
#[derive(Debug)]
pub struct WeightGradient {
    level: Level,
    geometry: Conv2dGeometry,
    inputs: Patches,
    gradients: Patches,
    tiles_at_once: usize,
    input_layout: Layout,
    gradient_layout: Layout,
    /// Where each input channel lies in a point of the transformed inputs.
    rows: Vec<usize>,
}

/// Tiles of one block of transformed inputs and gradients.
#[derive(Debug, Clone, Copy)]
pub struct Block {
    pub first: usize,
    pub tiles: usize,
}

impl WeightGradient {
    /// Whether it applies, and there are channels enough to pay for the transforms.
    pub fn is_worthwhile(geometry: &Conv2dGeometry) -> bool {
        Winograd::is_worthwhile(geometry)
    }

    /// For inputs that lie in [`Self::frame`] and gradients of outputs that lie in `gradient_frame`, which
    /// has a pixel of zeros at least after a row or column of odd length.
    pub fn new(level: Level, geometry: &Conv2dGeometry, gradient_frame: &Frame) -> Self {
        let tiling = Tiling::of(geometry.output_size());
        for axis in 0..2 {
            let reach = gradient_frame.before[axis] + [2 * tiling.down, 2 * tiling.across][axis];
            assert!(reach <= gradient_frame.padded[axis], "room for whole tiles");
        }
        let frame = winograd_frame(geometry);
        let (ins, outs) = (geometry.in_channels, geometry.out_channels);
        let tiles_at_once = (CACHED_FLOATS / (POINTS * (ins + outs))).clamp(32, 128);
        let input_layout = Layout::blocks(ins, MAX_LANES, tiles_at_once);
        let width = panel_width(geometry);
        Self {
            level,
            geometry: *geometry,
            inputs: Patches {
                tiling,
                channels: ins,
                first: 0,
                row: frame.row(),
                frame: frame.len(),
            },
            gradients: Patches {
                tiling,
                channels: outs,
                first: gradient_frame.first(),
                row: gradient_frame.row(),
                frame: gradient_frame.len(),
            },
            tiles_at_once,
            input_layout,
            gradient_layout: Layout::blocks(outs, width, tiles_at_once),
            rows: (0..ins)
                .map(|channel| input_layout.place(0, channel))
                .collect(),
        }
    }

    /// How an input must lie.
    pub fn frame(&self) -> Frame {
        winograd_frame(&self.geometry)
    }

    /// Images that fill a block of tiles.
    pub fn images_at_once(&self) -> usize {
        (self.tiles_at_once / self.inputs.tiling.count()).max(1)
    }

    /// Tiles of an image.
    pub fn tiles(&self) -> usize {
        self.inputs.tiling.count()
    }

    /// Blocks that the tiles of `count` images are cut into.
    pub fn blocks(&self, count: usize) -> impl Iterator<Item = Block> {
        let (tiles, at_once) = (count * self.tiles(), self.tiles_at_once);
        (0..tiles).step_by(at_once).map(move |first| Block {
            first,
            tiles: at_once.min(tiles - first),
        })
    }

    /// Floats of one transformed block.
    pub fn block_len(&self) -> usize {
        self.input_layout.len() + self.gradient_layout.len()
    }

    /// Floats of the sums of one panel at one point.
    pub fn panel_len(&self) -> usize {
        self.geometry.in_channels * panel_width(&self.geometry)
    }

    fn panels(&self) -> usize {
        self.geometry
            .out_channels
            .div_ceil(panel_width(&self.geometry))
    }

    /// Floats of all sums.
    pub fn sums_len(&self) -> usize {
        POINTS * self.panels() * self.panel_len()
    }

    /// Transforms a block of tiles of inputs and gradients of outputs, each in frames one after the other.
    pub fn transform(&self, block: Block, inputs: &[f32], gradients: &[f32], target: &mut [f32]) {
        let images = (block.first + block.tiles).div_ceil(self.tiles());
        assert!(inputs.len() >= images * self.inputs.frame);
        assert!(gradients.len() >= images * self.gradients.frame);
        let (input_points, gradient_points) = target.split_at_mut(self.input_layout.len());
        assert!(gradient_points.len() >= self.gradient_layout.len());
        let Block { first, tiles } = block;
        // SAFETY: the patches of these tiles lie inside of the frames, as was just checked, and the layouts have
        // room for a block of tiles.
        unsafe {
            let (layout, points) = (&self.input_layout, input_points.as_mut_ptr());
            let images = inputs.as_ptr();
            transform_input(
                self.level,
                &self.inputs,
                images,
                first,
                tiles,
                layout,
                points,
            );
            let (layout, points) = (&self.gradient_layout, gradient_points.as_mut_ptr());
            let images = gradients.as_ptr();
            transform_gradient(
                self.level,
                &self.gradients,
                images,
                first,
                tiles,
                layout,
                points,
            );
        }
    }

    /// Adds the products of transformed blocks, which lie one after the other and have so many tiles each, to one piece
    /// of the sums, [`Self::panel_len`] floats.
    pub fn add(&self, piece: usize, blocks: &[f32], tiles: &[usize], sums: &mut [f32]) {
        let (point, panel) = (piece / self.panels(), piece % self.panels());
        let width = panel_width(&self.geometry);
        let spans: Vec<SummedSpan> = tiles
            .iter()
            .enumerate()
            .map(|(block, tiles)| SummedSpan {
                a: block * self.block_len(),
                b: block * self.block_len(),
                length: *tiles,
            })
            .collect();
        let columns = width.min(self.geometry.out_channels - panel * width);
        let gradients = self.input_layout.len()
            + point * self.gradient_layout.points
            + panel * self.gradient_layout.blocks;
        outer(
            self.level,
            &blocks[point * self.input_layout.points..],
            &self.rows,
            MAX_LANES,
            &blocks[gradients..],
            width,
            &spans,
            sums,
            width,
            columns,
        );
    }

    /// Adds what `count` images give to all sums.
    pub fn add_all(&self, count: usize, inputs: &[f32], gradients: &[f32], sums: &mut [f32]) {
        let mut transformed = scratch(self.block_len());
        for block in self.blocks(count) {
            self.transform(block, inputs, gradients, &mut transformed);
            for (piece, sums) in sums.chunks_exact_mut(self.panel_len()).enumerate() {
                self.add(piece, &transformed, &[block.tiles], sums);
            }
        }
    }

    /// The gradient of the weight, `[out, in, 3, 3]`, of sums over all tiles.
    pub fn weight(&self, sums: &[f32]) -> Vec<f32> {
        let (ins, outs) = (self.geometry.in_channels, self.geometry.out_channels);
        let width = panel_width(&self.geometry);
        let mut weight = vec![0.0; outs * ins * TAPS];
        let blocks = weight.par_chunks_mut(MAX_LANES * ins * TAPS);
        blocks.enumerate().for_each(|(block, weight)| {
            let (panel, lane) = (block * MAX_LANES / width, block * MAX_LANES % width);
            let mut points = [[0.0; MAX_LANES]; POINTS];
            let mut kernels = [[0.0; MAX_LANES]; TAPS];
            for channel in 0..ins {
                for (point, values) in points.iter_mut().enumerate() {
                    let piece = (point * self.panels() + panel) * self.panel_len();
                    values.copy_from_slice(&sums[piece + channel * width + lane..][..MAX_LANES]);
                }
                // SAFETY: the level is one of this processor.
                unsafe { transform_kernel_gradients(self.level, &points, &mut kernels) }
                for (lane, weight) in weight.chunks_exact_mut(ins * TAPS).enumerate() {
                    for (tap, value) in weight[channel * TAPS..][..TAPS].iter_mut().enumerate() {
                        *value = kernels[tap][lane];
                    }
                }
            }
        });
        weight
    }
}

/// Floats of a block of transformed inputs and gradients, so that it stays in the second-level cache.
const CACHED_FLOATS: usize = 1 << 16;

/// Channels of a panel, padded to whole vectors.
fn panel_width(geometry: &Conv2dGeometry) -> usize {
    PANEL.min(geometry.out_channels.next_multiple_of(MAX_LANES))
}
