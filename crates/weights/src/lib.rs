//! Weights of networks as other programs keep them.
//!
//! [`names`] translates between our names of parameters and those of torchvision and timm.

#![warn(missing_docs)]

use runner_config as config;
use runner_records::array;

pub mod names;
