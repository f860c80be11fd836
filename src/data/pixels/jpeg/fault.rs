//! What can be wrong with a JPEG.

use std::fmt;

/// Why there is no picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// The file ends before the image does.
    CutOff,
    /// The file breaks the rules of the format.
    Damaged(String),
    /// The file is fine, but of a kind that is not decoded.
    Unsupported(String),
    /// The caller does not admit it.
    Refused(String),
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CutOff => f.write_str("the JPEG ends early: it was cut off"),
            Self::Damaged(what) => write!(f, "damaged JPEG: {what}"),
            Self::Unsupported(what) => write!(
                f,
                "a JPEG of a kind that is not supported: {what}; convert it to an ordinary JPEG or PNG"
            ),
            Self::Refused(reason) => f.write_str(reason),
        }
    }
}
