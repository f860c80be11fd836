//! One image's gradients that are not zero: listed for the weight, added up for the bias, and
//! scattered over their patches for the input.

use super::active::{ActiveGradient, ActiveGradients};
use super::sparse::{Sparse, by_vectors};
use crate::core::simd::{MAX_LANES, NONE, Vector, on_level};

impl Sparse<'_> {
    /// Lists one image's gradients that are not zero, whose frame starts at `image` in the group,
    /// and adds what they give to the gradients of the bias and, if there is one, of the input.
    pub fn scatter(
        &self,
        gradient: &[f32],
        winners: &[u8],
        image: usize,
        input: Option<&mut [f32]>,
        active: &mut ActiveGradients,
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
                        self.level, self, gradient, winners, image, input, active, bias,
                    )
                }
                None => list_on(self.level, self, gradient, winners, image, active, bias),
            }
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
        active: &mut ActiveGradients, bias: *mut f32,
    ) = list_generic
}

/// [`Sparse::scatter`] without a gradient of the input.
#[inline(always)]
unsafe fn list_generic<S: Vector>(
    sparse: &Sparse<'_>,
    gradient: *const f32,
    winners: *const u8,
    image: usize,
    active: &mut ActiveGradients,
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
                    let end = active.ends.get_unchecked_mut(channel);
                    active
                        .entries
                        .get_unchecked_mut(*end)
                        .write(ActiveGradient {
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
        input: *mut f32, active: &mut ActiveGradients, bias: *mut f32,
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
    active: &mut ActiveGradients,
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
                    let mut nonzero = 0u64;
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
                        nonzero |= u64::from(taken.nonzero()) << lane;
                    }
                    for (place, from_start) in sparse.places.iter().enumerate() {
                        let mut bits = 0u64;
                        for lane in (0..count).step_by(S::LANES) {
                            bits |=
                                u64::from(S::equal_bytes(winners.add(lane), place as u8)) << lane;
                        }
                        bits &= nonzero;
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
                            let end = active.ends.get_unchecked_mut(first + lane);
                            active
                                .entries
                                .get_unchecked_mut(*end)
                                .write(ActiveGradient {
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
