//! What was typed: sources and places in them, the tree of their values, and diagnostics that point into
//! them; and what was meant by a path that leads nowhere.

pub(crate) mod diagnostic;
pub(crate) mod nearest;
pub(crate) mod path;
pub(crate) mod source;
pub(crate) mod syntax;
pub(crate) mod tree;
