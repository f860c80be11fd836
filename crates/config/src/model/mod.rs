//! The network: its keys, its layers, the shapes they take and give, and what they cost.

pub(crate) mod check;
pub(crate) mod cost;
pub(crate) mod expand;
pub(crate) mod initializer;
pub(crate) mod keys;
pub(crate) mod layer;
pub(crate) mod preset;
pub(crate) mod read;
pub(crate) mod shape;
pub(crate) mod trace;
