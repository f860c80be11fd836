//! Texts about an experiment and about the language: resolved, explained, as a schema, as a template.

pub(crate) mod explain;
pub(crate) mod option;
pub(crate) mod resolved;
pub(crate) mod schema;
pub(crate) mod starter;
pub(crate) mod template;
