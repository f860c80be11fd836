//! Pooling layers.

use serde::Serialize;

use super::{KERNEL_SIZE, PAIR, PIXELS};
use crate::key::{Fallback, Key, Kind};
use crate::section::Section;

/// As `torch.nn.MaxPool2d`, rounding down (`ceil_mode = False`). Pairs are height, width.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MaxPool2d {
    pub kernel_size: [usize; 2],
    /// The kernel's size unless stated.
    pub stride: [usize; 2],
    /// Minus infinity added on both sides.
    pub padding: [usize; 2],
}

/// As `torch.nn.AvgPool2d`, rounding down (`ceil_mode = False`). Pairs are height, width.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AvgPool2d {
    pub kernel_size: [usize; 2],
    /// The kernel's size unless stated.
    pub stride: [usize; 2],
    /// Zeros added on both sides.
    pub padding: [usize; 2],
    /// Whether they count in the mean.
    pub count_include_pad: bool,
}

/// As `torch.nn.AdaptiveAvgPool2d`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AdaptiveAvgPool2d {
    /// Height and width of what it gives.
    pub output_size: [usize; 2],
}

const STRIDE: Key = Key::new(
    "stride",
    PAIR,
    Fallback::Derived("`kernel_size`"),
    "the step of the window",
)
.unit("pixels");
const PADDING: Key = Key::optional(
    "padding",
    PIXELS,
    "0",
    "what is added on both sides before the window moves",
)
.unit("pixels");
const COUNT_INCLUDE_PAD: Key = Key::optional(
    "count_include_pad",
    Kind::Boolean,
    "true",
    "whether zeros of the padding count in the mean",
);
const OUTPUT_SIZE: Key = Key::required(
    "output_size",
    PAIR,
    "the height and width that the layer gives",
);

pub const MAX_POOL2D_KEYS: &[Key] = &[KERNEL_SIZE, STRIDE, PADDING];
pub const AVG_POOL2D_KEYS: &[Key] = &[KERNEL_SIZE, STRIDE, PADDING, COUNT_INCLUDE_PAD];
pub const ADAPTIVE_AVG_POOL2D_KEYS: &[Key] = &[OUTPUT_SIZE];

impl MaxPool2d {
    pub(super) fn read(section: &Section<'_>) -> Self {
        let kernel_size = section.pair(&KERNEL_SIZE);
        Self {
            kernel_size,
            stride: read_stride(section, kernel_size),
            padding: section.pair(&PADDING),
        }
    }
}

impl AvgPool2d {
    pub(super) fn read(section: &Section<'_>) -> Self {
        let kernel_size = section.pair(&KERNEL_SIZE);
        Self {
            kernel_size,
            stride: read_stride(section, kernel_size),
            padding: section.pair(&PADDING),
            count_include_pad: section.boolean(&COUNT_INCLUDE_PAD),
        }
    }
}

impl AdaptiveAvgPool2d {
    pub(super) fn read(section: &Section<'_>) -> Self {
        Self {
            output_size: section.pair(&OUTPUT_SIZE),
        }
    }
}

fn read_stride(section: &Section<'_>, kernel_size: [usize; 2]) -> [usize; 2] {
    match section.node(&STRIDE) {
        Some(_) => section.pair(&STRIDE),
        None => kernel_size,
    }
}
