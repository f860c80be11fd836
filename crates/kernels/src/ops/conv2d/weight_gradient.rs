//! The gradient of the weight where it is a plain product of patches and gradients, summed over the pixels of all outputs.

use rayon::prelude::*;

use super::input::Input;
use crate::core::geometry::{Conv2dGeometry, Frame};
use crate::core::product::{SummedSpan, outer};
use crate::core::simd::{Level, MAX_LANES};

/// Output channels of a panel: the widest tile of any level.
const PANEL: usize = 2 * MAX_LANES;

/// What takes images and the gradients of their outputs to the gradient of the weight.
///
/// Sums are `[group][panel of output channels][element of a patch][channel of the panel]`.
#[derive(Debug)]
pub struct WeightGradient {
    level: Level,
    geometry: Conv2dGeometry,
    frame: Frame,
    /// Elements of a patch, relative to its start.
    elements: Vec<usize>,
    /// Columns of a panel, padded to whole vectors.
    width: usize,
}

/// Where the gradients of outputs lie.
#[derive(Debug, Clone, Copy)]
struct Gradients {
    /// Floats from the start to the first pixel of an image.
    first: usize,
    row: usize,
    image: usize,
}

impl WeightGradient {
    pub fn new(level: Level, geometry: &Conv2dGeometry) -> Self {
        let elements = geometry.segments().into_iter().flat_map(|segment| {
            let start = segment.offset as usize;
            start..start + segment.length
        });
        Self {
            level,
            geometry: *geometry,
            frame: geometry.input_frame(),
            elements: elements.collect(),
            width: PANEL.min(geometry.group_out_channels().next_multiple_of(MAX_LANES)),
        }
    }

    /// Images whose pixels are best summed together.
    pub fn images_at_once(&self) -> usize {
        (super::forward::ROWS_AT_ONCE / self.geometry.output_pixels()).max(1)
    }

    fn panels(&self) -> usize {
        self.geometry.group_out_channels().div_ceil(self.width)
    }

    /// Floats of the sums of one panel.
    pub fn panel_len(&self) -> usize {
        self.geometry.depth() * self.width
    }

    /// Floats of all sums.
    pub fn sums_len(&self) -> usize {
        self.geometry.groups * self.panels() * self.panel_len()
    }

    /// Adds what `count` images give to all sums; the gradients lie in `gradient_frame`, a vector's length of room behind them.
    pub fn add(
        &self,
        count: usize,
        inputs: &[f32],
        gradients: &[f32],
        gradient_frame: &Frame,
        sums: &mut [f32],
    ) {
        let channels = self.geometry.out_channels;
        let lie = Gradients {
            first: gradient_frame.first(),
            row: gradient_frame.row(),
            image: gradient_frame.len(),
        };
        let spans: Vec<SummedSpan> = self.spans(count, lie).collect();
        for (piece, sums) in sums.chunks_exact_mut(self.panel_len()).enumerate() {
            let (group, panel) = (piece / self.panels(), piece % self.panels());
            let first = group * self.geometry.group_out_channels() + panel * self.width;
            self.multiply(piece, inputs, &gradients[first..], channels, &spans, sums);
        }
    }

    /// Floats that [`Self::prepare`] writes for `count` images.
    pub fn block_len(&self, count: usize) -> usize {
        let columns = self.geometry.groups * self.panels() * self.width;
        count * (self.frame.len() + self.geometry.output_pixels() * columns) + MAX_LANES
    }

    /// Lays `count` inputs into their frames, and gradients of outputs, channels last, apart by panels.
    pub fn prepare(&self, count: usize, inputs: Input<'_>, gradients: &[f32], target: &mut [f32]) {
        let (frames, panels) = target.split_at_mut(count * self.frame.len());
        inputs.lay(&self.frame, frames);
        let columns = self.geometry.group_out_channels();
        let pixels = count * self.geometry.output_pixels();
        for piece in 0..self.geometry.groups * self.panels() {
            let (group, panel) = (piece / self.panels(), piece % self.panels());
            let first = panel * self.width;
            let channels = self.width.min(columns - first);
            let target = &mut panels[piece * pixels * self.width..][..pixels * self.width];
            let pixels = gradients.chunks_exact(self.geometry.out_channels);
            for (target, pixel) in target.chunks_exact_mut(self.width).zip(pixels) {
                target[..channels].copy_from_slice(&pixel[group * columns + first..][..channels]);
                target[channels..].fill(0.0);
            }
        }
    }

    /// Adds the products of prepared blocks, `block_len` floats apart and of so many images each, to one piece of the
    /// sums, [`Self::panel_len`] floats.
    pub fn add_piece(
        &self,
        piece: usize,
        blocks: &[f32],
        block_len: usize,
        counts: &[usize],
        sums: &mut [f32],
    ) {
        let pixels = self.geometry.output_pixels();
        let width = self.geometry.output_size()[1];
        let spans = counts.iter().enumerate().flat_map(|(block, count)| {
            let lie = Gradients {
                first: count * self.frame.len() + piece * count * pixels * self.width,
                row: width * self.width,
                image: pixels * self.width,
            };
            self.spans(*count, lie).map(move |span| SummedSpan {
                a: block * block_len + span.a,
                b: block * block_len + span.b,
                ..span
            })
        });
        let spans: Vec<SummedSpan> = spans.collect();
        self.multiply(piece, blocks, blocks, self.width, &spans, sums);
    }

    /// Rows of output pixels of `count` images.
    fn spans(&self, count: usize, lie: Gradients) -> impl Iterator<Item = SummedSpan> {
        let [height, width] = self.geometry.output_size();
        let down = self.geometry.stride[0] * self.frame.row();
        let frame = self.frame.len();
        (0..count).flat_map(move |image| {
            (0..height).map(move |y| SummedSpan {
                a: image * frame + y * down,
                b: lie.first + image * lie.image + y * lie.row,
                length: width,
            })
        })
    }

    fn multiply(
        &self,
        piece: usize,
        inputs: &[f32],
        gradients: &[f32],
        pixel: usize,
        spans: &[SummedSpan],
        sums: &mut [f32],
    ) {
        let (group, panel) = (piece / self.panels(), piece % self.panels());
        let columns = self.geometry.group_out_channels() - panel * self.width;
        outer(
            self.level,
            &inputs[group * self.geometry.group_in_channels()..],
            &self.elements,
            self.geometry.stride[1] * self.geometry.in_channels,
            gradients,
            pixel,
            spans,
            sums,
            self.width,
            columns.min(self.width),
        );
    }

    /// The gradient of the weight, `[out, in / groups, kernel_height, kernel_width]`, of sums over all pixels.
    pub fn weight(&self, sums: &[f32]) -> Vec<f32> {
        let geometry = &self.geometry;
        let mut weight = vec![0.0; geometry.weight_len()];
        let groups = weight.par_chunks_mut(geometry.group_out_channels() * geometry.depth());
        groups.enumerate().for_each(|(group, weight)| {
            let panels = weight.par_chunks_mut(self.width * geometry.depth());
            panels.enumerate().for_each(|(panel, weight)| {
                let piece = group * self.panels() + panel;
                let sums = &sums[piece * self.panel_len()..][..self.panel_len()];
                for (element, sums) in sums.chunks_exact(self.width).enumerate() {
                    let places = weight[geometry.weight_index(0, element)..].iter_mut();
                    for (place, sum) in places.step_by(geometry.depth()).zip(sums) {
                        *place = *sum;
                    }
                }
            });
        });
        weight
    }
}
