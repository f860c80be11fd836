//! Convolutions.

use serde::{Serialize, Serializer};
use strum::IntoStaticStr;

use super::options::{BIAS, DILATION, GROUPS, IN_CHANNELS, KERNEL_SIZE, OUT_CHANNELS, STRIDE};
use super::shape_rule::ShapeRule;
use crate::language::choice::Variant;
use crate::language::info::{KeyInfo, Kind, MAX_SIZE};
use crate::language::key::Key;
use crate::language::section::{Section, SectionReader};
use crate::language::values::{FromNode, PIXELS, SIZE_IN_PIXELS, either};
use crate::model::initializer::{self, Initializer};
use crate::model::shape::{Shape, ShapeError, by, channels_of, check_size, image, windows};
use crate::text::tree::{Node, Value};

/// A convolution.
#[derive(Debug, Clone, PartialEq, Serialize, IntoStaticStr)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Convolution {
    /// `torch.nn.Conv2d`
    Conv2d(Conv2d),
    /// `torch.nn.ConvTranspose2d`
    ConvTranspose2d(ConvTranspose2d),
}

/// The layers of the family, in the order of the documentation.
pub(super) const LAYERS: [Variant<SectionReader<Convolution>>; 2] = [
    Variant::of(CONV2D, |section| Convolution::Conv2d(Conv2d::read(section))),
    Variant::of(CONV_TRANSPOSE2D, |section| {
        Convolution::ConvTranspose2d(ConvTranspose2d::read(section))
    }),
];

impl Convolution {
    /// Its shapes and parameters.
    pub(super) fn rule(&self) -> &dyn ShapeRule {
        match self {
            Self::Conv2d(it) => it,
            Self::ConvTranspose2d(it) => it,
        }
    }
}

/// As `torch.nn.Conv2d`. Pairs are height, width.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Conv2d {
    /// Channels of the output.
    pub out_channels: usize,
    /// Size of the window, in pixels.
    pub kernel_size: [usize; 2],
    /// Step of the window, in pixels.
    pub stride: [usize; 2],
    /// Zeros around the input.
    pub padding: Padding,
    /// Spacing of the kernel's elements, in pixels.
    pub dilation: [usize; 2],
    /// Groups of channels, each convolved by itself; divides the channels of input and output.
    pub groups: usize,
    /// Whether a bias a channel is added.
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

impl FromNode for Padding {
    fn from_node(node: &Node, kind: Kind) -> Result<Self, &Node> {
        match (&node.value, kind) {
            (Value::String(word), _) if word == SAME => Ok(Padding::Same),
            (_, Kind::Either(&[pixels, _])) => {
                FromNode::from_node(node, pixels).map(Padding::Pixels)
            }
            _ => Err(node),
        }
    }

    fn placeholder() -> Self {
        Padding::Pixels([1, 1])
    }
}

/// As `torch.nn.ConvTranspose2d`. Pairs are height, width.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ConvTranspose2d {
    /// Channels of the output.
    pub out_channels: usize,
    /// Size of the window, in pixels.
    pub kernel_size: [usize; 2],
    /// Step in the output from one input pixel to the next, in pixels.
    pub stride: [usize; 2],
    /// Pixels of the output cut off on both sides.
    pub padding: [usize; 2],
    /// Rows and columns of the output added below and on the right.
    pub output_padding: [usize; 2],
    /// Spacing of the kernel's elements, in pixels.
    pub dilation: [usize; 2],
    /// Groups of channels, each convolved by itself; divides the channels of input and output.
    pub groups: usize,
    /// Whether a bias a channel is added.
    pub bias: bool,
    /// That of the network where there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub init: Option<Initializer>,
}

const SAME: &str = "same";
const PADDING: Key<Padding> = Key::with_default(
    "padding",
    either(&[
        Kind::Pair {
            min: 0,
            max: MAX_SIZE,
        },
        Kind::Word(&[SAME]),
    ]),
    "0",
    "zeros added on both sides; \"same\" keeps the size and needs a stride of 1",
)
.unit("pixels");
const CUT: Key<[usize; 2]> = Key::with_default(
    "padding",
    PIXELS,
    "0",
    "size cut off the output on both sides",
)
.unit("pixels");
const OUTPUT_PADDING: Key<[usize; 2]> = Key::with_default(
    "output_padding",
    PIXELS,
    "0",
    "size added to the output at the bottom and the right; must be less than stride or dilation",
)
.unit("pixels");
const TRANSPOSED_STRIDE: Key<[usize; 2]> = Key::with_default(
    "stride",
    SIZE_IN_PIXELS,
    "1",
    "distance in the output between neighbouring input pixels",
)
.unit("pixels");

const CONV2D_KEYS: &[KeyInfo] = &[
    IN_CHANNELS.info,
    OUT_CHANNELS.info,
    KERNEL_SIZE.info,
    STRIDE.info,
    PADDING.info,
    DILATION.info,
    GROUPS.info,
    BIAS.info,
    initializer::LAYER_INIT.info,
];
const CONV_TRANSPOSE2D_KEYS: &[KeyInfo] = &[
    IN_CHANNELS.info,
    OUT_CHANNELS.info,
    KERNEL_SIZE.info,
    TRANSPOSED_STRIDE.info,
    CUT.info,
    OUTPUT_PADDING.info,
    DILATION.info,
    GROUPS.info,
    BIAS.info,
    initializer::LAYER_INIT.info,
];

const CONV2D: KeyInfo = KeyInfo::choice("conv2d", CONV2D_KEYS, "convolution, like torch.nn.Conv2d");
const CONV_TRANSPOSE2D: KeyInfo = KeyInfo::choice(
    "conv_transpose2d",
    CONV_TRANSPOSE2D_KEYS,
    "transposed convolution, like torch.nn.ConvTranspose2d",
);

impl Conv2d {
    fn read(section: &Section<'_>) -> Self {
        Self {
            out_channels: section.read(&OUT_CHANNELS),
            kernel_size: section.read(&KERNEL_SIZE),
            stride: section.read(&STRIDE),
            padding: section.read(&PADDING),
            dilation: section.read(&DILATION),
            groups: section.read(&GROUPS),
            bias: section.read(&BIAS),
            init: Initializer::of_layer(section),
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
    fn read(section: &Section<'_>) -> Self {
        Self {
            out_channels: section.read(&OUT_CHANNELS),
            kernel_size: section.read(&KERNEL_SIZE),
            stride: section.read(&TRANSPOSED_STRIDE),
            padding: section.read(&CUT),
            output_padding: section.read(&OUTPUT_PADDING),
            dilation: section.read(&DILATION),
            groups: section.read(&GROUPS),
            bias: section.read(&BIAS),
            init: Initializer::of_layer(section),
        }
    }
}

impl ShapeRule for Conv2d {
    fn output(&self, input: Shape) -> Result<Shape, ShapeError> {
        image(input)?;
        check_groups(input, self.out_channels, self.groups)?;
        if self.padding == Padding::Same && self.stride != [1, 1] {
            return Err(ShapeError::of_layer(
                format!(
                    "padding \"same\" does not work with stride {}",
                    by(self.stride)
                ),
                "give the `padding` in pixels: half of an odd kernel_size, 1 for 3, 2 for 5",
            ));
        }
        let padding = self.sides().map(|[before, after]| before + after);
        let [height, width] =
            windows(input, self.kernel_size, self.stride, padding, self.dilation)?;
        Ok(Shape::Image {
            channels: self.out_channels,
            height,
            width,
        })
    }

    fn weights(&self, input: Shape) -> usize {
        let per_output = channels_of(input) / self.groups;
        (self.out_channels * per_output).saturating_mul(self.kernel_size.iter().product())
    }

    fn other_parameters(&self, _input: Shape) -> usize {
        if self.bias { self.out_channels } else { 0 }
    }

    fn positions(&self, _input: Shape, output: Shape) -> usize {
        output.pixels()
    }
}

impl ShapeRule for ConvTranspose2d {
    /// `(size - 1) stride - 2 padding + dilation (kernel - 1) + output_padding + 1`
    fn output(&self, input: Shape) -> Result<Shape, ShapeError> {
        let [_, height, width] = image(input)?;
        check_groups(input, self.out_channels, self.groups)?;
        let mut size = [height, width];
        let mut uncut = size;
        for (axis, size) in size.iter_mut().enumerate() {
            if self.output_padding[axis] >= self.stride[axis].max(self.dilation[axis]) {
                return Err(ShapeError::of_layer(
                    format!(
                        "output_padding {} must be less than stride or dilation",
                        by(self.output_padding)
                    ),
                    "choose a smaller `output_padding`",
                ));
            }
            let whole = (*size - 1) * self.stride[axis]
                + self.dilation[axis] * (self.kernel_size[axis] - 1)
                + self.output_padding[axis]
                + 1;
            uncut[axis] = whole;
            *size = whole.saturating_sub(2 * self.padding[axis]);
            if *size == 0 {
                return Err(ShapeError::of_layer(
                    format!("padding {} cuts off the whole output", by(self.padding)),
                    "choose a smaller `padding`",
                ));
            }
        }
        // The input with zeros in between and around it is about as large as the output before the cut.
        check_size(uncut, channels_of(input))?;
        Ok(Shape::Image {
            channels: self.out_channels,
            height: size[0],
            width: size[1],
        })
    }

    fn weights(&self, input: Shape) -> usize {
        let per_input = self.out_channels / self.groups;
        (channels_of(input) * per_input).saturating_mul(self.kernel_size.iter().product())
    }

    fn other_parameters(&self, _input: Shape) -> usize {
        if self.bias { self.out_channels } else { 0 }
    }

    /// The output is spread from the input.
    fn positions(&self, input: Shape, _output: Shape) -> usize {
        input.pixels()
    }
}

fn check_groups(input: Shape, out_channels: usize, groups: usize) -> Result<(), ShapeError> {
    let help = "choose `groups` so that it divides the numbers of input and output channels";
    let message = |what: &str, count: usize| {
        format!("{count} {what} channels cannot be divided into {groups} groups")
    };
    let channels = channels_of(input);
    if !channels.is_multiple_of(groups) {
        return Err(ShapeError::of_input(message("input", channels), help));
    }
    if !out_channels.is_multiple_of(groups) {
        return Err(ShapeError::of_layer(message("output", out_channels), help));
    }
    Ok(())
}
