//! What is said about an experiment and about the language: resolved, explained, as a schema, as a template.

pub mod explain;
pub mod resolved;
pub mod schema;
pub mod template;
