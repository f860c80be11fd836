//! The weight's gradient from the listed gradients and their patches.

use super::active::{ActiveGradient, ActiveGradients};
use super::sparse::{Sparse, by_vectors};
use crate::core::simd::{Vector, on_level};

impl Sparse<'_> {
    /// Adds what the listed gradients give to the gradient of the weight.
    pub fn add_weight(&self, images: &[f32], active: &ActiveGradients, weight: &mut [f32]) {
        assert_eq!(weight.len(), self.weight_len());
        // SAFETY: patches lie inside the images, which have a vector's room behind them.
        unsafe {
            add_weight_on(
                self.level,
                self,
                images.as_ptr(),
                active,
                weight.as_mut_ptr(),
            )
        }
    }
}

on_level! {
    unsafe fn add_weight_on(
        sparse: &Sparse<'_>, images: *const f32, active: &ActiveGradients, weight: *mut f32,
    ) = add_weight_generic
}

#[inline(always)]
unsafe fn add_weight_generic<S: Vector>(
    sparse: &Sparse<'_>,
    images: *const f32,
    active: &ActiveGradients,
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
                let pair = [active.of(channel), active.of(channel + 1)];
                add_active::<S, 2>(sparse, images, pair, weight.add(channel * sparse.row));
                channel += 2;
            } else {
                let pair = [active.of(channel)];
                add_active::<S, 1>(sparse, images, pair, weight.add(channel * sparse.row));
                channel += 1;
            }
        }
    }
}

/// `weight[c] += Σ gradient * patch` over the entries of `C` neighbouring channels.
#[inline(always)]
unsafe fn add_active<S: Vector, const C: usize>(
    sparse: &Sparse<'_>,
    images: *const f32,
    active: [&[ActiveGradient]; C],
    weight: *mut f32,
) {
    let common = active.iter().map(|list| list.len()).min().unwrap_or(0);
    by_vectors!(sparse.vectors.len(), |first, N| {
        // SAFETY: the caller's promise.
        unsafe {
            let places: [usize; N] =
                std::array::from_fn(|i| *sparse.vectors.as_ptr().add(first + i));
            let add = |sums: &mut [S; N], entry: &ActiveGradient| {
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
                    add(&mut sums[c], active[c].get_unchecked(at));
                }
            }
            for c in 0..C {
                for entry in &active[c][common..] {
                    add(&mut sums[c], entry);
                }
                for (i, sum) in sums[c].into_iter().enumerate() {
                    sum.store(weight.add(c * sparse.row + i * S::LANES));
                }
            }
        }
    });
}
