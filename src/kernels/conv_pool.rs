//! The fused block conv2d + bias + ReLU + max-pool.
//!
//! The activations before the pool never reach memory beyond the cache; of them a byte an output
//! is kept, the place in the window that won. Through a pooled ReLU at most one gradient in a window is
//! not zero, so the backward pass takes these one by one: for each, the weight's gradient grows by
//! the gradient times the patch, and the patch's gradient by the gradient times the weight.

use rayon::prelude::*;

use super::buffer::Buffer;
use super::conv2d::{Conv2dGradients, Convolver, Images, MAX_LANES, Pieces};
use super::dropout;
use super::geometry::{Conv2dGeometry, Frame, MemoryFormat, PoolGeometry};
use super::image::{laid, lay, transpose, write};
use super::parallel::{chunk_size, chunk_size_with_sums, scratch, sum_over_chunks};
use super::simd::{Level, NONE, Vector, on_level};
use crate::random::DropoutMask;

/// Sizes of a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BlockGeometry {
    pub conv2d: Conv2dGeometry,
    pub pool: PoolGeometry,
}

impl BlockGeometry {
    /// `[height, width]` of the output.
    pub fn output_size(&self) -> [usize; 2] {
        self.pool.output_size(self.conv2d.output_size())
    }

    pub fn output_len(&self) -> usize {
        self.windows() * self.conv2d.out_channels
    }

    fn windows(&self) -> usize {
        let [height, width] = self.output_size();
        height * width
    }

    /// Bytes of the winners of a batch: one an output, channels last, and what vectors read beyond.
    pub fn winners_len(&self, batch: usize) -> usize {
        batch * self.output_len() + MAX_LANES
    }

    /// Whether a place in a window fits a byte.
    pub fn is_supported(&self) -> bool {
        self.pool.window_len() <= usize::from(NONE)
    }
}

/// `max_pool2d(relu(conv2d(input, weight) + bias))` in the memory format `format`, then dropout if
/// there is a mask.
///
/// `winners`, of [`BlockGeometry::winners_len`] bytes, is filled for [`backward`]; evaluation does
/// without. What dropout cut has no winner, so that the backward pass need not ask the mask again.
#[allow(
    clippy::too_many_arguments,
    reason = "a kernel takes its operands one by one"
)]
pub fn forward(
    level: Level,
    geometry: &BlockGeometry,
    input: Images<'_>,
    weight: &[f32],
    bias: Option<&[f32]>,
    mask: Option<&DropoutMask>,
    format: MemoryFormat,
    output: &mut [f32],
    winners: Option<&mut [u8]>,
) {
    let conv2d = &geometry.conv2d;
    let convolver = Convolver::new(level, conv2d, weight);
    let frame = convolver.frame();
    let (image_len, output_len) = (frame.image_len(), geometry.output_len());
    let chunk = chunk_size(output.len() / output_len);
    let winners = Pieces::new(winners, chunk * output_len);
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
                pool(level, geometry, &activations, &mut pooled, &mut places);
                if let Some(mask) = mask {
                    let first = (index * chunk + sample) * output_len;
                    dropout::factors(level, mask, first, &mut factors);
                    transpose(&factors, geometry.windows(), &mut factors_laid);
                    drop_out(level, &factors_laid, &mut pooled, &mut places);
                }
                write(&pooled, conv2d.out_channels, format, output);
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
    assert!(pooled.len().min(places.len()) >= geometry.output_len() + MAX_LANES);
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
#[allow(
    clippy::too_many_arguments,
    reason = "a kernel takes its operands one by one"
)]
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
    let sums_len = sparse.weight.len() + conv2d.out_channels;
    // Without what pads the sums to vectors, which is not the same on every level.
    let chunk = chunk_size_with_sums(batch, conv2d.weight_len() + conv2d.out_channels);
    let mut input_gradient = wants_input.then(|| Buffer::take(batch * image_len));
    let pieces = Pieces::new(input_gradient.as_deref_mut(), chunk * image_len);
    // So many images that their patches stay in the first-level cache.
    let group = (CACHED_FLOATS / frame.len()).clamp(1, chunk);
    // Without half-filled vectors nothing reaches beyond an image, and many copies are saved.
    let is_whole = sparse.segments[0].length.is_multiple_of(MAX_LANES);
    let reads_input = is_whole && frame.is_laid(input.format);
    let writes_input = is_whole && frame.padded == frame.size;
    let reads_gradient = scale == 1.0
        && conv2d.group_out_channels().is_multiple_of(MAX_LANES)
        && sparse.output_frame.is_laid(gradient.format);
    let sums = sum_over_chunks(level, batch.div_ceil(chunk), sums_len, |index, sums| {
        let mut input_gradient = pieces.take(index);
        let (weight_sums, bias_sums) = sums.split_at_mut(sparse.weight.len());
        let mut images = scratch(group * frame.len() + MAX_LANES);
        let mut gradient_laid = scratch(output_len + MAX_LANES);
        let mut input_laid = scratch(frame.len() + MAX_LANES);
        let mut bias_laid = scratch(conv2d.out_channels + MAX_LANES);
        bias_laid.fill(0.0);
        let mut lists = Lists::new(geometry, group);
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
            sparse.add_weight(images, &lists, weight_sums);
        }
        bias_sums.copy_from_slice(&bias_laid[..bias_sums.len()]);
    });
    let mut weight = vec![0.0; conv2d.weight_len()];
    for channel in 0..conv2d.out_channels {
        let mut element = 0;
        for (index, segment) in sparse.segments.iter().enumerate() {
            for within in 0..segment.length {
                let packed = channel * sparse.row + index * sparse.segment_len + within;
                weight[conv2d.weight_index(channel, element)] = sums[packed];
                element += 1;
            }
        }
    }
    Conv2dGradients {
        input: input_gradient,
        weight,
        bias: sums[sparse.weight.len()..].to_vec(),
    }
}

/// Floats of images whose patches are summed together: half of a first-level cache of 32 KiB.
const CACHED_FLOATS: usize = 4096;

/// What the backward pass of every image shares.
struct Sparse<'a> {
    level: Level,
    geometry: &'a BlockGeometry,
    frame: Frame,
    output_frame: Frame,
    segments: Vec<super::product::Segment>,
    /// Floats of a segment, padded to whole vectors.
    segment_len: usize,
    /// Floats of a channel's weights: all segments.
    row: usize,
    /// `[channel][segment][segment_len]`
    weight: Vec<f32>,
    /// Where each vector of a channel's weights lies in a patch.
    vectors: Vec<usize>,
}

/// A gradient that is not zero, and where its patch starts among the images of the group.
#[derive(Debug, Clone, Copy, Default)]
struct Entry {
    patch: u32,
    gradient: f32,
}

/// The gradients of a group of images that are not zero, by channel and in order.
struct Lists {
    entries: Vec<Entry>,
    /// Where each channel's entries end.
    ends: Vec<usize>,
    /// Entries that a channel has room for.
    capacity: usize,
}

impl Lists {
    fn new(geometry: &BlockGeometry, images: usize) -> Self {
        let channels = geometry.conv2d.out_channels;
        // One more, for an entry that is written and then not counted.
        let capacity = geometry.windows() * images + 1;
        Self {
            entries: vec![Entry::default(); channels * capacity],
            ends: (0..channels).map(|channel| channel * capacity).collect(),
            capacity,
        }
    }

    fn clear(&mut self) {
        for (channel, end) in self.ends.iter_mut().enumerate() {
            *end = channel * self.capacity;
        }
    }

    fn of(&self, channel: usize) -> &[Entry] {
        &self.entries[channel * self.capacity..self.ends[channel]]
    }
}

impl<'a> Sparse<'a> {
    fn new(level: Level, geometry: &'a BlockGeometry, weight: &[f32]) -> Self {
        let conv2d = &geometry.conv2d;
        let segments = conv2d.segments();
        let level = level.for_runs_of(segments[0].length);
        let lanes = super::lanes(level);
        let segment_len = segments[0].length.next_multiple_of(lanes);
        let row = segments.len() * segment_len;
        let mut packed = vec![0.0; conv2d.out_channels * row];
        for (channel, packed) in packed.chunks_exact_mut(row).enumerate() {
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
        Self {
            level,
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

    /// Lists one image's gradients that are not zero, whose frame starts at `image` in the group,
    /// and adds what they give to the gradients of the bias and, if there is one, of the input.
    fn scatter(
        &self,
        gradient: &[f32],
        winners: &[u8],
        image: usize,
        input: Option<&mut [f32]>,
        lists: &mut Lists,
        bias: &mut [f32],
    ) {
        let output_len = self.geometry.output_len();
        let channels = self.geometry.conv2d.group_out_channels();
        let beyond = if channels.is_multiple_of(MAX_LANES) {
            0
        } else {
            MAX_LANES
        };
        assert!(gradient.len() >= output_len + beyond);
        assert!(winners.len() >= output_len + MAX_LANES);
        assert!(bias.len() >= self.geometry.conv2d.out_channels + MAX_LANES);
        // SAFETY: the slices reach a vector beyond their last element, as is checked here;
        // patches lie inside the frame, and an image adds at most its windows to each list.
        unsafe {
            let (gradient, winners) = (gradient.as_ptr(), winners.as_ptr());
            let bias = bias.as_mut_ptr();
            match input {
                Some(input) => {
                    let segment = self.segments[0].length;
                    let beyond = if segment.is_multiple_of(MAX_LANES) {
                        0
                    } else {
                        MAX_LANES
                    };
                    assert!(input.len() >= self.frame.len() + beyond);
                    let input = input.as_mut_ptr();
                    scatter_on(
                        self.level, self, gradient, winners, image, input, lists, bias,
                    )
                }
                None => list_on(self.level, self, gradient, winners, image, lists, bias),
            }
        }
    }

    /// Where in the frame the patch of each place of the window at `[y, x]` starts, without its
    /// group's channels.
    #[inline(always)]
    fn patch(&self, window: [usize; 2], place: usize) -> usize {
        let (conv2d, pool) = (&self.geometry.conv2d, &self.geometry.pool);
        let y = window[0] * pool.stride[0] + place / pool.kernel_size[1];
        let x = window[1] * pool.stride[1] + place % pool.kernel_size[1];
        // Places outside are never read, so that they may wrap.
        y.wrapping_sub(pool.padding[0])
            .wrapping_mul(conv2d.stride[0] * self.frame.row())
            .wrapping_add(
                x.wrapping_sub(pool.padding[1])
                    .wrapping_mul(conv2d.stride[1] * conv2d.in_channels),
            )
    }

    /// Adds what the listed gradients give to the gradient of the weight.
    fn add_weight(&self, images: &[f32], lists: &Lists, weight: &mut [f32]) {
        assert_eq!(weight.len(), self.weight.len());
        // SAFETY: patches lie inside the images, which have a vector's room behind them.
        unsafe {
            add_weight_on(
                self.level,
                self,
                images.as_ptr(),
                lists,
                weight.as_mut_ptr(),
            )
        }
    }
}

/// Adds to the bias's gradient that of one window, where a winner took it; gives the latter's bits.
#[inline(always)]
unsafe fn add_bias<S: Vector>(gradient: *const f32, winners: *const u8, bias: *mut f32) -> u32 {
    // SAFETY: the caller's promise.
    unsafe {
        let taken = S::load(gradient).taken(winners);
        S::load(bias).add(taken).store(bias);
        taken.nonzero()
    }
}

on_level! {
    unsafe fn list_on(
        sparse: &Sparse<'_>, gradient: *const f32, winners: *const u8, image: usize,
        lists: &mut Lists, bias: *mut f32,
    ) = list_generic
}

/// [`Sparse::scatter`] without a gradient of the input.
#[inline(always)]
unsafe fn list_generic<S: Vector>(
    sparse: &Sparse<'_>,
    gradient: *const f32,
    winners: *const u8,
    image: usize,
    lists: &mut Lists,
    bias: *mut f32,
) {
    let conv2d = &sparse.geometry.conv2d;
    let channels = conv2d.out_channels;
    let [height, width] = sparse.geometry.output_size();
    let mut patches = [0; NONE as usize + 1];
    for (window, (y, x)) in (0..height)
        .flat_map(|y| (0..width).map(move |x| (y, x)))
        .enumerate()
    {
        for (place, patch) in (0..sparse.geometry.pool.window_len()).zip(&mut patches) {
            *patch = image.wrapping_add(sparse.patch([y, x], place)) as u32;
        }
        let at = window * channels;
        // SAFETY: reads at most a vector beyond the last channel; a list has room for every
        // window of the group of images and one more. Each channel is written and then counted if
        // there is something, as a jump would be guessed wrong too often.
        unsafe {
            for first in (0..channels).step_by(S::LANES) {
                let bits = add_bias::<S>(
                    gradient.add(at + first),
                    winners.add(at + first),
                    bias.add(first),
                );
                let in_group = conv2d.group_in_channels();
                for channel in first..channels.min(first + S::LANES) {
                    let place = usize::from(*winners.add(at + channel));
                    let group = if conv2d.groups == 1 {
                        0
                    } else {
                        channel / conv2d.group_out_channels() * in_group
                    };
                    let end = lists.ends.get_unchecked_mut(channel);
                    *lists.entries.get_unchecked_mut(*end) = Entry {
                        patch: patches[place].wrapping_add(group as u32),
                        gradient: *gradient.add(at + channel),
                    };
                    *end += (bits >> (channel - first) & 1) as usize;
                }
            }
        }
    }
}

on_level! {
    unsafe fn scatter_on(
        sparse: &Sparse<'_>, gradient: *const f32, winners: *const u8, image: usize,
        input: *mut f32, lists: &mut Lists, bias: *mut f32,
    ) = scatter_generic
}

/// Channels whose bits make a word.
const WORD: usize = 64;

#[inline(always)]
#[allow(
    clippy::too_many_arguments,
    reason = "a kernel takes its operands one by one"
)]
unsafe fn scatter_generic<S: Vector>(
    sparse: &Sparse<'_>,
    gradient: *const f32,
    winners: *const u8,
    image: usize,
    input: *mut f32,
    lists: &mut Lists,
    bias: *mut f32,
) {
    let geometry = sparse.geometry;
    let conv2d = &geometry.conv2d;
    let channels = conv2d.out_channels;
    let in_group = conv2d.group_in_channels();
    let [height, width] = geometry.output_size();
    for (window, (y, x)) in (0..height)
        .flat_map(|y| (0..width).map(move |x| (y, x)))
        .enumerate()
    {
        let at = window * channels;
        for group in 0..conv2d.groups {
            let end = (group + 1) * conv2d.group_out_channels();
            for first in (group * conv2d.group_out_channels()..end).step_by(WORD) {
                let count = WORD.min(end - first);
                // SAFETY: reads and writes at most a vector beyond the last channel; what lies
                // there is cut off, and of the bias's gradient, added as zero or to room beyond.
                unsafe {
                    let gradient = gradient.add(at + first);
                    let winners = winners.add(at + first);
                    let mut active = 0u64;
                    for lane in (0..count).step_by(S::LANES) {
                        let left = count - lane;
                        let taken = S::load(gradient.add(lane)).taken(winners.add(lane));
                        let taken = if left < S::LANES {
                            taken.first(left)
                        } else {
                            taken
                        };
                        let bias = bias.add(first + lane);
                        S::load(bias).add(taken).store(bias);
                        active |= u64::from(taken.nonzero()) << lane;
                    }
                    for place in 0..geometry.pool.window_len() {
                        let mut bits = 0u64;
                        for lane in (0..count).step_by(S::LANES) {
                            bits |=
                                u64::from(S::equal_bytes(winners.add(lane), place as u8)) << lane;
                        }
                        bits &= active;
                        if bits == 0 {
                            continue;
                        }
                        let patch = sparse.patch([y, x], place) + group * in_group;
                        add_patch::<S>(sparse, gradient, bits, first, input.add(patch));
                        while bits != 0 {
                            let lane = bits.trailing_zeros() as usize;
                            bits &= bits - 1;
                            let end = lists.ends.get_unchecked_mut(first + lane);
                            *lists.entries.get_unchecked_mut(*end) = Entry {
                                patch: (image + patch) as u32,
                                gradient: *gradient.add(lane),
                            };
                            *end += 1;
                        }
                    }
                }
            }
        }
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

/// `patch += Σ gradient[channel] * weight[first + channel]` over the channels of `bits`.
#[inline(always)]
unsafe fn add_patch<S: Vector>(
    sparse: &Sparse<'_>,
    gradient: *const f32,
    bits: u64,
    first_channel: usize,
    patch: *mut f32,
) {
    by_vectors!(sparse.vectors.len(), |first, N| {
        // SAFETY: the caller's promise. Vectors are stored in the order of their places, so what
        // one writes beyond its segment is overwritten by the one that the place belongs to.
        unsafe {
            let places = sparse.vectors.as_ptr().add(first);
            let weight = sparse.weight.as_ptr();
            let weight = weight.add(first_channel * sparse.row + first * S::LANES);
            let mut sums: [S; N] = std::array::from_fn(|i| S::load(patch.add(*places.add(i))));
            let mut bits = bits;
            while bits != 0 {
                let channel = bits.trailing_zeros() as usize;
                bits &= bits - 1;
                let value = S::splat(*gradient.add(channel));
                let weight = weight.add(channel * sparse.row);
                for (i, sum) in sums.iter_mut().enumerate() {
                    *sum = sum.add_product(value, S::load(weight.add(i * S::LANES)));
                }
            }
            for (i, sum) in sums.into_iter().enumerate() {
                sum.store(patch.add(*places.add(i)));
            }
        }
    });
}

on_level! {
    unsafe fn add_weight_on(
        sparse: &Sparse<'_>, images: *const f32, lists: &Lists, weight: *mut f32,
    ) = add_weight_generic
}

#[inline(always)]
unsafe fn add_weight_generic<S: Vector>(
    sparse: &Sparse<'_>,
    images: *const f32,
    lists: &Lists,
    weight: *mut f32,
) {
    // Two channels at a time where their sums fit the registers: one alone would wait for its own
    // last sum most of the time.
    let channels = sparse.geometry.conv2d.out_channels;
    let mut channel = 0;
    while channel < channels {
        // SAFETY: the caller's promise.
        unsafe {
            if sparse.vectors.len() <= 6 && channel + 1 < channels {
                let lists = [lists.of(channel), lists.of(channel + 1)];
                add_entries::<S, 2>(sparse, images, lists, weight.add(channel * sparse.row));
                channel += 2;
            } else {
                let lists = [lists.of(channel)];
                add_entries::<S, 1>(sparse, images, lists, weight.add(channel * sparse.row));
                channel += 1;
            }
        }
    }
}

/// `weight[c] += Σ gradient * patch` over the entries of `C` neighbouring channels.
#[inline(always)]
unsafe fn add_entries<S: Vector, const C: usize>(
    sparse: &Sparse<'_>,
    images: *const f32,
    lists: [&[Entry]; C],
    weight: *mut f32,
) {
    let common = lists.iter().map(|list| list.len()).min().unwrap_or(0);
    by_vectors!(sparse.vectors.len(), |first, N| {
        // SAFETY: the caller's promise.
        unsafe {
            let places: [usize; N] =
                std::array::from_fn(|i| *sparse.vectors.as_ptr().add(first + i));
            let add = |sums: &mut [S; N], entry: &Entry| {
                let value = S::splat(entry.gradient);
                let patch = images.add(entry.patch as usize);
                for (sum, place) in sums.iter_mut().zip(places) {
                    *sum = sum.add_product(value, S::load(patch.add(place)));
                }
            };
            let weight = weight.add(first * S::LANES);
            let mut sums: [[S; N]; C] = std::array::from_fn(|c| {
                std::array::from_fn(|i| S::load(weight.add(c * sparse.row + i * S::LANES)))
            });
            for at in 0..common {
                for c in 0..C {
                    add(&mut sums[c], lists[c].get_unchecked(at));
                }
            }
            for c in 0..C {
                for entry in &lists[c][common..] {
                    add(&mut sums[c], entry);
                }
                for (i, sum) in sums[c].into_iter().enumerate() {
                    sum.store(weight.add(c * sparse.row + i * S::LANES));
                }
            }
        }
    });
}
