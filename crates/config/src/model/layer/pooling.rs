//! Pooling layers.

use serde::Serialize;
use strum::IntoStaticStr;

use super::options::KERNEL_SIZE;
use super::shape_rule::ShapeRule;
use crate::language::choice::Variant;
use crate::language::info::KeyInfo;
use crate::language::key::Key;
use crate::language::section::{Section, SectionReader};
use crate::language::values::{BOOLEAN, PIXELS, SIZE_IN_PIXELS};
use crate::model::shape::{Shape, ShapeError, by, channels_of, image, windows};

/// A pool.
#[derive(Debug, Clone, PartialEq, Serialize, IntoStaticStr)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Pooling {
    /// `torch.nn.MaxPool2d`
    MaxPool2d(MaxPool2d),
    /// `torch.nn.AvgPool2d`
    AvgPool2d(AvgPool2d),
    /// `torch.nn.AdaptiveAvgPool2d`
    AdaptiveAvgPool2d(AdaptiveAvgPool2d),
    /// The mean of each channel, as features: Keras's `GlobalAveragePooling2D`.
    GlobalAvgPool,
}

/// The layers of the family, in the order of the documentation.
pub(super) const LAYERS: [Variant<SectionReader<Pooling>>; 4] = [
    Variant::of(MAX_POOL2D, |section| {
        Pooling::MaxPool2d(MaxPool2d::read(section))
    }),
    Variant::of(AVG_POOL2D, |section| {
        Pooling::AvgPool2d(AvgPool2d::read(section))
    }),
    Variant::of(ADAPTIVE_AVG_POOL2D, |section| {
        Pooling::AdaptiveAvgPool2d(AdaptiveAvgPool2d::read(section))
    }),
    Variant::of(GLOBAL_AVG_POOL, |_| Pooling::GlobalAvgPool),
];

impl Pooling {
    /// Its shapes and parameters.
    pub(super) fn rule(&self) -> &dyn ShapeRule {
        match self {
            Self::MaxPool2d(it) => it,
            Self::AvgPool2d(it) => it,
            Self::AdaptiveAvgPool2d(it) => it,
            Self::GlobalAvgPool => &GlobalAvgPool,
        }
    }
}

/// As `torch.nn.MaxPool2d`, rounding down (`ceil_mode = False`). Pairs are height, width.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MaxPool2d {
    /// Size of the window, in pixels.
    pub kernel_size: [usize; 2],
    /// The kernel's size unless stated.
    pub stride: [usize; 2],
    /// Minus infinity added on both sides.
    pub padding: [usize; 2],
}

/// As `torch.nn.AvgPool2d`, rounding down (`ceil_mode = False`). Pairs are height, width.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AvgPool2d {
    /// Size of the window, in pixels.
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

const STRIDE: Key<Option<[usize; 2]>> = Key::follows(
    "stride",
    SIZE_IN_PIXELS,
    "kernel_size",
    "`kernel_size`",
    "step of the window",
)
.unit("pixels");
const PADDING: Key<[usize; 2]> =
    Key::with_default("padding", PIXELS, "0", "padding added on both sides").unit("pixels");
const COUNT_INCLUDE_PAD: Key<bool> = Key::with_default(
    "count_include_pad",
    BOOLEAN,
    "true",
    "whether the mean includes the zeros of the padding",
);
const OUTPUT_SIZE: Key<[usize; 2]> = Key::required(
    "output_size",
    SIZE_IN_PIXELS,
    "height and width of the output",
);

const MAX_POOL2D_KEYS: &[KeyInfo] = &[KERNEL_SIZE.info, STRIDE.info, PADDING.info];
const AVG_POOL2D_KEYS: &[KeyInfo] = &[
    KERNEL_SIZE.info,
    STRIDE.info,
    PADDING.info,
    COUNT_INCLUDE_PAD.info,
];
const ADAPTIVE_AVG_POOL2D_KEYS: &[KeyInfo] = &[OUTPUT_SIZE.info];

const MAX_POOL2D: KeyInfo = KeyInfo::choice(
    "max_pool2d",
    MAX_POOL2D_KEYS,
    "maximum of each window, like torch.nn.MaxPool2d",
);
const AVG_POOL2D: KeyInfo = KeyInfo::choice(
    "avg_pool2d",
    AVG_POOL2D_KEYS,
    "mean of each window, like torch.nn.AvgPool2d",
);
const ADAPTIVE_AVG_POOL2D: KeyInfo = KeyInfo::choice(
    "adaptive_avg_pool2d",
    ADAPTIVE_AVG_POOL2D_KEYS,
    "means over a grid of windows, like torch.nn.AdaptiveAvgPool2d",
);
const GLOBAL_AVG_POOL: KeyInfo = KeyInfo::choice(
    "global_avg_pool",
    &[],
    "mean of each channel, as features, like Keras's GlobalAveragePooling2D",
);

impl MaxPool2d {
    fn read(section: &Section<'_>) -> Self {
        let kernel_size = section.read(&KERNEL_SIZE);
        Self {
            kernel_size,
            stride: section.read(&STRIDE).unwrap_or(kernel_size),
            padding: section.read(&PADDING),
        }
    }
}

impl AvgPool2d {
    fn read(section: &Section<'_>) -> Self {
        let kernel_size = section.read(&KERNEL_SIZE);
        Self {
            kernel_size,
            stride: section.read(&STRIDE).unwrap_or(kernel_size),
            padding: section.read(&PADDING),
            count_include_pad: section.read(&COUNT_INCLUDE_PAD),
        }
    }
}

impl AdaptiveAvgPool2d {
    fn read(section: &Section<'_>) -> Self {
        Self {
            output_size: section.read(&OUTPUT_SIZE),
        }
    }
}

/// `global_avg_pool`
pub(super) struct GlobalAvgPool;

impl ShapeRule for MaxPool2d {
    fn output(&self, input: Shape) -> Result<Shape, ShapeError> {
        after_pool(input, self.kernel_size, self.stride, self.padding)
    }
}

impl ShapeRule for AvgPool2d {
    fn output(&self, input: Shape) -> Result<Shape, ShapeError> {
        after_pool(input, self.kernel_size, self.stride, self.padding)
    }
}

impl ShapeRule for AdaptiveAvgPool2d {
    fn output(&self, input: Shape) -> Result<Shape, ShapeError> {
        let [channels, ..] = image(input)?;
        let [height, width] = self.output_size;
        Ok(Shape::Image {
            channels,
            height,
            width,
        })
    }
}

impl ShapeRule for GlobalAvgPool {
    fn output(&self, input: Shape) -> Result<Shape, ShapeError> {
        let [channels, ..] = image(input)?;
        Ok(Shape::Flat { features: channels })
    }
}

fn after_pool(
    input: Shape,
    kernel_size: [usize; 2],
    stride: [usize; 2],
    padding: [usize; 2],
) -> Result<Shape, ShapeError> {
    image(input)?;
    // As PyTorch: otherwise a window could lie in the padding alone.
    if (0..2).any(|i| padding[i] * 2 > kernel_size[i]) {
        return Err(ShapeError::of_layer(
            format!(
                "padding {} is more than half of window {}",
                by(padding),
                by(kernel_size)
            ),
            "choose a `padding` of at most half the `kernel_size`",
        ));
    }
    let padding = padding.map(|pixels| 2 * pixels);
    let [height, width] = windows(input, kernel_size, stride, padding, [1, 1])?;
    Ok(Shape::Image {
        channels: channels_of(input),
        height,
        width,
    })
}
