//! Convolutions.

use serde::{Serialize, Serializer};

use super::{BIAS, DILATION, GROUPS, IN_CHANNELS, KERNEL_SIZE, OUT_CHANNELS, PAIR, PIXELS, STRIDE};
use crate::initializer::{self, Initializer};
use crate::key::{Key, Kind};
use crate::section::Section;

/// As `torch.nn.Conv2d`. Pairs are height, width.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Conv2d {
    pub out_channels: usize,
    pub kernel_size: [usize; 2],
    pub stride: [usize; 2],
    pub padding: Padding,
    pub dilation: [usize; 2],
    pub groups: usize,
    pub bias: bool,
    /// That of the network where there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub init: Option<Initializer>,
}

/// Zeros around an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Padding {
    /// On both sides: height, width.
    Pixels([usize; 2]),
    /// As many in all as give an output of the input's size; where they do not halve, one more
    /// below and on the right.
    Same,
}

impl Serialize for Padding {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Padding::Pixels(pair) => pair.serialize(serializer),
            Padding::Same => serializer.serialize_str(SAME),
        }
    }
}

/// As `torch.nn.ConvTranspose2d`. Pairs are height, width.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ConvTranspose2d {
    pub out_channels: usize,
    pub kernel_size: [usize; 2],
    pub stride: [usize; 2],
    /// Pixels of the output cut off on both sides.
    pub padding: [usize; 2],
    /// Rows and columns of the output added below and on the right.
    pub output_padding: [usize; 2],
    pub dilation: [usize; 2],
    pub groups: usize,
    pub bias: bool,
    /// That of the network where there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub init: Option<Initializer>,
}

const SAME: &str = "same";
const PADDING: Key = Key::optional(
    "padding",
    Kind::Either(&[PIXELS, Kind::Word(&[SAME])]),
    "0",
    "the zeros added on both sides; \"same\": as many as keep the size, for a stride of 1",
)
.unit("pixels");
const CUT: Key = Key::optional(
    "padding",
    PIXELS,
    "0",
    "what is cut off the output on both sides",
)
.unit("pixels");
const OUTPUT_PADDING: Key = Key::optional(
    "output_padding",
    PIXELS,
    "0",
    "what is added to the output below and on the right; less than stride or dilation",
)
.unit("pixels");
const TRANSPOSED_STRIDE: Key = Key::optional(
    "stride",
    PAIR,
    "1",
    "the step from what one pixel gives to what the next gives",
)
.unit("pixels");

pub const CONV2D_KEYS: &[Key] = &[
    IN_CHANNELS,
    OUT_CHANNELS,
    KERNEL_SIZE,
    STRIDE,
    PADDING,
    DILATION,
    GROUPS,
    BIAS,
    initializer::OF_LAYER,
];
pub const CONV_TRANSPOSE2D_KEYS: &[Key] = &[
    IN_CHANNELS,
    OUT_CHANNELS,
    KERNEL_SIZE,
    TRANSPOSED_STRIDE,
    CUT,
    OUTPUT_PADDING,
    DILATION,
    GROUPS,
    BIAS,
    initializer::OF_LAYER,
];

impl Conv2d {
    pub(super) fn read(section: &Section<'_>) -> Self {
        Self {
            out_channels: section.size(&OUT_CHANNELS),
            kernel_size: section.pair(&KERNEL_SIZE),
            stride: section.pair(&STRIDE),
            padding: match section.pair_or_word(&PADDING) {
                Some(pair) => Padding::Pixels(pair),
                None => Padding::Same,
            },
            dilation: section.pair(&DILATION),
            groups: section.size(&GROUPS),
            bias: section.boolean(&BIAS),
            init: Initializer::read_of_layer(section),
        }
    }

    /// The zeros before and after the rows, and before and after the columns.
    pub fn sides(&self) -> [[usize; 2]; 2] {
        match self.padding {
            Padding::Pixels(pair) => pair.map(|pixels| [pixels, pixels]),
            Padding::Same => [0, 1].map(|axis| {
                let all = self.dilation[axis].saturating_mul(self.kernel_size[axis] - 1);
                [all / 2, all - all / 2]
            }),
        }
    }
}

impl ConvTranspose2d {
    pub(super) fn read(section: &Section<'_>) -> Self {
        Self {
            out_channels: section.size(&OUT_CHANNELS),
            kernel_size: section.pair(&KERNEL_SIZE),
            stride: section.pair(&TRANSPOSED_STRIDE),
            padding: section.pair(&CUT),
            output_padding: section.pair(&OUTPUT_PADDING),
            dilation: section.pair(&DILATION),
            groups: section.size(&GROUPS),
            bias: section.boolean(&BIAS),
            init: Initializer::read_of_layer(section),
        }
    }
}
