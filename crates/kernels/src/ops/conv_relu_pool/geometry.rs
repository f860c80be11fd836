//! Sizes of the block.

use crate::core::geometry::{Conv2dGeometry, PoolGeometry};
use crate::core::simd::{MAX_LANES, NONE};

/// A convolution and the pool after it, which run as one block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConvReluPoolGeometry {
    /// The convolution; its size is that of an input image.
    pub conv2d: Conv2dGeometry,
    /// The max-pool of its output.
    pub pool: PoolGeometry,
}

impl ConvReluPoolGeometry {
    /// `[height, width]` of the output.
    pub fn output_size(&self) -> [usize; 2] {
        self.pool.output_size(self.conv2d.output_size())
    }

    /// Elements of one output image.
    pub fn output_len(&self) -> usize {
        self.windows() * self.conv2d.out_channels
    }

    /// Windows of the pool.
    pub fn windows(&self) -> usize {
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
