//! Floats that begin at a cache line, so that no vector of them lies across two.

use std::ops::{Deref, DerefMut};

/// A cache line, and the widest vector of any level.
#[derive(Debug, Clone, Copy)]
#[repr(C, align(64))]
struct Line([f32; LINE]);

const LINE: usize = 16;

/// At least so many floats as were asked for; it never shrinks, as what is there need not be
/// filled again.
#[derive(Debug, Default)]
pub struct Memory(Vec<Line>);

impl Memory {
    /// `length` zeros.
    pub fn zeros(length: usize) -> Self {
        Self(vec![Line([0.0; LINE]); length.div_ceil(LINE)])
    }

    /// Makes it at least so long; what is new is zero.
    pub fn grow(&mut self, length: usize) {
        if self.len() < length {
            self.0.resize(length.div_ceil(LINE), Line([0.0; LINE]));
        }
    }
}

impl Deref for Memory {
    type Target = [f32];

    #[inline]
    fn deref(&self) -> &[f32] {
        // SAFETY: a line is nothing but its floats, without padding.
        unsafe { std::slice::from_raw_parts(self.0.as_ptr().cast(), self.0.len() * LINE) }
    }
}

impl DerefMut for Memory {
    #[inline]
    fn deref_mut(&mut self) -> &mut [f32] {
        // SAFETY: a line is nothing but its floats, without padding.
        unsafe { std::slice::from_raw_parts_mut(self.0.as_mut_ptr().cast(), self.0.len() * LINE) }
    }
}
