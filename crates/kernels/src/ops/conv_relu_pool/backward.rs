//! The backward pass over a batch.

use super::geometry::ConvReluPoolGeometry;
use super::sparse::{Lists, Short, Sparse};
use crate::core::buffer::Buffer;
use crate::core::image::{Images, lay, take};
use crate::core::parallel::{Pieces, chunk_size_with_sums, scratch, sum_over_chunks};
use crate::core::simd::{Level, MAX_LANES};
use crate::ops::conv2d::Conv2dGradients;

/// The gradients of [`forward`], given that of its output and the winners; `scale` is the mask's, or 1.
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
    let conv2d = &geometry.conv2d;
    let sparse = Sparse::new(level, geometry, weight);
    let frame = &sparse.frame;
    let (image_len, output_len) = (frame.image_len(), geometry.output_len());
    let batch = gradient.values.len() / output_len;
    assert!(winners.len() >= geometry.winners_len(batch));
    let sums_len = sparse.weight_len() + conv2d.out_channels;
    // Without what pads the sums to vectors, which is not the same on every level.
    let chunk = chunk_size_with_sums(batch, conv2d.weight_len() + conv2d.out_channels);
    let mut input_gradient = wants_input.then(|| Buffer::take(batch * image_len));
    let pieces = Pieces::new(input_gradient.as_deref_mut(), chunk * image_len);
    // So many images that their patches stay in the first-level cache.
    let is_short = sparse.is_short() && !wants_input;
    let group = (CACHED_FLOATS / frame.len()).clamp(1, if is_short { 1 } else { chunk });
    // Without half-filled vectors nothing reaches beyond an image, and many copies are saved.
    let is_whole = sparse.has_whole_segments();
    let reads_input = is_whole && !is_short && frame.is_laid(input.format);
    let writes_input = is_whole && frame.padded == frame.size;
    let reads_gradient = scale == 1.0
        && conv2d.group_out_channels().is_multiple_of(MAX_LANES)
        && sparse.output_frame.is_laid(gradient.format);
    let sums = sum_over_chunks(level, batch.div_ceil(chunk), sums_len, |index, sums| {
        let mut input_gradient = pieces.take(index);
        let (weight_sums, bias_sums) = sums.split_at_mut(sparse.weight_len());
        let mut images = scratch(group * frame.len() + MAX_LANES);
        let mut gradient_laid = scratch(output_len + MAX_LANES);
        let mut input_laid = scratch(frame.len() + MAX_LANES);
        let mut bias_laid = scratch(conv2d.out_channels + MAX_LANES);
        bias_laid.fill(0.0);
        let mut lists = Lists::new(geometry, group);
        let mut short = Short::default();
        let last = batch.min((index + 1) * chunk);
        for first in (index * chunk..last).step_by(group) {
            lists.clear();
            for sample in first..last.min(first + group) {
                let start = (sample - first) * frame.len();
                if !reads_input {
                    let image = &input.values[sample * image_len..][..image_len];
                    let target = &mut images[start..][..frame.len()];
                    lay(image, input.format, frame, target);
                }
                let dy = &gradient.values[sample * output_len..][..output_len];
                let dy = if reads_gradient {
                    dy
                } else {
                    let frame = &sparse.output_frame;
                    lay(dy, gradient.format, frame, &mut gradient_laid);
                    if scale != 1.0 {
                        for value in &mut gradient_laid[..output_len] {
                            *value *= scale;
                        }
                    }
                    &gradient_laid
                };
                let winners = &winners[sample * output_len..][..output_len + MAX_LANES];
                match &mut input_gradient {
                    None if is_short => {
                        let image = &images[start..];
                        let (weight, bias) = (&mut *weight_sums, &mut bias_laid[..]);
                        sparse.add_short(image, dy, winners, &mut short, weight, bias);
                    }
                    None => sparse.scatter(dy, winners, start, None, &mut lists, &mut bias_laid),
                    Some(target) => {
                        let at = (sample - index * chunk) * image_len;
                        let target = &mut target[at..][..image_len];
                        let laid = if writes_input {
                            &mut *target
                        } else {
                            &mut *input_laid
                        };
                        laid.fill(0.0);
                        let bias = &mut bias_laid;
                        sparse.scatter(dy, winners, start, Some(laid), &mut lists, bias);
                        if !writes_input {
                            take(&input_laid, frame, target);
                        }
                    }
                }
            }
            let images = if reads_input {
                &input.values[first * image_len..]
            } else {
                &images
            };
            if !is_short {
                sparse.add_weight(images, &lists, weight_sums);
            }
        }
        bias_sums.copy_from_slice(&bias_laid[..bias_sums.len()]);
    });
    Conv2dGradients {
        input: input_gradient,
        weight: sparse.unpack_weight(&sums),
        bias: sums[sparse.weight_len()..].to_vec(),
    }
}

/// Floats of images whose patches are summed together: half of a first-level cache of 32 KiB.
const CACHED_FLOATS: usize = 4096;
