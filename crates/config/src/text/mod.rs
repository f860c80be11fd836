//! What was typed: sources and places in them, the tree of their values, and what is said of both.

pub mod diagnostic;
pub mod path;
pub mod source;
pub mod syntax;
pub mod tree;
