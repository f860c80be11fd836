//! The backward pass over a batch, chunk by chunk and in groups of images whose patches stay in the
//! first-level cache.

use std::ops::Range;

use super::active::ActiveGradients;
use super::dense::DenseGradients;
use super::geometry::ConvReluPoolGeometry;
use super::sparse::Sparse;
use super::unpool;
use crate::core::buffer::Buffer;
use crate::core::image::{Images, lay, take};
use crate::core::parallel::{Pieces, chunk_size_with_sums, scratch, sum_over_chunks};
use crate::core::simd::{Level, MAX_LANES};
use crate::ops::conv2d::Conv2dGradients;

/// The gradients of [`super::forward()`], given `gradient`, that of its output, and the `winners` that it
/// gave; `scale` is the mask's factor of kept elements, or 1. `wants_input`: also the input's gradient.
///
/// # Panics
///
/// If `winners` is shorter than [`ConvReluPoolGeometry::winners_len`] or a slice than its images.
pub fn backward(
    level: Level,
    geometry: &ConvReluPoolGeometry,
    input: Images<'_>,
    weight: &[f32],
    winners: &[u8],
    scale: f32,
    gradient: Images<'_>,
    wants_input: bool,
) -> Conv2dGradients {
    if unpool::is_worthwhile(geometry) {
        assert!(winners.len() >= gradient.values.len());
        return unpool::backward(
            level,
            geometry,
            input,
            weight,
            winners,
            scale,
            gradient,
            wants_input,
        );
    }
    let conv2d = &geometry.conv2d;
    let sparse = Sparse::new(level, geometry, weight);
    let (frame, image_len) = (&sparse.frame, sparse.frame.image_len());
    let batch = gradient.values.len() / geometry.output_len();
    assert!(winners.len() >= geometry.winners_len(batch));
    let sums_len = sparse.weight_len() + conv2d.out_channels;
    // Without the padding of the sums to vectors, which is not the same on every level.
    let chunk = chunk_size_with_sums(batch, conv2d.weight_len() + conv2d.out_channels);
    let mut input_gradient = wants_input.then(|| Buffer::take(batch * image_len));
    let pieces = Pieces::new(input_gradient.as_deref_mut(), chunk * image_len);
    let is_dense = sparse.has_short_patches() && !wants_input;
    // With whole segments no vector reaches beyond an image, which saves many copies.
    let is_whole = sparse.has_whole_segments();
    let pass = Pass {
        group: (CACHED_FLOATS / frame.len()).clamp(1, if is_dense { 1 } else { chunk }),
        is_dense,
        reads_input: is_whole && !is_dense && frame.is_laid(input.format),
        writes_input: is_whole && frame.padded == frame.size,
        reads_gradient: scale == 1.0
            && conv2d.group_out_channels().is_multiple_of(MAX_LANES)
            && sparse.output_frame.is_laid(gradient.format),
        sparse: &sparse,
        input,
        winners,
        scale,
        gradient,
    };
    let sums = sum_over_chunks(level, batch.div_ceil(chunk), sums_len, |index, sums| {
        let samples = index * chunk..batch.min((index + 1) * chunk);
        pass.add_chunk(samples, pieces.take(index), sums);
    });
    Conv2dGradients {
        input: input_gradient,
        weight: sparse.unpack_weight(&sums),
        bias: sums[sparse.weight_len()..].to_vec(),
    }
}

/// Floats of images whose patches are summed together: half of a first-level cache of 32 KiB.
const CACHED_FLOATS: usize = 4096;

/// What all chunks of a batch share.
struct Pass<'a> {
    sparse: &'a Sparse<'a>,
    input: Images<'a>,
    winners: &'a [u8],
    scale: f32,
    gradient: Images<'a>,
    /// Images whose patches are summed together.
    group: usize,
    /// Whether all gradients are taken, the zeros too.
    is_dense: bool,
    /// Whether the input is read where it lies.
    reads_input: bool,
    /// Whether the input's gradient is written where it goes.
    writes_input: bool,
    /// Whether the output's gradient is read where it lies.
    reads_gradient: bool,
}

impl Pass<'_> {
    /// Adds the gradients of `samples` to the sums of weight and bias, and writes those of the input.
    fn add_chunk(
        &self,
        samples: Range<usize>,
        mut input_gradient: Option<&mut [f32]>,
        sums: &mut [f32],
    ) {
        let sparse = self.sparse;
        let (frame, output_frame) = (&sparse.frame, &sparse.output_frame);
        let (image_len, output_len) = (frame.image_len(), output_frame.image_len());
        let (weight_sums, bias_sums) = sums.split_at_mut(sparse.weight_len());
        let mut images = scratch(self.group * frame.len() + MAX_LANES);
        let mut gradient_laid = scratch(output_len + MAX_LANES);
        let mut input_laid = scratch(frame.len() + MAX_LANES);
        let mut bias_laid = scratch(output_frame.channels + MAX_LANES);
        bias_laid.fill(0.0);
        let mut active = ActiveGradients::new(sparse.geometry, self.group);
        let mut dense = DenseGradients::default();
        for first in samples.clone().step_by(self.group) {
            active.clear();
            for sample in first..samples.end.min(first + self.group) {
                let start = (sample - first) * frame.len();
                if !self.reads_input {
                    let image = &self.input.values[sample * image_len..][..image_len];
                    let target = &mut images[start..][..frame.len()];
                    lay(image, self.input.format, frame, target);
                }
                let dy = self.gradient_of(sample, &mut gradient_laid);
                let winners = &self.winners[sample * output_len..][..output_len + MAX_LANES];
                let bias = &mut bias_laid[..];
                match &mut input_gradient {
                    None if self.is_dense => {
                        let image = &images[start..];
                        sparse.add_dense(image, dy, winners, &mut dense, weight_sums, bias);
                    }
                    None => sparse.scatter(dy, winners, start, None, &mut active, bias),
                    Some(target) => {
                        let at = (sample - samples.start) * image_len;
                        let target = &mut target[at..][..image_len];
                        let laid = if self.writes_input {
                            &mut *target
                        } else {
                            &mut *input_laid
                        };
                        laid.fill(0.0);
                        sparse.scatter(dy, winners, start, Some(laid), &mut active, bias);
                        if !self.writes_input {
                            take(&input_laid, frame, target);
                        }
                    }
                }
            }
            let images = match self.reads_input {
                true => &self.input.values[first * image_len..],
                false => &images,
            };
            if !self.is_dense {
                sparse.add_weight(images, &active, weight_sums);
            }
        }
        bias_sums.copy_from_slice(&bias_laid[..bias_sums.len()]);
    }

    /// The gradient of a sample's output, channels last and scaled, laid into `laid` where need be.
    fn gradient_of<'a>(&'a self, sample: usize, laid: &'a mut [f32]) -> &'a [f32] {
        let frame = &self.sparse.output_frame;
        let length = frame.image_len();
        let gradient = &self.gradient.values[sample * length..][..length];
        if self.reads_gradient {
            return gradient;
        }
        lay(gradient, self.gradient.format, frame, laid);
        if self.scale != 1.0 {
            for value in &mut laid[..length] {
                *value *= self.scale;
            }
        }
        laid
    }
}
