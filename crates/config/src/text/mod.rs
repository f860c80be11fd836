//! What was typed: sources and places in them, the tree of their values, and what is said of both.

pub(crate) mod diagnostic;
pub(crate) mod path;
pub(crate) mod source;
pub(crate) mod syntax;
pub(crate) mod tree;
