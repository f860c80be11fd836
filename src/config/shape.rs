//! The shape of the data after every layer, known before any data is read or any memory taken.

use super::model::{Conv2d, Layer, MaxPool2d, Model};

/// The shape of one sample between two layers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    Image {
        channels: usize,
        height: usize,
        width: usize,
    },
    Flat {
        features: usize,
    },
}

impl std::fmt::Display for Shape {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Shape::Image {
                channels,
                height,
                width,
            } => write!(f, "{channels}x{height}x{width}"),
            Shape::Flat { features: 1 } => f.write_str("1 feature"),
            Shape::Flat { features } => write!(f, "{features} features"),
        }
    }
}

/// Why a layer does not fit what it is given.
#[derive(Debug, Clone, PartialEq)]
pub struct Misfit {
    /// Index of the layer.
    pub layer: usize,
    pub message: String,
    pub help: String,
    /// What the layer is given, where that is part of the trouble.
    pub given: Option<Shape>,
}

/// Why a layer cannot take an input.
struct Refusal {
    message: String,
    help: &'static str,
    is_of_input: bool,
}

impl Refusal {
    /// Layer and input do not go together.
    fn of_input(message: String, help: &'static str) -> Self {
        Self {
            message,
            help,
            is_of_input: true,
        }
    }

    /// The layer goes with no input.
    fn of_layer(message: String, help: &'static str) -> Self {
        Self {
            message,
            help,
            is_of_input: false,
        }
    }
}

/// No layer's output for one sample, nor its parameters, may be more numbers than this (a gigabyte of `f32`).
const MAX_ELEMENTS: usize = 1 << 28;

/// The shape after each layer, in order.
pub fn infer(model: &Model) -> Result<Vec<Shape>, Misfit> {
    let (shapes, misfit) = trace(model.input, &model.layers);
    match misfit.or_else(|| check_end(model, &shapes)) {
        Some(misfit) => Err(misfit),
        None => Ok(shapes),
    }
}

/// The shape of one image: channels, height, width.
pub fn of_input([channels, height, width]: [usize; 3]) -> Shape {
    Shape::Image {
        channels,
        height,
        width,
    }
}

/// The shape after each layer up to the first that does not fit, and why it does not.
pub fn trace(input: [usize; 3], layers: &[Layer]) -> (Vec<Shape>, Option<Misfit>) {
    let mut shape = of_input(input);
    let mut shapes = Vec::with_capacity(layers.len());
    for (index, layer) in layers.iter().enumerate() {
        match after(layer, shape) {
            Ok(next) => shape = next,
            Err(refusal) => {
                let help = match index {
                    // There is no layer to take out.
                    0 => refusal.help.replace(", or take a layer before it out", ""),
                    _ => refusal.help.to_owned(),
                };
                let misfit = Misfit {
                    layer: index,
                    message: format!("layer {index} `{}`: {}", layer.name(), refusal.message),
                    help,
                    given: refusal.is_of_input.then_some(shape),
                };
                return (shapes, Some(misfit));
            }
        }
        shapes.push(shape);
    }
    (shapes, None)
}

/// A network ends in a score for each of at least two classes.
pub fn check_end(model: &Model, shapes: &[Shape]) -> Option<Misfit> {
    let last = shapes.last().copied().unwrap_or(of_input(model.input));
    let (message, help) = match last {
        Shape::Flat { features: 2.. } => return None,
        Shape::Flat { .. } => (
            "the network ends in one feature, which leaves no classes to tell apart".to_owned(),
            "end with { linear = { out_features = <number of classes> } }",
        ),
        Shape::Image { .. } => (
            format!("the network ends in {last}, which is no score a class"),
            "end with \"flatten\" and { linear = { out_features = <number of classes> } }",
        ),
    };
    Some(Misfit {
        layer: model.layers.len().saturating_sub(1),
        message,
        help: help.to_owned(),
        given: None,
    })
}

/// The number of classes: the features of the last layer of a network that [`infer`] accepts.
pub fn classes(shapes: &[Shape]) -> usize {
    match shapes.last() {
        Some(Shape::Flat { features }) => *features,
        _ => 0,
    }
}

fn after(layer: &Layer, input: Shape) -> Result<Shape, Refusal> {
    let output = match (layer, input) {
        (Layer::Relu | Layer::Dropout(_), shape) => shape,
        (Layer::Conv2d(conv), Shape::Image { .. }) => after_conv2d(conv, input)?,
        (Layer::MaxPool2d(pool), Shape::Image { .. }) => after_max_pool2d(pool, input)?,
        (Layer::Flatten, shape) => Shape::Flat {
            features: elements(shape),
        },
        (Layer::Linear(linear), Shape::Flat { .. }) => Shape::Flat {
            features: linear.out_features,
        },
        (Layer::BatchNorm2d(_), Shape::Image { .. }) => input,
        (Layer::AdaptiveAvgPool2d(pool), Shape::Image { channels, .. }) => {
            let [height, width] = pool.output_size;
            Shape::Image {
                channels,
                height,
                width,
            }
        }
        (Layer::Linear(_), Shape::Image { .. }) => {
            return Err(Refusal::of_input(
                format!("takes flat features and is given an image of {input}"),
                "put \"flatten\" before it",
            ));
        }
        (
            Layer::Conv2d(_)
            | Layer::BatchNorm2d(_)
            | Layer::MaxPool2d(_)
            | Layer::AdaptiveAvgPool2d(_),
            Shape::Flat { .. },
        ) => {
            return Err(Refusal::of_input(
                format!("takes an image and is given {input}"),
                "move it before \"flatten\"",
            ));
        }
    };
    if weights(layer, input) > MAX_ELEMENTS {
        return Err(Refusal::of_input(
            "has more than a gigabyte of parameters".to_owned(),
            "make the layer or its input smaller",
        ));
    }
    if elements(output) > MAX_ELEMENTS {
        return Err(Refusal::of_input(
            format!("gives {output}, more than a gigabyte for one image"),
            "make the layer or `model.input` smaller",
        ));
    }
    Ok(output)
}

fn after_conv2d(conv: &Conv2d, input: Shape) -> Result<Shape, Refusal> {
    let Shape::Image { channels, .. } = input else {
        unreachable!("the caller passes images only");
    };
    for (what, count) in [("input", channels), ("output", conv.out_channels)] {
        if !count.is_multiple_of(conv.groups) {
            let message = format!(
                "{count} {what} channels do not divide into {} groups",
                conv.groups
            );
            return Err(Refusal {
                message,
                help: "choose `groups` so that it divides the channels of input and output",
                is_of_input: what == "input",
            });
        }
    }
    let [height, width] = windows(
        input,
        conv.kernel_size,
        conv.stride,
        conv.padding,
        conv.dilation,
    )?;
    Ok(Shape::Image {
        channels: conv.out_channels,
        height,
        width,
    })
}

fn after_max_pool2d(pool: &MaxPool2d, input: Shape) -> Result<Shape, Refusal> {
    let Shape::Image { channels, .. } = input else {
        unreachable!("the caller passes images only");
    };
    // As PyTorch: otherwise a window could lie in the padding alone and give minus infinity.
    if (0..2).any(|i| pool.padding[i] * 2 > pool.kernel_size[i]) {
        return Err(Refusal::of_layer(
            format!(
                "padding {} is more than half of window {}",
                by(pool.padding),
                by(pool.kernel_size)
            ),
            "choose a `padding` of at most half the `kernel_size`",
        ));
    }
    let [height, width] = windows(input, pool.kernel_size, pool.stride, pool.padding, [1, 1])?;
    Ok(Shape::Image {
        channels,
        height,
        width,
    })
}

/// How many windows fit, down and across: `(size + 2 padding - dilation (kernel - 1) - 1) / stride + 1`.
fn windows(
    input: Shape,
    kernel: [usize; 2],
    stride: [usize; 2],
    padding: [usize; 2],
    dilation: [usize; 2],
) -> Result<[usize; 2], Refusal> {
    let Shape::Image { height, width, .. } = input else {
        unreachable!("the caller passes images only");
    };
    let mut counts = [0; 2];
    for (i, size) in [height, width].into_iter().enumerate() {
        let padded = size + 2 * padding[i];
        let extent = dilation[i] * (kernel[i] - 1) + 1;
        if extent > padded {
            let extents = [0, 1].map(|i| dilation[i] * (kernel[i] - 1) + 1);
            let sizes = [height + 2 * padding[0], width + 2 * padding[1]];
            let with_padding = if padding == [0, 0] {
                ""
            } else {
                ", padding included"
            };
            return Err(Refusal::of_input(
                format!(
                    "window {} does not fit into its input of {}{with_padding}",
                    by(extents),
                    by(sizes)
                ),
                "make the window smaller or add `padding`, or take a layer before it out",
            ));
        }
        counts[i] = (padded - extent) / stride[i] + 1;
    }
    Ok(counts)
}

fn by([height, width]: [usize; 2]) -> String {
    format!("{height}x{width}")
}

pub(super) fn elements(shape: Shape) -> usize {
    match shape {
        Shape::Image {
            channels,
            height,
            width,
        } => channels.saturating_mul(height).saturating_mul(width),
        Shape::Flat { features } => features,
    }
}

/// The number of a layer's weights, without biases.
pub(super) fn weights(layer: &Layer, input: Shape) -> usize {
    match (layer, input) {
        (Layer::Conv2d(conv), Shape::Image { channels, .. }) => {
            let [height, width] = conv.kernel_size;
            (conv.out_channels * (channels / conv.groups)).saturating_mul(height * width)
        }
        (Layer::Linear(linear), Shape::Flat { features }) => {
            features.saturating_mul(linear.out_features)
        }
        _ => 0,
    }
}
