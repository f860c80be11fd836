//! The network: its keys, its layers, the shapes they take and give, and what they cost.

pub mod check;
pub mod cost;
pub mod expand;
pub mod initializer;
pub mod keys;
pub mod layer;
pub mod preset;
pub mod read;
pub mod shape;
pub mod trace;
