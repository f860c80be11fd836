//! Fast operations for the CPU, forward and backward, behind Burn's door for extensions.
//!
//! From the outside in: `burn/` is the door, with functions such as [`conv2d()`] that take tensors of
//! any device; `ops/` has a file or folder an operation, with its kernel on slices, its form on tensors
//! of the CPU and its backward pass as a node of Burn's graph; `core/` is what operations stand on.
//!
//! Images lie channels last wherever the kernels choose, as permuted tensors that any other
//! operation of Burn reads as `[batch, channels, height, width]` all the same.
//!
//! This is the only crate with unsafe code; the others deny it.
#![warn(missing_docs)]
#![allow(unsafe_code)]
#![allow(
    clippy::too_many_arguments,
    clippy::needless_range_loop,
    reason = "a kernel takes its operands one by one and counts its registers"
)]

mod allocator;
mod burn;
mod core;
mod ops;

pub use crate::allocator::{
    Allocator, before_the_end, fallibly, nothing_before_the_end, zeroed_bytes,
};
pub use crate::burn::functions::*;
pub use crate::core::buffer::Buffer;
pub use crate::core::geometry::{Conv2dGeometry, MemoryFormat, PoolGeometry};
pub use crate::core::image::Images;
pub use crate::core::rectifier::Rectifier;
pub use crate::core::simd::Level;
pub use crate::ops::*;
