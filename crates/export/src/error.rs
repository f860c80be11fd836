//! What can be wrong with an export.

use std::path::PathBuf;

use crate::files::IoError;

/// Why a network cannot be written in a format.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A layer cannot be written with these versions of ONNX's operators.
    #[error(
        "{layer} (`{name}`) needs opset {least}, but the file is to have {opset}\nchoose --opset {least} or higher"
    )]
    OpsetTooLow {
        /// The layer's path.
        layer: String,
        /// What the language calls it.
        name: &'static str,
        /// The first opset with what it needs.
        least: u32,
        /// The one that was asked for.
        opset: u32,
    },
    /// There are no such versions, or they are older or newer than any that was tried.
    #[error("there is no opset {number} to choose\nchoose one from {least} to {newest}")]
    NoSuchOpset {
        /// What was asked for.
        number: u32,
        /// The first that there is.
        least: u32,
        /// The last that there is.
        newest: u32,
    },
    /// The file would be larger than its format can be.
    #[error(
        "the ONNX file would have {bytes} bytes, but the format ends at 2 GiB\n\
         write the weights with --to safetensors instead"
    )]
    TooLarge {
        /// How large.
        bytes: usize,
    },
    /// The network is none that another program has names for.
    #[error("{0}")]
    Unnamed(String),
    /// The checkpoint is not one of this network.
    #[error(
        "the checkpoint has no floats `{name}` for the network of this run\nchoose another one with --checkpoint"
    )]
    Parameter {
        /// The parameter that the network needs.
        name: String,
    },
    /// There is a file already.
    #[error("{} exists already\nreplace it with --force, or choose another file with -o", .0.display())]
    Exists(PathBuf),
    /// The file is to have an ending that it cannot have.
    #[error("{}: {why}", path.display())]
    FileName {
        /// The file.
        path: PathBuf,
        /// What is wrong with its name.
        why: &'static str,
    },
    /// The system refuses.
    #[error(transparent)]
    Io(#[from] IoError),
}
