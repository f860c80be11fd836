//! Fast operations for the CPU, forward and backward, behind Burn's door for extensions.
//!
//! From the outside in: [`conv2d()`] and its like take tensors of any device; `extension.rs` is
//! what Burn dispatches to, `composed.rs` what it does on other backends than the CPU's,
//! `autodiff.rs` the backward passes, `host.rs` the way from tensors to slices. The rest works on
//! slices: a file an operation, on top of `product.rs` (register tiles), `geometry.rs` (sizes and
//! offsets), `image.rs` (memory formats), `parallel.rs` (chunks of a batch), `memory.rs` and `simd.rs`; `winograd.rs` is one way
//! of `conv2d.rs`, `sparse.rs` the backward pass of `conv_pool.rs`; `group_norm.rs` serves the norms of single
//! samples, `activation.rs` all functions of single numbers.
//!
//! Images lie channels last wherever the kernels choose, as permuted tensors that any other
//! operation of Burn reads as `[batch, channels, height, width]` all the same.
//!
//! This is the only module with unsafe code; the rest of the crate denies it.
#![allow(unsafe_code)]
#![allow(
    clippy::too_many_arguments,
    clippy::needless_range_loop,
    reason = "a kernel takes its operands one by one and counts its registers"
)]

pub mod activation;
pub mod adam;
pub mod avg_pool;
pub mod batch_norm;
pub mod conv2d;
pub mod conv_pool;
pub mod dropout;
pub mod group_norm;
pub mod linear;
pub mod loss;
pub mod prelu;
pub mod residual;

mod autodiff;
mod buffer;
mod composed;
mod extension;
mod geometry;
mod host;
mod image;
mod memory;
mod operations;
mod parallel;
mod product;
mod simd;
mod sparse;
mod winograd;

pub use buffer::Buffer;
pub use geometry::{BlockGeometry, Conv2dGeometry, MemoryFormat, PoolGeometry};
pub use operations::{
    BatchNorm, activation, adam_step, adaptive_avg_pool2d, avg_pool2d, batch_norm, conv2d,
    conv2d_pool, dropout, flatten_linear, group_norm, linear, loss, prelu, residual,
};
pub use simd::Level;
