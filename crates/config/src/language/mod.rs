//! The means of the language: keys and the values they take, reading them, and what helps with wrong ones.

pub(crate) mod choice;
pub(crate) mod diagnostics;
pub(crate) mod familiar;
pub(crate) mod info;
pub(crate) mod key;
pub(crate) mod lookup;
pub(crate) mod remedy;
pub(crate) mod section;
pub(crate) mod values;
pub(crate) mod word;
