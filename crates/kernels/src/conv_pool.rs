//! The fused block conv2d + bias + ReLU + max-pool.
//!
//! The activations before the pool never reach memory beyond the cache; of them a byte an output
//! is kept, the place in the window that won. Through a pooled ReLU at most one gradient in a window is
//! not zero, so the backward pass takes these one by one: for each, the weight's gradient grows by
//! the gradient times the patch, and the patch's gradient by the gradient times the weight.

use rayon::prelude::*;

use super::buffer::Buffer;
use super::conv2d::{Conv2dGradients, Convolver, Images};
use super::dropout;
use super::geometry::{BlockGeometry, PoolGeometry};
use super::image::{laid, lay, transpose};
use super::parallel::{Pieces, chunk_size, chunk_size_with_sums, scratch, sum_over_chunks};
use super::simd::{Level, MAX_LANES, NONE, Vector, on_level};
use super::sparse::{Lists, Short, Sparse};
use runner_random::DropoutMask;

/// `max_pool2d(relu(conv2d(input, weight) + bias))` , then dropout if there is a mask;
/// gives `output` channels last.
///
/// `winners`, of [`BlockGeometry::winners_len`] bytes, is filled for [`backward`]; evaluation does
/// without. What dropout cut has no winner, so that the backward pass need not ask the mask again.
pub fn forward(
    level: Level,
    geometry: &BlockGeometry,
    input: Images<'_>,
    weight: &[f32],
    bias: Option<&[f32]>,
    mask: Option<&DropoutMask>,
    output: &mut [f32],
    winners: Option<&mut [u8]>,
) {
    let conv2d = &geometry.conv2d;
    let convolver = Convolver::new(level, conv2d, weight);
    let frame = convolver.frame();
    let (image_len, output_len) = (frame.image_len(), geometry.output_len());
    let chunk = chunk_size(output.len() / output_len);
    let winners = Pieces::new(winners, chunk * output_len);
    let is_direct = mask.is_none() && conv2d.out_channels.is_multiple_of(MAX_LANES);
    output
        .par_chunks_mut(chunk * output_len)
        .zip(input.values.par_chunks(chunk * image_len))
        .enumerate()
        .with_max_len(1)
        .for_each(|(index, (outputs, images))| {
            let mut winners = winners.take(index);
            let mut padded = scratch(frame.len());
            let mut activations = scratch(conv2d.output_len() + MAX_LANES);
            let mut pooled = scratch(output_len + MAX_LANES);
            let mut places = vec![0; output_len + MAX_LANES];
            let mut factors = scratch(output_len);
            let mut factors_laid = scratch(output_len);
            for (sample, (output, image)) in outputs
                .chunks_exact_mut(output_len)
                .zip(images.chunks_exact(image_len))
                .enumerate()
            {
                let padded = laid(image, input.format, &frame, &mut padded);
                convolver.convolve(padded, bias, false, &mut activations);
                if is_direct {
                    // Without a mask, and with whole vectors, straight to where it goes.
                    let places = match &mut winners {
                        Some(winners) => &mut winners[sample * output_len..][..output_len],
                        None => &mut places[..output_len],
                    };
                    pool(level, geometry, &activations, output, places);
                    continue;
                }
                pool(level, geometry, &activations, &mut pooled, &mut places);
                if let Some(mask) = mask {
                    let first = (index * chunk + sample) * output_len;
                    dropout::factors(level, mask, first, &mut factors);
                    transpose(&factors, geometry.windows(), &mut factors_laid);
                    drop_out(level, &factors_laid, &mut pooled, &mut places);
                }
                output.copy_from_slice(&pooled[..output_len]);
                if let Some(winners) = &mut winners {
                    winners[sample * output_len..][..output_len]
                        .copy_from_slice(&places[..output_len]);
                }
            }
        });
}

/// Multiplies outputs with their factors; what is cut has no winner.
fn drop_out(level: Level, factors: &[f32], pooled: &mut [f32], places: &mut [u8]) {
    // SAFETY: the function works on slices only; the level is one of this processor.
    unsafe { drop_out_on(level, factors, pooled, places) }
}

on_level! {
    unsafe fn drop_out_on(factors: &[f32], pooled: &mut [f32], places: &mut [u8]) = drop_out_generic
}

/// Plain Rust, which the compiler turns into vectors of the level.
#[inline(always)]
unsafe fn drop_out_generic<S: Vector>(factors: &[f32], pooled: &mut [f32], places: &mut [u8]) {
    for ((factor, value), place) in factors.iter().zip(pooled).zip(places) {
        *value *= factor;
        *place |= if *factor == 0.0 { NONE } else { 0 };
    }
}

/// ReLU and max-pool of one channels-last image.
fn pool(
    level: Level,
    geometry: &BlockGeometry,
    activations: &[f32],
    pooled: &mut [f32],
    places: &mut [u8],
) {
    assert!(activations.len() >= geometry.conv2d.output_len() + MAX_LANES);
    let is_whole = geometry.conv2d.out_channels.is_multiple_of(MAX_LANES);
    let beyond = if is_whole { 0 } else { MAX_LANES };
    assert!(pooled.len().min(places.len()) >= geometry.output_len() + beyond);
    // SAFETY: the slices reach a vector beyond their last element, as was just checked.
    unsafe {
        pool_on(
            level,
            geometry,
            activations.as_ptr(),
            pooled.as_mut_ptr(),
            places.as_mut_ptr(),
        )
    }
}

on_level! {
    unsafe fn pool_on(
        geometry: &BlockGeometry, activations: *const f32, pooled: *mut f32, places: *mut u8,
    ) = pool_generic
}

#[inline(always)]
unsafe fn pool_generic<S: Vector>(
    geometry: &BlockGeometry,
    activations: *const f32,
    pooled: *mut f32,
    places: *mut u8,
) {
    let channels = geometry.conv2d.out_channels;
    let [height, width] = geometry.conv2d.output_size();
    let [pooled_height, pooled_width] = geometry.output_size();
    let PoolGeometry {
        kernel_size,
        stride,
        padding,
    } = geometry.pool;
    let row = width * channels;
    for window_y in 0..pooled_height {
        let top = window_y * stride[0];
        // Rows of the window that lie inside.
        let rows = padding[0].saturating_sub(top)..kernel_size[0].min(height + padding[0] - top);
        for window_x in 0..pooled_width {
            let left = window_x * stride[1];
            let columns =
                padding[1].saturating_sub(left)..kernel_size[1].min(width + padding[1] - left);
            let at = (window_y * pooled_width + window_x) * channels;
            let is_two_by_two = kernel_size == [2, 2] && rows == (0..2) && columns == (0..2);
            // SAFETY: all rows and columns lie inside; vectors may reach one vector beyond the end,
            // and what they write there the next window overwrites.
            unsafe {
                if is_two_by_two {
                    let corner =
                        activations.add((top - padding[0]) * row + (left - padding[1]) * channels);
                    for channel in (0..channels).step_by(S::LANES) {
                        let corner = corner.add(channel);
                        let values = [
                            S::load(corner),
                            S::load(corner.add(channels)),
                            S::load(corner.add(row)),
                            S::load(corner.add(row + channels)),
                        ];
                        let second = values[1].greater(values[0]);
                        let fourth = values[3].greater(values[2]);
                        let upper = values[0].replaced(second, values[1]);
                        let lower = values[2].replaced(fourth, values[3]);
                        let is_lower = lower.greater(upper);
                        let upper_place = S::splat(0.0).replaced(second, S::splat(1.0));
                        let lower_place = S::splat(2.0).replaced(fourth, S::splat(3.0));
                        let nan = S::or(
                            values[0].is_nan_in(values[1]),
                            values[2].is_nan_in(values[3]),
                        );
                        finish(
                            upper.replaced(is_lower, lower),
                            upper_place.replaced(is_lower, lower_place),
                            nan,
                            pooled.add(at + channel),
                            places.add(at + channel),
                        );
                    }
                    continue;
                }
                for channel in (0..channels).step_by(S::LANES) {
                    let mut best = S::splat(f32::NEG_INFINITY);
                    let mut place = S::splat(f32::from(NONE));
                    let mut nan = best.is_nan_in(best);
                    for y in rows.clone() {
                        let line = activations.add((top + y - padding[0]) * row + channel);
                        for x in columns.clone() {
                            let value = S::load(line.add((left + x - padding[1]) * channels));
                            let greater = value.greater(best);
                            nan = S::or(nan, value.is_nan_in(value));
                            best = best.replaced(greater, value);
                            let here = S::splat((y * kernel_size[1] + x) as f32);
                            place = place.replaced(greater, here);
                        }
                    }
                    finish(
                        best,
                        place,
                        nan,
                        pooled.add(at + channel),
                        places.add(at + channel),
                    );
                }
            }
        }
    }
}

/// ReLU of a window's greatest; where it cuts, nothing won.
#[inline(always)]
unsafe fn finish<S: Vector>(best: S, place: S, nan: S::Mask, pooled: *mut f32, places: *mut u8) {
    // SAFETY: the caller's promise.
    unsafe {
        let best = best.replaced(nan, S::splat(f32::NAN));
        let is_positive = best.greater(S::splat(0.0));
        best.relu().store(pooled);
        S::splat(f32::from(NONE))
            .replaced(is_positive, place)
            .store_bytes(places);
    }
}

/// The gradients of [`forward`], given that of its output and the winners; `scale` is the mask's, or 1.
pub fn backward(
    level: Level,
    geometry: &BlockGeometry,
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
                            super::image::take(&input_laid, frame, target);
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
