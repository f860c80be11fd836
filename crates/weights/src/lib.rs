//! Weights of networks as other programs keep them.
//!
//! [`names`] translates between our names of parameters and those of torchvision and timm; [`Source`] reads known weights from a
//! run or a file.

#![warn(missing_docs)]

use runner_config as config;
use runner_digest as digest;
use runner_files as files;
use runner_records::{array, run_dir};

mod element;
mod error;
pub mod names;
mod pickle;
mod pytorch;
mod source;
mod tensors;

pub use error::{Error, listed};
pub use source::Source;
