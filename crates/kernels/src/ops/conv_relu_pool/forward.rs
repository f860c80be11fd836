//! The forward pass, a few images at a time: convolve, then pool while the activations are in the cache.

use rayon::prelude::*;
use runner_random::DropoutMask;

use super::geometry::ConvReluPoolGeometry;
use crate::core::geometry::PoolGeometry;
use crate::core::image::{Images, transpose};
use crate::core::parallel::{Pieces, chunk_size, images_of_a_task, scratch};
use crate::core::simd::{Level, MAX_LANES, NONE, Vector, on_level};
use crate::ops::conv2d::Convolver;
use crate::ops::dropout;

/// `max_pool2d(relu(conv2d(input, weight) + bias))` , then dropout if there is a mask;
/// gives `output` channels last.
///
/// `winners`, of [`ConvReluPoolGeometry::winners_len`] bytes, is filled for `backward`; evaluation does
/// without. What dropout cut has no winner, so that the backward pass need not ask the mask again.
pub fn forward(
    level: Level,
    geometry: &ConvReluPoolGeometry,
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
    let batch = output.len() / output_len;
    let at_once = convolver.images_at_once();
    let chunk = images_of_a_task(batch, at_once.max(chunk_size(batch)));
    let at_once = at_once.min(chunk);
    let winners = Pieces::new(winners, chunk * output_len);
    let is_direct = mask.is_none() && conv2d.out_channels.is_multiple_of(MAX_LANES);
    output
        .par_chunks_mut(chunk * output_len)
        .zip(input.values.par_chunks(chunk * image_len))
        .enumerate()
        .with_max_len(1)
        .for_each(|(index, (outputs, images))| {
            let mut winners = winners.take(index);
            let mut padded = scratch(convolver.frames_len(at_once));
            let mut activations = scratch(at_once * conv2d.output_len() + MAX_LANES);
            let mut pooled = scratch(output_len + MAX_LANES);
            let mut places = vec![0; output_len + MAX_LANES];
            let mut factors = scratch(output_len);
            let mut factors_laid = scratch(output_len);
            for (sample, output) in outputs.chunks_exact_mut(output_len).enumerate() {
                if sample % at_once == 0 {
                    let count = at_once.min(images.len() / image_len - sample);
                    let values = &images[sample * image_len..][..count * image_len];
                    let images = Images { values, ..input }.into();
                    let padded = convolver.laid(images, &mut padded);
                    convolver.convolve(count, padded, bias, None, &mut activations);
                }
                let activations = &activations[sample % at_once * conv2d.output_len()..];
                if is_direct {
                    // Without a mask, and with whole vectors, straight to where it goes.
                    let places = match &mut winners {
                        Some(winners) => &mut winners[sample * output_len..][..output_len],
                        None => &mut places[..output_len],
                    };
                    pool(level, geometry, activations, output, places);
                    continue;
                }
                pool(level, geometry, activations, &mut pooled, &mut places);
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

/// Plain Rust, which the compiler vectorizes for the level.
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
    geometry: &ConvReluPoolGeometry,
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
        geometry: &ConvReluPoolGeometry, activations: *const f32, pooled: *mut f32, places: *mut u8,
    ) = pool_generic
}

#[inline(always)]
unsafe fn pool_generic<S: Vector>(
    geometry: &ConvReluPoolGeometry,
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
                let (pooled, places) = (pooled.add(at), places.add(at));
                if is_two_by_two {
                    let corner =
                        activations.add((top - padding[0]) * row + (left - padding[1]) * channels);
                    pool_two_by_two::<S>(corner, row, channels, pooled, places);
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
                    finish(best, place, nan, pooled.add(channel), places.add(channel));
                }
            }
        }
    }
}

/// A window of 2x2 inside the image, whose first pixel is at `corner`; the next row is `row` elements on.
#[inline(always)]
unsafe fn pool_two_by_two<S: Vector>(
    corner: *const f32,
    row: usize,
    channels: usize,
    pooled: *mut f32,
    places: *mut u8,
) {
    for channel in (0..channels).step_by(S::LANES) {
        // SAFETY: the caller's promise.
        unsafe {
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
                pooled.add(channel),
                places.add(channel),
            );
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
