//! The gradients that are not zero, which the backward pass works on.

use std::mem::MaybeUninit;

use super::geometry::ConvReluPoolGeometry;

/// A gradient that is not zero, and the offset at which its patch starts in the group of images.
#[derive(Debug, Clone, Copy)]
pub(super) struct ActiveGradient {
    pub(super) patch: u32,
    pub(super) gradient: f32,
}

/// The gradients of a group of images that are not zero, by channel and in order.
pub struct ActiveGradients {
    pub(super) entries: Box<[MaybeUninit<ActiveGradient>]>,
    /// Where each channel's entries end.
    pub(super) ends: Vec<usize>,
    /// Entries that a channel has room for.
    capacity: usize,
}

impl ActiveGradients {
    /// Room for all gradients of so many images.
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

    /// Forgets the gradients, for the next group of images.
    pub fn clear(&mut self) {
        for (channel, end) in self.ends.iter_mut().enumerate() {
            *end = channel * self.capacity;
        }
    }

    pub(super) fn of(&self, channel: usize) -> &[ActiveGradient] {
        let entries = &self.entries[channel * self.capacity..self.ends[channel]];
        // SAFETY: `ends` counts entries that were written.
        unsafe { entries.assume_init_ref() }
    }
}
