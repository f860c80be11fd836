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
}

/// No layer's output for one sample, nor its parameters, may be more numbers than this (a gigabyte of `f32`).
const MAX_ELEMENTS: usize = 1 << 28;

/// The shape after each layer, in order.
pub fn infer(model: &Model) -> Result<Vec<Shape>, Misfit> {
    let [channels, height, width] = model.input;
    let mut shape = Shape::Image {
        channels,
        height,
        width,
    };
    let mut shapes = Vec::with_capacity(model.layers.len());
    for (index, layer) in model.layers.iter().enumerate() {
        shape = after(layer, shape).map_err(|(message, help)| Misfit {
            layer: index,
            message: format!("layer {index} `{}`: {message}", layer.name()),
            help,
        })?;
        shapes.push(shape);
    }
    match shapes.last() {
        Some(Shape::Flat { features }) if *features >= 2 => Ok(shapes),
        Some(Shape::Flat { .. }) => Err(Misfit {
            layer: model.layers.len().saturating_sub(1),
            message: "the network ends in one feature, which leaves no classes to tell apart"
                .to_owned(),
            help: "end with { linear = { out_features = <number of classes> } }".to_owned(),
        }),
        _ => Err(Misfit {
            layer: model.layers.len().saturating_sub(1),
            message: format!("the network ends in {shape}, which is no score a class"),
            help: "end with \"flatten\" and { linear = { out_features = <number of classes> } }"
                .to_owned(),
        }),
    }
}

/// The number of classes: the features of the last layer of a network that [`infer`] accepts.
pub fn classes(shapes: &[Shape]) -> usize {
    match shapes.last() {
        Some(Shape::Flat { features }) => *features,
        _ => 0,
    }
}

fn after(layer: &Layer, input: Shape) -> Result<Shape, (String, String)> {
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
            return Err((
                format!("takes flat features and is given an image of {input}"),
                "put \"flatten\" before it".to_owned(),
            ));
        }
        (
            Layer::Conv2d(_)
            | Layer::BatchNorm2d(_)
            | Layer::MaxPool2d(_)
            | Layer::AdaptiveAvgPool2d(_),
            Shape::Flat { .. },
        ) => {
            return Err((
                format!("takes an image and is given {input}"),
                "move it before \"flatten\"".to_owned(),
            ));
        }
    };
    if parameters(layer, input) > MAX_ELEMENTS {
        return Err((
            "has more than a gigabyte of parameters".to_owned(),
            "make the layer or its input smaller".to_owned(),
        ));
    }
    if elements(output) > MAX_ELEMENTS {
        return Err((
            format!("gives {output}, more than a gigabyte for one image"),
            "make the layer or `model.input` smaller".to_owned(),
        ));
    }
    Ok(output)
}

fn after_conv2d(conv: &Conv2d, input: Shape) -> Result<Shape, (String, String)> {
    let Shape::Image { channels, .. } = input else {
        unreachable!("the caller passes images only");
    };
    for (what, count) in [("input", channels), ("output", conv.out_channels)] {
        if !count.is_multiple_of(conv.groups) {
            return Err((
                format!(
                    "{count} {what} channels do not divide into {} groups",
                    conv.groups
                ),
                "choose `groups` so that it divides the channels of input and output".to_owned(),
            ));
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

fn after_max_pool2d(pool: &MaxPool2d, input: Shape) -> Result<Shape, (String, String)> {
    let Shape::Image { channels, .. } = input else {
        unreachable!("the caller passes images only");
    };
    // As PyTorch: otherwise a window could lie in the padding alone and give minus infinity.
    if (0..2).any(|i| pool.padding[i] * 2 > pool.kernel_size[i]) {
        return Err((
            format!(
                "padding {} is more than half of window {}",
                by(pool.padding),
                by(pool.kernel_size)
            ),
            "choose a `padding` of at most half the `kernel_size`".to_owned(),
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
) -> Result<[usize; 2], (String, String)> {
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
            return Err((
                format!(
                    "window {} does not fit into its input of {}{with_padding}",
                    by(extents),
                    by(sizes)
                ),
                "make the window smaller, add `padding`, or take a layer before it out".to_owned(),
            ));
        }
        counts[i] = (padded - extent) / stride[i] + 1;
    }
    Ok(counts)
}

fn by([height, width]: [usize; 2]) -> String {
    format!("{height}x{width}")
}

fn elements(shape: Shape) -> usize {
    match shape {
        Shape::Image {
            channels,
            height,
            width,
        } => channels.saturating_mul(height).saturating_mul(width),
        Shape::Flat { features } => features,
    }
}

/// Bytes that a training step needs at the least: what layers give, with its gradient, where it is
/// not gone at once in the layer after it.
pub fn step_bytes(model: &Model, shapes: &[Shape], batch_size: usize) -> u64 {
    let mut floats: u64 = 0;
    for (index, (layer, shape)) in model.layers.iter().zip(shapes).enumerate() {
        let before = index.checked_sub(1).map(|before| &model.layers[before]);
        let is_gone = matches!(
            (before, layer, model.layers.get(index + 1)),
            (_, Layer::Flatten | Layer::Dropout(_), _)
                | (
                    _,
                    Layer::Conv2d(_) | Layer::BatchNorm2d(_),
                    Some(Layer::Relu)
                )
                | (
                    Some(Layer::Conv2d(_)),
                    Layer::Relu,
                    Some(Layer::MaxPool2d(_))
                )
        );
        if !is_gone {
            floats = floats.saturating_add(2 * elements(*shape) as u64);
        }
    }
    floats.saturating_mul(4 * batch_size as u64)
}

/// The number of a layer's weights.
fn parameters(layer: &Layer, input: Shape) -> usize {
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
