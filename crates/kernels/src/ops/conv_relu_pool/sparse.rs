//! The weight and the patches of the block, laid out for a backward pass that takes the gradients that
//! are not zero one by one.

use super::geometry::ConvReluPoolGeometry;
use crate::core::geometry::Frame;
use crate::core::memory::Memory;
use crate::core::product::Segment;
use crate::core::simd::{Level, MAX_LANES};

/// What the backward pass of every image shares.
pub struct Sparse<'a> {
    pub(super) level: Level,
    pub(super) geometry: &'a ConvReluPoolGeometry,
    /// How an input image lies.
    pub frame: Frame,
    /// How an image of the output's gradient lies.
    pub output_frame: Frame,
    pub(super) segments: Vec<Segment>,
    /// Floats of a segment, padded to whole vectors.
    segment_len: usize,
    /// Floats of a channel's weights: all segments.
    pub(super) row: usize,
    /// `[channel][segment][segment_len]`
    pub(super) weight: Memory,
    /// Where each vector of a channel's weights lies in a patch.
    pub(super) vectors: Vec<usize>,
    /// Floats from one patch to the next, down and across.
    steps: [usize; 2],
    /// Where the patch of each place of a window starts, from that of the first.
    pub(super) places: Vec<usize>,
}

impl<'a> Sparse<'a> {
    /// Packs the weight `[out, in / groups, kernel_height, kernel_width]` for the level.
    pub fn new(level: Level, geometry: &'a ConvReluPoolGeometry, weight: &[f32]) -> Self {
        let conv2d = &geometry.conv2d;
        let segments = conv2d.segments();
        let level = level.for_runs_of(segments[0].length);
        let lanes = level.lanes();
        let segment_len = segments[0].length.next_multiple_of(lanes);
        let row = segments.len() * segment_len;
        let weight_len = conv2d.out_channels * row;
        let mut packed = Memory::zeros(weight_len);
        for (channel, packed) in packed[..weight_len].chunks_exact_mut(row).enumerate() {
            let mut element = 0;
            for (segment, packed) in segments.iter().zip(packed.chunks_exact_mut(segment_len)) {
                for packed in &mut packed[..segment.length] {
                    *packed = weight[conv2d.weight_index(channel, element)];
                    element += 1;
                }
            }
        }
        let vectors = segments.iter().flat_map(|segment| {
            let start = segment.offset as usize;
            (start..start + segment.length).step_by(lanes)
        });
        let size = geometry.output_size();
        let steps = [
            conv2d.stride[0] * conv2d.input_frame().row(),
            conv2d.stride[1] * conv2d.in_channels,
        ];
        let [rows, columns] = geometry.pool.kernel_size;
        let places = (0..rows).flat_map(|y| (0..columns).map(move |x| y * steps[0] + x * steps[1]));
        Self {
            level,
            steps,
            places: places.collect(),
            geometry,
            frame: conv2d.input_frame(),
            output_frame: Frame {
                channels: conv2d.out_channels,
                size,
                before: [0, 0],
                padded: size,
            },
            vectors: vectors.collect(),
            segments,
            segment_len,
            row,
            weight: packed,
        }
    }

    /// Whether the vectors of a patch end where its segments do, so that nothing is read or
    /// written beyond them.
    pub fn has_whole_segments(&self) -> bool {
        self.segments[0].length.is_multiple_of(MAX_LANES)
    }

    /// The gradient of the weight in the weight's own order.
    pub fn unpack_weight(&self, sums: &[f32]) -> Vec<f32> {
        let conv2d = &self.geometry.conv2d;
        let mut weight = vec![0.0; conv2d.weight_len()];
        for (channel, sums) in sums[..self.weight_len()].chunks_exact(self.row).enumerate() {
            let segments = self
                .segments
                .iter()
                .zip(sums.chunks_exact(self.segment_len));
            let elements = segments.flat_map(|(segment, sums)| &sums[..segment.length]);
            for (element, sum) in elements.enumerate() {
                weight[conv2d.weight_index(channel, element)] = *sum;
            }
        }
        weight
    }

    /// Floats of the weight, padded to whole vectors.
    pub fn weight_len(&self) -> usize {
        self.geometry.conv2d.out_channels * self.row
    }

    /// Where in the frame the patch of the first place of the window at `[y, x]` starts. It may lie
    /// in the pool's padding and wrap around; those of places that can win do not.
    #[inline(always)]
    pub(super) fn window_start(&self, window: [usize; 2]) -> usize {
        let pool = &self.geometry.pool;
        let [y, x] = [0, 1].map(|axis: usize| {
            let from = window[axis] * pool.stride[axis];
            from.wrapping_sub(pool.padding[axis])
        });
        y.wrapping_mul(self.steps[0])
            .wrapping_add(x.wrapping_mul(self.steps[1]))
    }
}

/// Calls a function that is generic over a number of vectors for as many vectors as there are.
macro_rules! by_vectors {
    ($count:expr, |$first:ident, $n:ident| $call:expr) => {{
        let mut $first = 0;
        while $first < $count {
            let most = if S::WIDE { 24 } else { 9 };
            macro_rules! take {
                ($size:literal) => {{
                    const $n: usize = $size;
                    $call;
                    $first += $size;
                }};
            }
            match ($count - $first).min(most) {
                1 => take!(1),
                2 => take!(2),
                3 => take!(3),
                4 => take!(4),
                5 => take!(5),
                6..9 => take!(6),
                9..12 => take!(9),
                12..18 => take!(12),
                18..24 => take!(18),
                _ => take!(24),
            }
        }
    }};
}
pub(super) use by_vectors;
