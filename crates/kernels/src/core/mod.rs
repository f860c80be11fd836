//! What the operations stand on, from the bottom up: vectors of the processor ([`simd`]) and aligned
//! memory ([`memory`], [`buffer`]); ReLU on what a kernel writes ([`rectifier`]), a product and a sum a channel before it ([`affine`]); matrix products on register tiles ([`product`]); sizes and offsets of
//! images ([`geometry`], [`image`]); a batch in chunks ([`parallel`]); Burn's tensors as slices
//! ([`tensor`]) and operations as nodes of its autodiff graph ([`node`]).

pub mod affine;
pub mod buffer;
pub mod geometry;
pub mod image;
pub mod memory;
pub mod node;
pub mod parallel;
pub mod product;
pub mod rectifier;
pub mod simd;
pub mod tensor;
