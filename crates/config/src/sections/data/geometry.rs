//! `pad_to_square`, `resize` and `center_crop`: how all images come to one size, in this order.

use serde::Serialize;

use crate::language::info::{Fallback, Kind};
use crate::language::key::{Key, TableKey};
use crate::language::section::Section;
use crate::language::values::{FromNode, integer, pair};
use crate::text::tree::Value;

/// The bars that make an image as high as it is wide.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct PadToSquare {
    /// The value of their pixels, in all channels.
    pub fill: u8,
}

/// The size that images are resized to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Resize {
    /// The shorter side has so many pixels, and the longer one as many as keep the shape.
    Shorter(usize),
    /// Height and width.
    #[serde(untagged)]
    To([usize; 2]),
}

const MAX_SIDE: u64 = 16384;

pub(super) const PAD_TO_SQUARE: TableKey = TableKey::optional(
    "pad_to_square",
    &[FILL.info],
    "bars on both sides of an image that make it square, before `resize`",
);
const FILL: Key<u8> = Key::with_default(
    "fill",
    integer(0, 255),
    "0",
    "value of the pixels of the bars, in all channels",
);

const TO: Kind = Kind::Pair {
    min: 1,
    max: MAX_SIDE,
};
pub(super) const RESIZE: TableKey = TableKey::new(
    "resize",
    Kind::Either(&[Kind::Table(&[SHORTER.info]), TO]),
    Fallback::Nothing,
    "size to resize images to, bilinear with antialiasing: height and width in pixels, or the \
     length of the shorter side; without it, images must have the size of `model.input`",
);
const SHORTER: Key<usize> = Key::required(
    "shorter",
    integer(1, MAX_SIDE),
    "length of the shorter side; the longer one keeps the aspect ratio",
)
.unit("pixels");

pub(super) const CENTER_CROP: Key<Option<[usize; 2]>> = Key::optional(
    "center_crop",
    pair(1, MAX_SIDE),
    "height and width of the centre of each image, which is cropped after `resize`; smaller \
     images are padded with zeros",
)
.unit("pixels");

impl PadToSquare {
    pub(super) fn read(section: &Section<'_>) -> Option<Self> {
        let table = section.optional_table(&PAD_TO_SQUARE)?;
        Some(Self {
            fill: table.read(&FILL),
        })
    }
}

impl Resize {
    /// The height and width that an image of these comes to; the longer side is rounded down, as torchvision does.
    pub fn of(self, [height, width]: [usize; 2]) -> [usize; 2] {
        let longer = |side: usize| side * height.max(width) / height.min(width).max(1);
        match self {
            Resize::To(size) => size,
            Resize::Shorter(side) if height <= width => [side, longer(side)],
            Resize::Shorter(side) => [longer(side), side],
        }
    }

    pub(super) fn read(section: &Section<'_>) -> Option<Self> {
        let node = section.node(&RESIZE)?;
        if matches!(node.value, Value::Table(_)) {
            return Some(Self::Shorter(section.table(&RESIZE).read(&SHORTER)));
        }
        match FromNode::from_node(node, TO) {
            Ok(size) => Some(Self::To(size)),
            Err(wrong) => {
                section.report_wrong(&RESIZE, node, wrong);
                None
            }
        }
    }
}
