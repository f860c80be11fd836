//! What was typed: sources and places in them, the tree of their values, and diagnostics that point into
//! them.

pub(crate) mod diagnostic;
pub(crate) mod path;
pub(crate) mod source;
pub(crate) mod syntax;
pub(crate) mod tree;
