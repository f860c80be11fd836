//! Trained networks as files of other programs: ONNX, safetensors, PyTorch.
//!
//! A [`Trained`] network is what is written; [`write()`] chooses among the formats, which have a module each. Nothing here needs a
//! device.

#![warn(missing_docs)]

use runner_config as config;
use runner_files as files;
use runner_records::{array, run_dir};

mod error;
pub mod onnx;
mod pytorch;
mod safetensors;
mod trained;
mod write;

pub use error::Error;
pub use trained::{Parameter, Trained};
pub use write::{Target, write};
