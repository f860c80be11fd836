//! Memory of tensors that is used over and over: a step of training allocates what it needs once,
//! and every later one takes the same memory again. Fresh pages from the system would cost more than much of
//! the arithmetic.

use std::mem::MaybeUninit;
use std::ops::{Deref, DerefMut};
use std::sync::{Mutex, PoisonError};

use super::memory::Memory;
use burn::tensor::{DType, Shape, TensorData};
use burn_std::{AccessError, AccessPolicy, AllocationController, AllocationProperty, Bytes};

/// Floats that go back to where they were taken from when nobody needs them any more.
#[derive(Debug)]
pub struct Buffer {
    /// At least `length` floats.
    memory: Memory,
    length: usize,
}

static FREE: Mutex<Vec<Memory>> = Mutex::new(Vec::new());

/// Buffers that are kept for later at most.
const KEPT: usize = 64;

impl Buffer {
    /// `length` floats of any value.
    pub fn take(length: usize) -> Self {
        let mut free = FREE.lock().unwrap_or_else(PoisonError::into_inner);
        // The smallest that is large enough and not far too large.
        let fitting = (0..free.len())
            .filter(|&index| (length..=2 * length).contains(&free[index].len()))
            .min_by_key(|&index| free[index].len());
        let mut memory = fitting
            .map(|index| free.swap_remove(index))
            .unwrap_or_default();
        drop(free);
        memory.grow(length);
        Self { memory, length }
    }

    /// Gives all memory back to the system that nobody needs now: for the end of a phase after which other lengths are asked for.
    pub fn give_back() {
        let free = std::mem::take(&mut *FREE.lock().unwrap_or_else(PoisonError::into_inner));
        drop(free);
    }

    /// `length` bytes of any value, see [`Self::bytes`].
    pub fn take_bytes(length: usize) -> Self {
        Self::take(length.div_ceil(size_of::<f32>()))
    }

    /// The memory as bytes.
    #[inline]
    pub fn bytes(&self) -> &[u8] {
        // SAFETY: these are the bytes of the slice; every float is made of valid bytes.
        unsafe { std::slice::from_raw_parts(self.memory.as_ptr().cast(), size_of_val(&self[..])) }
    }

    /// The memory as bytes.
    #[inline]
    pub fn bytes_mut(&mut self) -> &mut [u8] {
        let length = size_of_val(&self[..]);
        // SAFETY: these are the bytes of the slice; any bytes make valid floats.
        unsafe { std::slice::from_raw_parts_mut(self.memory.as_mut_ptr().cast(), length) }
    }

    /// A tensor's data without a copy.
    pub fn into_data(self, shape: impl Into<Shape>) -> TensorData {
        let bytes = size_of_val(&self[..]);
        // SAFETY: all bytes are initialized, as those of a `Vec` are.
        let bytes = unsafe { Bytes::from_controller(Box::new(self), bytes) };
        TensorData::from_bytes(bytes, shape, DType::F32)
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        let mut free = FREE.lock().unwrap_or_else(PoisonError::into_inner);
        free.push(std::mem::take(&mut self.memory));
        if free.len() > KEPT {
            // The one that was not taken for longest.
            free.remove(0);
        }
    }
}

impl Deref for Buffer {
    type Target = [f32];

    #[inline]
    fn deref(&self) -> &[f32] {
        &self.memory[..self.length]
    }
}

impl DerefMut for Buffer {
    #[inline]
    fn deref_mut(&mut self) -> &mut [f32] {
        &mut self.memory[..self.length]
    }
}

impl AllocationController for Buffer {
    fn alloc_align(&self) -> usize {
        align_of::<f32>()
    }

    fn property(&self) -> AllocationProperty {
        AllocationProperty::Other
    }

    unsafe fn memory_mut(
        &mut self,
        _policy: AccessPolicy,
    ) -> Result<&mut [MaybeUninit<u8>], AccessError> {
        let bytes = size_of_val(&self[..]);
        let start = self.memory.as_mut_ptr().cast();
        // SAFETY: these are the bytes of the slice, and the caller writes initialized ones only.
        Ok(unsafe { std::slice::from_raw_parts_mut(start, bytes) })
    }

    fn memory(&self, _policy: AccessPolicy) -> Result<&[MaybeUninit<u8>], AccessError> {
        let bytes = size_of_val(&self[..]);
        // SAFETY: these are the bytes of the slice.
        Ok(unsafe { std::slice::from_raw_parts(self.memory.as_ptr().cast(), bytes) })
    }
}
