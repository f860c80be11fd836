//! The weight's gradient where patches are short: all gradients are taken, the zeros too.

use super::sparse::Sparse;
use crate::core::simd::{MAX_LANES, Vector, on_level};

impl Sparse<'_> {
    /// Whether patches are so short that it is cheaper to take all gradients, the zeros too, than
    /// to list those that are not zero.
    pub fn has_short_patches(&self) -> bool {
        self.vectors.len() <= SHORT_PATCH_VECTORS
            && self.geometry.conv2d.groups == 1
            && self.geometry.pool.window_len() <= 8
            && self.geometry.pool.padding == [0, 0]
    }

    /// Adds what one image gives to the gradients of weight and bias.
    pub fn add_dense(
        &self,
        image: &[f32],
        gradient: &[f32],
        winners: &[u8],
        dense: &mut DenseGradients,
        weight: &mut [f32],
        bias: &mut [f32],
    ) {
        let output_len = self.geometry.output_len();
        assert!(gradient.len().min(winners.len()) >= output_len);
        assert!(image.len() >= self.frame.len() + MAX_LANES);
        assert!(bias.len() >= self.geometry.conv2d.out_channels + MAX_LANES);
        assert_eq!(weight.len(), self.weight_len());
        dense.gradients.resize(output_len + MAX_LANES, 0.0);
        dense.patches.resize(output_len + MAX_LANES, 0);
        // SAFETY: all patches lie inside the image, which has a vector's room behind it, as has
        // every slice that vectors may reach beyond; places are below eight, or `NONE`, which
        // counts as some place of the window, with a gradient of zero.
        unsafe {
            let (gradient, winners) = (gradient.as_ptr(), winners.as_ptr());
            add_dense_on(
                self.level,
                self,
                image.as_ptr(),
                gradient,
                winners,
                dense,
                weight.as_mut_ptr(),
                bias.as_mut_ptr(),
            )
        }
    }
}

/// Vectors of a short patch.
const SHORT_PATCH_VECTORS: usize = 6;

/// The gradients of one image, zeros where nothing won, and where their patches start.
#[derive(Debug, Default)]
pub struct DenseGradients {
    gradients: Vec<f32>,
    patches: Vec<u32>,
}

on_level! {
    unsafe fn add_dense_on(
        sparse: &Sparse<'_>, image: *const f32, gradient: *const f32, winners: *const u8,
        dense: &mut DenseGradients, weight: *mut f32, bias: *mut f32,
    ) = add_dense_generic
}

#[inline(always)]
unsafe fn add_dense_generic<S: Vector>(
    sparse: &Sparse<'_>,
    image: *const f32,
    gradient: *const f32,
    winners: *const u8,
    dense: &mut DenseGradients,
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
    let gradients = dense.gradients.as_mut_ptr();
    let patches = dense.patches.as_mut_ptr();
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
                    add_windows::<S, $vectors, $channels>(
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
unsafe fn add_windows<S: Vector, const N: usize, const C: usize>(
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
