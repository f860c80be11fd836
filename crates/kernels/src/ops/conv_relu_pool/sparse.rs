//! The backward pass of the fused block, one gradient that is not zero after the other.

use std::mem::MaybeUninit;

use super::geometry::ConvReluPoolGeometry;
use crate::core::geometry::Frame;
use crate::core::memory::Memory;
use crate::core::product::Segment;
use crate::core::simd::{Level, MAX_LANES, NONE, Vector, on_level};

/// What the backward pass of every image shares.
pub struct Sparse<'a> {
    level: Level,
    geometry: &'a ConvReluPoolGeometry,
    /// How an input image lies.
    pub frame: Frame,
    /// How an image of the output's gradient lies.
    pub output_frame: Frame,
    segments: Vec<Segment>,
    /// Floats of a segment, padded to whole vectors.
    segment_len: usize,
    /// Floats of a channel's weights: all segments.
    row: usize,
    /// `[channel][segment][segment_len]`
    weight: Memory,
    /// Where each vector of a channel's weights lies in a patch.
    vectors: Vec<usize>,
    /// Floats from one patch to the next, down and across.
    steps: [usize; 2],
    /// Where the patch of each place of a window starts, from that of the first.
    places: Vec<usize>,
}

/// A gradient that is not zero, and where its patch starts among the images of the group.
#[derive(Debug, Clone, Copy)]
struct Entry {
    patch: u32,
    gradient: f32,
}

/// The gradients of a group of images that are not zero, by channel and in order.
pub struct Lists {
    entries: Box<[MaybeUninit<Entry>]>,
    /// Where each channel's entries end.
    ends: Vec<usize>,
    /// Entries that a channel has room for.
    capacity: usize,
}

impl Lists {
    pub fn new(geometry: &ConvReluPoolGeometry, images: usize) -> Self {
        let channels = geometry.conv2d.out_channels;
        // One more, for an entry that is written and then not counted.
        let capacity = geometry.windows() * images + 1;
        Self {
            entries: Box::new_uninit_slice(channels * capacity),
            ends: (0..channels).map(|channel| channel * capacity).collect(),
            capacity,
        }
    }

    pub fn clear(&mut self) {
        for (channel, end) in self.ends.iter_mut().enumerate() {
            *end = channel * self.capacity;
        }
    }

    fn of(&self, channel: usize) -> &[Entry] {
        let entries = &self.entries[channel * self.capacity..self.ends[channel]];
        // SAFETY: `ends` counts entries that were written.
        unsafe { entries.assume_init_ref() }
    }
}

impl<'a> Sparse<'a> {
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

    /// Lists one image's gradients that are not zero, whose frame starts at `image` in the group,
    /// and adds what they give to the gradients of the bias and, if there is one, of the input.
    pub fn scatter(
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

    /// Whether patches are so short that it is cheaper to take all gradients, the zeros too, than
    /// to list those that are not zero.
    pub fn is_short(&self) -> bool {
        self.vectors.len() <= SHORT
            && self.geometry.conv2d.groups == 1
            && self.geometry.pool.window_len() <= 8
            && self.geometry.pool.padding == [0, 0]
    }

    /// Adds what one image gives to the gradients of weight and bias.
    pub fn add_short(
        &self,
        image: &[f32],
        gradient: &[f32],
        winners: &[u8],
        short: &mut Short,
        weight: &mut [f32],
        bias: &mut [f32],
    ) {
        let output_len = self.geometry.output_len();
        assert!(gradient.len().min(winners.len()) >= output_len);
        assert!(image.len() >= self.frame.len() + MAX_LANES);
        assert!(bias.len() >= self.geometry.conv2d.out_channels + MAX_LANES);
        assert_eq!(weight.len(), self.weight_len());
        short.gradients.resize(output_len + MAX_LANES, 0.0);
        short.patches.resize(output_len + MAX_LANES, 0);
        // SAFETY: all patches lie inside the image, which has a vector's room behind it, as has
        // every slice that vectors may reach beyond; places are below eight, or `NONE`, which
        // counts as some place of the window, with a gradient of zero.
        unsafe {
            let (gradient, winners) = (gradient.as_ptr(), winners.as_ptr());
            add_short_on(
                self.level,
                self,
                image.as_ptr(),
                gradient,
                winners,
                short,
                weight.as_mut_ptr(),
                bias.as_mut_ptr(),
            )
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
    fn window_start(&self, window: [usize; 2]) -> usize {
        let pool = &self.geometry.pool;
        let [y, x] = [0, 1].map(|axis: usize| {
            let from = window[axis] * pool.stride[axis];
            from.wrapping_sub(pool.padding[axis])
        });
        y.wrapping_mul(self.steps[0])
            .wrapping_add(x.wrapping_mul(self.steps[1]))
    }

    /// Adds what the listed gradients give to the gradient of the weight.
    pub fn add_weight(&self, images: &[f32], lists: &Lists, weight: &mut [f32]) {
        assert_eq!(weight.len(), self.weight_len());
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

/// Vectors of a short patch.
const SHORT: usize = 6;

/// The gradients of one image, zeros where nothing won, and where their patches start.
#[derive(Debug, Default)]
pub struct Short {
    gradients: Vec<f32>,
    patches: Vec<u32>,
}

on_level! {
    unsafe fn add_short_on(
        sparse: &Sparse<'_>, image: *const f32, gradient: *const f32, winners: *const u8,
        short: &mut Short, weight: *mut f32, bias: *mut f32,
    ) = add_short_generic
}

#[inline(always)]
unsafe fn add_short_generic<S: Vector>(
    sparse: &Sparse<'_>,
    image: *const f32,
    gradient: *const f32,
    winners: *const u8,
    short: &mut Short,
    weight: *mut f32,
    bias: *mut f32,
) {
    let channels = sparse.geometry.conv2d.out_channels;
    let [height, width] = sparse.geometry.output_size();
    // What is no place counts as the first one, with a gradient of zero.
    let mut table = [0; 8];
    for (entry, place) in table.iter_mut().zip(&sparse.places) {
        *entry = *place as u32;
    }
    let gradients = short.gradients.as_mut_ptr();
    let patches = short.patches.as_mut_ptr();
    for (window, (y, x)) in (0..height)
        .flat_map(|y| (0..width).map(move |x| (y, x)))
        .enumerate()
    {
        let start = sparse.window_start([y, x]) as u32;
        let at = window * channels;
        for channel in (0..channels).step_by(S::LANES) {
            // SAFETY: the caller's promise; what is written beyond the last channel the next
            // window overwrites.
            unsafe {
                let here = at + channel;
                let left = channels - channel;
                let taken = S::load(gradient.add(here)).taken(winners.add(here));
                let taken = if left < S::LANES {
                    taken.first(left)
                } else {
                    taken
                };
                taken.store(gradients.add(here));
                let bias = bias.add(channel);
                S::load(bias).add(taken).store(bias);
                S::store_lookup(&table, winners.add(here), start, patches.add(here));
            }
        }
    }
    let windows = height * width;
    let mut channel = 0;
    while channel < channels {
        // SAFETY: the caller's promise.
        unsafe {
            let count = (channels - channel).min(2);
            let weight = weight.add(channel * sparse.row);
            let (gradients, patches) = (gradients.add(channel), patches.add(channel));
            macro_rules! add {
                ($vectors:literal, $channels:literal) => {
                    add_all::<S, $vectors, $channels>(
                        sparse, image, gradients, patches, windows, weight,
                    )
                };
            }
            match (sparse.vectors.len(), count) {
                (1, 1) => add!(1, 1),
                (1, _) => add!(1, 2),
                (2, 1) => add!(2, 1),
                (2, _) => add!(2, 2),
                (3, 1) => add!(3, 1),
                (3, _) => add!(3, 2),
                (4, 1) => add!(4, 1),
                (4, _) => add!(4, 2),
                (5, 1) => add!(5, 1),
                (5, _) => add!(5, 2),
                (_, 1) => add!(6, 1),
                (_, _) => add!(6, 2),
            }
            channel += count;
        }
    }
}

/// `weight[c] += Σ gradient * patch` over all windows, for `C` neighbouring channels.
#[inline(always)]
unsafe fn add_all<S: Vector, const N: usize, const C: usize>(
    sparse: &Sparse<'_>,
    image: *const f32,
    gradients: *const f32,
    patches: *const u32,
    windows: usize,
    weight: *mut f32,
) {
    let channels = sparse.geometry.conv2d.out_channels;
    // SAFETY: the caller's promise.
    unsafe {
        let places: [usize; N] = std::array::from_fn(|i| *sparse.vectors.as_ptr().add(i));
        let mut sums: [[S; N]; C] = std::array::from_fn(|c| {
            std::array::from_fn(|i| S::load(weight.add(c * sparse.row + i * S::LANES)))
        });
        for window in 0..windows {
            for c in 0..C {
                let at = window * channels + c;
                let value = S::splat(*gradients.add(at));
                let patch = image.add(*patches.add(at) as usize);
                for (sum, place) in sums[c].iter_mut().zip(places) {
                    *sum = sum.add_product(value, S::load(patch.add(place)));
                }
            }
        }
        for (c, sums) in sums.into_iter().enumerate() {
            for (i, sum) in sums.into_iter().enumerate() {
                sum.store(weight.add(c * sparse.row + i * S::LANES));
            }
        }
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
        let start = image.wrapping_add(sparse.window_start([y, x]));
        for (place, patch) in sparse.places.iter().zip(&mut patches) {
            *patch = start.wrapping_add(*place) as u32;
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
                    lists.entries.get_unchecked_mut(*end).write(Entry {
                        patch: patches[place].wrapping_add(group as u32),
                        gradient: *gradient.add(at + channel),
                    });
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
        let start = sparse.window_start([y, x]);
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
                    for (place, from_start) in sparse.places.iter().enumerate() {
                        let mut bits = 0u64;
                        for lane in (0..count).step_by(S::LANES) {
                            bits |=
                                u64::from(S::equal_bytes(winners.add(lane), place as u8)) << lane;
                        }
                        bits &= active;
                        if bits == 0 {
                            continue;
                        }
                        let patch = start
                            .wrapping_add(*from_start)
                            .wrapping_add(group * in_group);
                        add_patch::<S>(sparse, gradient, bits, first, input.add(patch));
                        while bits != 0 {
                            let lane = bits.trailing_zeros() as usize;
                            bits &= bits - 1;
                            let end = lists.ends.get_unchecked_mut(first + lane);
                            lists.entries.get_unchecked_mut(*end).write(Entry {
                                patch: (image + patch) as u32,
                                gradient: *gradient.add(lane),
                            });
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
