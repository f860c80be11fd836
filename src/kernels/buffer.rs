//! Memory of tensors that is used over and over: a step of training allocates what it needs once,
//! and every later one takes the same memory again. Fresh pages from the system would cost more than much of
//! the arithmetic.

use std::mem::MaybeUninit;
use std::ops::{Deref, DerefMut};
use std::sync::{Mutex, PoisonError};

use burn::tensor::{DType, Shape, TensorData};
use burn_std::{AccessError, AccessPolicy, AllocationController, AllocationProperty, Bytes};

/// Floats that go back to where they were taken from when nobody needs them any more.
#[derive(Debug)]
pub struct Buffer(Vec<f32>);

static FREE: Mutex<Vec<Vec<f32>>> = Mutex::new(Vec::new());

/// Buffers that are kept for later at most.
const KEPT: usize = 64;

impl Buffer {
    /// `length` floats of any value.
    pub fn take(length: usize) -> Self {
        let mut free = FREE.lock().unwrap_or_else(PoisonError::into_inner);
        // The smallest that is large enough and not far too large.
        let fitting = (0..free.len())
            .filter(|&index| (length..=2 * length).contains(&free[index].capacity()))
            .min_by_key(|&index| free[index].capacity());
        let mut memory = fitting.map(|index| free.swap_remove(index)).unwrap_or_default();
        drop(free);
        memory.resize(length, 0.0);
        Self(memory)
    }

    /// A tensor's data without a copy.
    pub fn into_data(self, shape: impl Into<Shape>) -> TensorData {
        let bytes = self.0.len() * size_of::<f32>();
        // SAFETY: all bytes are initialized, as those of a `Vec` are.
        let bytes = unsafe { Bytes::from_controller(Box::new(self), bytes) };
        TensorData::from_bytes(bytes, shape, DType::F32)
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        let mut free = FREE.lock().unwrap_or_else(PoisonError::into_inner);
        free.push(std::mem::take(&mut self.0));
        if free.len() > KEPT {
            // The one that was not taken for longest.
            free.remove(0);
        }
    }
}

impl Deref for Buffer {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        &self.0
    }
}

impl DerefMut for Buffer {
    fn deref_mut(&mut self) -> &mut [f32] {
        &mut self.0
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
        let bytes = size_of_val(self.0.as_slice());
        let start = self.0.as_mut_ptr().cast();
        // SAFETY: these are the bytes of the slice, and the caller writes initialized ones only.
        Ok(unsafe { std::slice::from_raw_parts_mut(start, bytes) })
    }

    fn memory(&self, _policy: AccessPolicy) -> Result<&[MaybeUninit<u8>], AccessError> {
        let bytes = size_of_val(self.0.as_slice());
        // SAFETY: these are the bytes of the slice.
        Ok(unsafe { std::slice::from_raw_parts(self.0.as_ptr().cast(), bytes) })
    }
}
