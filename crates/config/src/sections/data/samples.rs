//! How image files are read: which of the 16 bits of a sample are used, and whether EXIF turns an image; also without an
//! experiment.

use serde::{Serialize, Serializer};
use strum::{EnumString, VariantNames};

use super::columns::Columns;
use crate::language::info::Kind;
use crate::language::key::Key;
use crate::language::values::{FromNode, either, word};
use crate::language::word::Word;
use crate::text::tree::{Node, Value};

/// How many of the 16 bits of a sample are used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BitDepth {
    /// This many, 8 to 16.
    Bits(u32),
    /// As many as the largest sample of the training images needs.
    Auto,
}

const AUTO: &str = "auto";

impl Serialize for BitDepth {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Bits(bits) => bits.serialize(serializer),
            Self::Auto => serializer.serialize_str(AUTO),
        }
    }
}

impl FromNode for BitDepth {
    fn from_node(node: &Node, kind: Kind) -> Result<Self, &Node> {
        match (&node.value, kind) {
            (Value::String(word), _) if word == AUTO => Ok(Self::Auto),
            (_, Kind::Either(&[bits, _])) => {
                let bits = u64::from_node(node, bits)?;
                Ok(Self::Bits(bits as u32))
            }
            _ => Err(node),
        }
    }

    fn placeholder() -> Self {
        Self::Bits(u16::BITS)
    }
}

/// What becomes of the orientation that EXIF states.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, EnumString, VariantNames)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Exif {
    /// The image stays as it is stored.
    Ignore,
    /// The image is turned.
    Apply,
}

impl Word for Exif {}

/// How files are read that no experiment names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    /// What their columns are called, if they have columns.
    pub columns: Columns,
    /// An image of more pixels cannot be used.
    pub max_pixels: u64,
    /// How many of 16 bits are used.
    pub bit_depth: BitDepth,
    /// What becomes of an orientation in EXIF.
    pub exif: Exif,
}

pub(super) const BIT_DEPTH: Key<BitDepth> = Key::with_default(
    "bit_depth",
    either(&[Kind::Integer { min: 8, max: 16 }, Kind::Word(&[AUTO])]),
    "16",
    "number of bits used of 16-bit image files (PNG, PGM, TIFF), whose upper 8 become the pixel; 12 for many sensors; \
     auto: as many as the largest value in the training images needs",
)
.unit("bits");
pub(super) const EXIF: Key<Exif> = Key::with_default(
    "exif",
    word(),
    "\"ignore\"",
    "what to do about the orientation in the EXIF data of a JPEG, PNG or WebP; ignore: leave the image as it is \
     stored, as torchvision and Pillow do; apply: turn it upright",
);
