//! The shape of the data after every layer, known before any data is read or any memory taken.

use super::layer::{Conv2d, ConvTranspose2d, GroupNorm, Layer, Padding, Prelu};
use super::model::Model;

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

/// What one layer of a network takes and gives.
#[derive(Debug, Clone)]
pub struct Traced<'a> {
    pub layer: &'a Layer,
    /// Its place: `3`, inside of another layer `3.layers.0`.
    pub path: String,
    /// The number of the layer that gives what it takes; without one it is the input.
    pub giver: Option<usize>,
    pub input: Shape,
    pub output: Shape,
}

/// Why a layer does not fit what it is given.
#[derive(Debug, Clone, PartialEq)]
pub struct Misfit {
    /// Number of the layer.
    pub layer: usize,
    pub message: String,
    pub help: String,
    /// Whether what it is given is part of the trouble.
    pub is_of_input: bool,
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

/// No layer's output for one sample, nor its input with the padding, nor its parameters, may be more
/// numbers than this (a gigabyte of `f32`).
const MAX_ELEMENTS: usize = 1 << 28;

/// What is counted for each pair of classes has to fit into memory, and into checkpoints.
const MAX_CLASSES: usize = 8192;

/// All layers of a network that fits, those inside of others after them.
pub fn infer(model: &Model) -> Result<Vec<Traced<'_>>, Misfit> {
    let (layers, misfit) = trace(model.input, &model.layers);
    match misfit.or_else(|| check_end(model, &layers)) {
        Some(misfit) => Err(misfit),
        None => Ok(layers),
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

/// All layers up to the first that does not fit, and why it does not.
pub fn trace(input: [usize; 3], layers: &[Layer]) -> (Vec<Traced<'_>>, Option<Misfit>) {
    let mut tracer = Tracer(Vec::new());
    let end = tracer.list(layers, of_input(input), None, "");
    (tracer.0, end.err())
}

struct Tracer<'a>(Vec<Traced<'a>>);

impl<'a> Tracer<'a> {
    /// What a list of layers makes of a shape that the layer `giver` gives.
    fn list(
        &mut self,
        layers: &'a [Layer],
        mut shape: Shape,
        mut giver: Option<usize>,
        prefix: &str,
    ) -> Result<Shape, Misfit> {
        for (index, layer) in layers.iter().enumerate() {
            let number = self.0.len();
            let path = format!("{prefix}{index}");
            self.0.push(Traced {
                layer,
                path: path.clone(),
                giver,
                input: shape,
                output: shape,
            });
            let mut outputs = Vec::new();
            for (name, branch) in layer.branches() {
                outputs.push(self.list(branch, shape, giver, &format!("{path}.{name}."))?);
            }
            let output = match outputs[..] {
                [one, other] if one != other => Err(Refusal::of_layer(
                    format!("its layers give {one}, its shortcut {other}"),
                    "put a convolution of kernel_size 1 with the same stride and out_channels into \
                     the `shortcut`",
                )),
                [one, ..] => Ok(one),
                [] => after(layer, shape),
            };
            shape = output.map_err(|refusal| Misfit {
                layer: number,
                message: format!("layer {path} `{}`: {}", layer.name(), refusal.message),
                help: match giver {
                    // There is no layer to take out.
                    None => refusal.help.replace(", or take a layer before it out", ""),
                    Some(_) => refusal.help.to_owned(),
                },
                is_of_input: refusal.is_of_input,
            })?;
            self.0[number].output = shape;
            giver = Some(number);
        }
        Ok(shape)
    }
}

/// A network ends in a score for each of at least two classes.
pub fn check_end(model: &Model, layers: &[Traced<'_>]) -> Option<Misfit> {
    let shape = after_last(model, layers);
    let (message, help) = match shape {
        Shape::Flat {
            features: 2..=MAX_CLASSES,
        } => return None,
        Shape::Flat { features: 2.. } => (
            format!(
                "the network ends in {shape}, and no more than {MAX_CLASSES} classes can be told apart"
            ),
            "end with { linear = { out_features = <number of classes> } }",
        ),
        Shape::Flat { .. } => (
            "the network ends in one feature, which leaves no classes to tell apart".to_owned(),
            "end with { linear = { out_features = <number of classes> } }",
        ),
        Shape::Image { .. } => (
            format!("the network ends in {shape}, which is no score a class"),
            "end with \"flatten\" and { linear = { out_features = <number of classes> } }",
        ),
    };
    Some(Misfit {
        layer: last(layers).unwrap_or(0),
        message,
        help: help.to_owned(),
        is_of_input: false,
    })
}

/// What the last of all layers gives.
pub fn after_last(model: &Model, layers: &[Traced<'_>]) -> Shape {
    last(layers).map_or(of_input(model.input), |last| layers[last].output)
}

/// The last layer that is not inside of another.
fn last(layers: &[Traced<'_>]) -> Option<usize> {
    layers.iter().rposition(|layer| !layer.path.contains('.'))
}

/// What a layer that fits makes of a shape.
pub fn after_fitting(layer: &Layer, input: Shape) -> Shape {
    let output = match layer.branches()[..] {
        [(_, branch), ..] => Ok(after_all(branch, input)),
        [] => after(layer, input),
    };
    match output {
        Ok(output) => output,
        Err(_) => unreachable!("the shapes of an experiment fit"),
    }
}

/// What layers that fit make of a shape.
pub fn after_all(layers: &[Layer], input: Shape) -> Shape {
    let next = |shape, layer| after_fitting(layer, shape);
    layers.iter().fold(input, next)
}

/// Not for layers with layers inside.
fn after(layer: &Layer, input: Shape) -> Result<Shape, Refusal> {
    let output = match (layer, input) {
        (
            Layer::Relu
            | Layer::Relu6
            | Layer::LeakyRelu(_)
            | Layer::Gelu(_)
            | Layer::Silu
            | Layer::Elu(_)
            | Layer::HardSwish
            | Layer::Sigmoid
            | Layer::Tanh
            | Layer::Softplus(_)
            | Layer::Dropout(_)
            | Layer::LayerNorm(_),
            shape,
        ) => shape,
        (Layer::GroupNorm(norm), shape) => after_group_norm(norm, shape)?,
        (Layer::Prelu(prelu), shape) => after_prelu(prelu, shape)?,
        (Layer::Flatten, shape) => Shape::Flat {
            features: elements(shape),
        },
        (Layer::Conv2d(conv), Shape::Image { .. }) => after_conv2d(conv, input)?,
        (Layer::ConvTranspose2d(conv), Shape::Image { .. }) => after_transposed(conv, input)?,
        (Layer::MaxPool2d(pool), Shape::Image { .. }) => {
            after_pool(input, pool.kernel_size, pool.stride, pool.padding)?
        }
        (Layer::AvgPool2d(pool), Shape::Image { .. }) => {
            after_pool(input, pool.kernel_size, pool.stride, pool.padding)?
        }
        (
            Layer::BatchNorm2d(_) | Layer::InstanceNorm2d(_) | Layer::Dropout2d(_),
            Shape::Image { .. },
        ) => input,
        (Layer::AdaptiveAvgPool2d(pool), Shape::Image { channels, .. }) => {
            let [height, width] = pool.output_size;
            Shape::Image {
                channels,
                height,
                width,
            }
        }
        (Layer::GlobalAvgPool, Shape::Image { channels, .. }) => Shape::Flat { features: channels },
        (Layer::Linear(linear), Shape::Flat { .. }) => Shape::Flat {
            features: linear.out_features,
        },
        (Layer::BatchNorm1d(_), Shape::Flat { .. }) => input,
        (Layer::Linear(_), Shape::Image { .. }) => {
            return Err(Refusal::of_input(
                format!("takes flat features and is given an image of {input}"),
                "put \"flatten\" before it",
            ));
        }
        (Layer::BatchNorm1d(_), Shape::Image { .. }) => {
            return Err(Refusal::of_input(
                format!("takes flat features and is given an image of {input}"),
                "for images it is \"batch_norm2d\"",
            ));
        }
        (Layer::BatchNorm2d(_), Shape::Flat { .. }) => {
            return Err(Refusal::of_input(
                format!("takes an image and is given {input}"),
                "move it before \"flatten\", or for features take \"batch_norm1d\"",
            ));
        }
        (Layer::Residual(_), _) => unreachable!("the caller looks into branches"),
        (_, Shape::Flat { .. }) => {
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
    check_groups(input, conv.out_channels, conv.groups)?;
    if conv.padding == Padding::Same && conv.stride != [1, 1] {
        return Err(Refusal::of_layer(
            format!(
                "padding \"same\" does not go with stride {}",
                by(conv.stride)
            ),
            "state the `padding` in pixels: half of an odd kernel_size, 1 for 3, 2 for 5",
        ));
    }
    let padding = conv.sides().map(|[before, after]| before + after);
    let [height, width] = windows(input, conv.kernel_size, conv.stride, padding, conv.dilation)?;
    Ok(Shape::Image {
        channels: conv.out_channels,
        height,
        width,
    })
}

fn check_groups(input: Shape, out_channels: usize, groups: usize) -> Result<(), Refusal> {
    let channels = channels_of(input);
    for (what, count) in [("input", channels), ("output", out_channels)] {
        if !count.is_multiple_of(groups) {
            return Err(Refusal {
                message: format!("{count} {what} channels do not divide into {groups} groups"),
                help: "choose `groups` so that it divides the channels of input and output",
                is_of_input: what == "input",
            });
        }
    }
    Ok(())
}

/// `(size - 1) stride - 2 padding + dilation (kernel - 1) + output_padding + 1`
fn after_transposed(conv: &ConvTranspose2d, input: Shape) -> Result<Shape, Refusal> {
    let Shape::Image { height, width, .. } = input else {
        unreachable!("the caller passes images only");
    };
    check_groups(input, conv.out_channels, conv.groups)?;
    let mut size = [height, width];
    let mut uncut = size;
    for (axis, size) in size.iter_mut().enumerate() {
        if conv.output_padding[axis] >= conv.stride[axis].max(conv.dilation[axis]) {
            return Err(Refusal::of_layer(
                format!(
                    "output_padding {} is not less than stride or dilation",
                    by(conv.output_padding)
                ),
                "choose a smaller `output_padding`",
            ));
        }
        let whole = (*size - 1) * conv.stride[axis]
            + conv.dilation[axis] * (conv.kernel_size[axis] - 1)
            + conv.output_padding[axis]
            + 1;
        uncut[axis] = whole;
        *size = whole.saturating_sub(2 * conv.padding[axis]);
        if *size == 0 {
            return Err(Refusal::of_layer(
                format!("padding {} cuts off all that it gives", by(conv.padding)),
                "choose a smaller `padding`",
            ));
        }
    }
    // The input with zeros in between and around it is hardly smaller than the output before the cut.
    check_size(uncut, channels_of(input))?;
    Ok(Shape::Image {
        channels: conv.out_channels,
        height: size[0],
        width: size[1],
    })
}

fn after_group_norm(norm: &GroupNorm, input: Shape) -> Result<Shape, Refusal> {
    let (channels, groups) = (channels_of(input), norm.num_groups);
    if channels.is_multiple_of(groups) {
        return Ok(input);
    }
    Err(Refusal::of_input(
        format!("{channels} channels do not divide into {groups} groups"),
        "choose `num_groups` so that it divides the channels",
    ))
}

fn after_prelu(prelu: &Prelu, input: Shape) -> Result<Shape, Refusal> {
    let (channels, count) = (channels_of(input), prelu.num_parameters);
    if count == 1 || count == channels {
        return Ok(input);
    }
    Err(Refusal::of_input(
        format!("{count} slopes for {channels} channels"),
        "set `num_parameters` to 1, or to the number of channels",
    ))
}

fn after_pool(
    input: Shape,
    kernel_size: [usize; 2],
    stride: [usize; 2],
    padding: [usize; 2],
) -> Result<Shape, Refusal> {
    // As PyTorch: otherwise a window could lie in the padding alone.
    if (0..2).any(|i| padding[i] * 2 > kernel_size[i]) {
        return Err(Refusal::of_layer(
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

/// An image with its padding has to fit into memory.
fn check_size([height, width]: [usize; 2], channels: usize) -> Result<(), Refusal> {
    if height.saturating_mul(width).saturating_mul(channels) <= MAX_ELEMENTS {
        return Ok(());
    }
    Err(Refusal::of_layer(
        format!("an image with its padding is {channels}x{height}x{width}, more than a gigabyte"),
        "choose a smaller `padding`, `kernel_size`, `stride` or `dilation`",
    ))
}

/// The features of what is flat are its channels.
fn channels_of(shape: Shape) -> usize {
    match shape {
        Shape::Image { channels, .. } => channels,
        Shape::Flat { features } => features,
    }
}

/// How many windows fit, down and across: `(size + padding - dilation (kernel - 1) - 1) / stride + 1`,
/// with the padding of both sides.
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
        let padded = size + padding[i];
        let extent = dilation[i] * (kernel[i] - 1) + 1;
        if extent > padded {
            let extents = [0, 1].map(|i| dilation[i] * (kernel[i] - 1) + 1);
            let sizes = [height + padding[0], width + padding[1]];
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
    check_size(
        [height + padding[0], width + padding[1]],
        channels_of(input),
    )?;
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
    match layer {
        Layer::Conv2d(conv) => {
            let per_output = channels_of(input) / conv.groups;
            (conv.out_channels * per_output).saturating_mul(conv.kernel_size.iter().product())
        }
        Layer::ConvTranspose2d(conv) => {
            let per_input = conv.out_channels / conv.groups;
            (channels_of(input) * per_input).saturating_mul(conv.kernel_size.iter().product())
        }
        Layer::Linear(linear) => elements(input).saturating_mul(linear.out_features),
        _ => 0,
    }
}

/// The numbers that a layer trains besides its weights: biases, and what norms have.
pub(super) fn other_parameters(layer: &Layer, input: Shape) -> usize {
    let channels = channels_of(input);
    let if_so = |is_so: bool, count: usize| if is_so { count } else { 0 };
    match layer {
        Layer::Conv2d(conv) => if_so(conv.bias, conv.out_channels),
        Layer::ConvTranspose2d(conv) => if_so(conv.bias, conv.out_channels),
        Layer::Linear(linear) => if_so(linear.bias, linear.out_features),
        Layer::BatchNorm2d(_) | Layer::BatchNorm1d(_) => 2 * channels,
        Layer::GroupNorm(norm) => if_so(norm.affine, 2 * channels),
        Layer::InstanceNorm2d(norm) => if_so(norm.affine, 2 * channels),
        Layer::LayerNorm(norm) => {
            let arrays = 1 + usize::from(norm.bias);
            if_so(norm.elementwise_affine, arrays * elements(input))
        }
        Layer::Prelu(prelu) => prelu.num_parameters,
        _ => 0,
    }
}
