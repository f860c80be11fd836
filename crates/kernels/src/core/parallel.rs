//! Work on a batch, cut into chunks that depend on its size alone.
//!
//! Whatever is summed over samples is summed within a chunk and then over the chunks in their
//! order, so the bits of a result do not depend on the number of threads.

use std::cell::RefCell;
use std::ops::{Deref, DerefMut};
use std::sync::Mutex;

use rayon::prelude::*;

use super::memory::Memory;
use super::simd::{Level, Vector, on_level};

/// Chunks that a batch is cut into at most.
const MAX_CHUNKS: usize = 32;

/// Floats that the partial sums of all chunks may take together.
const MAX_PARTIAL: usize = 32 << 20;

/// Samples of a chunk.
pub fn chunk_size(batch: usize) -> usize {
    batch.div_ceil(MAX_CHUNKS).max(1)
}

/// Samples of a chunk where each chunk keeps `partial` floats of sums.
pub fn chunk_size_with_sums(batch: usize, partial: usize) -> usize {
    let chunks = (MAX_PARTIAL / partial.max(1)).clamp(2, MAX_CHUNKS);
    batch.div_ceil(chunks).max(1)
}

/// Images that one task takes, about as many as are best taken together: where nothing is summed over a batch, bits do not
/// depend on it, so it may follow the threads.
pub fn images_of_a_task(batch: usize, together: usize) -> usize {
    let threads = rayon::current_num_threads();
    let tasks = batch.div_ceil(together.max(1)).next_multiple_of(threads);
    batch.div_ceil(tasks).max(1)
}

/// Sums of `length` floats over a batch: `add` adds what chunk `index` has to give to zeros.
pub fn sum_over_chunks(
    level: Level,
    chunks: usize,
    length: usize,
    add: impl Fn(usize, &mut [f32]) + Sync,
) -> Vec<f32> {
    let mut partial = scratch(chunks * length);
    partial
        .par_chunks_exact_mut(length)
        .enumerate()
        .with_max_len(1)
        .for_each(|(index, sums)| {
            sums.fill(0.0);
            add(index, sums);
        });
    let mut total = partial[..length].to_vec();
    const PIECE: usize = 4096;
    total
        .par_chunks_mut(PIECE)
        .enumerate()
        .for_each(|(piece, total)| {
            for chunk in 1..chunks {
                let start = chunk * length + piece * PIECE;
                add_to(level, &partial[start..][..total.len()], total);
            }
        });
    total
}

/// Pieces of one slice that chunks take from any thread, each once.
pub struct Pieces<'a, T>(Option<Vec<Mutex<Option<&'a mut [T]>>>>);

impl<'a, T> Pieces<'a, T> {
    pub fn new(slice: Option<&'a mut [T]>, length: usize) -> Self {
        Self(slice.map(|slice| {
            let pieces = slice.chunks_mut(length.max(1));
            pieces.map(|piece| Mutex::new(Some(piece))).collect()
        }))
    }

    pub fn take(&self, index: usize) -> Option<&'a mut [T]> {
        let pieces = self.0.as_ref()?;
        pieces[index].lock().expect("no holder panics").take()
    }
}

/// `sum += values`
pub fn add_to(level: Level, values: &[f32], sum: &mut [f32]) {
    assert_eq!(values.len(), sum.len());
    // SAFETY: both slices have the length that is passed.
    unsafe { add_on(level, values.as_ptr(), sum.as_mut_ptr(), values.len()) }
}

on_level! {
    unsafe fn add_on(values: *const f32, sum: *mut f32, length: usize) = add_generic
}

#[inline(always)]
unsafe fn add_generic<S: Vector>(values: *const f32, sum: *mut f32, length: usize) {
    let whole = length - length % S::LANES;
    // SAFETY: all accesses are below `length`.
    unsafe {
        for i in (0..whole).step_by(S::LANES) {
            S::load(sum.add(i))
                .add(S::load(values.add(i)))
                .store(sum.add(i));
        }
        for i in whole..length {
            *sum.add(i) += *values.add(i);
        }
    }
}

/// Memory of this thread that kernels use over and over; its content is whatever was left in it.
pub struct Scratch {
    memory: Memory,
    length: usize,
}

thread_local! {
    static FREE: RefCell<Vec<Memory>> = const { RefCell::new(Vec::new()) };
}

/// `length` floats of any value.
pub fn scratch(length: usize) -> Scratch {
    let mut memory = FREE.with_borrow_mut(|free| {
        // The smallest that is large enough, else the largest.
        let best = (0..free.len()).min_by_key(|&index| {
            let own = free[index].len();
            if own >= length {
                (0, own)
            } else {
                (1, usize::MAX - own)
            }
        });
        best.map(|index| free.swap_remove(index))
            .unwrap_or_default()
    });
    memory.grow(length);
    Scratch { memory, length }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let memory = std::mem::take(&mut self.memory);
        // While a thread ends its store may be gone already; then the memory is just freed.
        let _ = FREE.try_with(|free| free.borrow_mut().push(memory));
    }
}

impl Deref for Scratch {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        &self.memory[..self.length]
    }
}

impl DerefMut for Scratch {
    fn deref_mut(&mut self) -> &mut [f32] {
        &mut self.memory[..self.length]
    }
}
