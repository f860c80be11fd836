//! The means of the language: keys and the values they take, reading them, and what helps with wrong ones.

pub mod choice;
pub mod familiar;
pub mod info;
pub mod key;
pub mod lookup;
pub mod remedy;
pub mod section;
pub mod values;
pub mod word;
