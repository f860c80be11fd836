//! The shape of one sample between two layers, and what shapes a layer can take.

/// The shape of one sample between two layers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// An image, channel by channel.
    Image {
        /// Channels.
        channels: usize,
        /// Rows of pixels.
        height: usize,
        /// Columns of pixels.
        width: usize,
    },
    /// Features without places.
    Flat {
        /// How many there are.
        features: usize,
    },
}

impl Shape {
    /// Height times width; 1 for flat features.
    pub(crate) fn pixels(self) -> usize {
        match self {
            Shape::Image { height, width, .. } => height * width,
            Shape::Flat { .. } => 1,
        }
    }
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

/// Why a layer cannot take an input.
pub(crate) struct ShapeError {
    pub message: String,
    pub help: &'static str,
    /// What also helps if the input comes from a layer.
    pub help_after_layer: &'static str,
    /// Whether the input is part of the problem, so that its source is worth showing.
    pub concerns_input: bool,
}

impl ShapeError {
    /// The layer cannot take this input.
    pub(crate) fn of_input(message: String, help: &'static str) -> Self {
        Self {
            message,
            help,
            help_after_layer: "",
            concerns_input: true,
        }
    }

    /// The layer can take no input at all.
    pub(crate) fn of_layer(message: String, help: &'static str) -> Self {
        Self {
            message,
            help,
            help_after_layer: "",
            concerns_input: false,
        }
    }
}

/// No layer's output for one sample, nor its input with the padding, nor its parameters, may be more
/// numbers than this (a gigabyte of `f32`).
pub(crate) const MAX_ELEMENTS: usize = 1 << 28;

/// The shape of one image: channels, height, width.
pub fn image_shape([channels, height, width]: [usize; 3]) -> Shape {
    Shape::Image {
        channels,
        height,
        width,
    }
}

/// Channels, height and width, for a layer that takes images only.
pub(crate) fn image(input: Shape) -> Result<[usize; 3], ShapeError> {
    match input {
        Shape::Image {
            channels,
            height,
            width,
        } => Ok([channels, height, width]),
        Shape::Flat { .. } => Err(ShapeError::of_input(
            format!("expects an image, but its input is {input}"),
            "move it before \"flatten\"",
        )),
    }
}

/// Refuses an image that, with its padding, is too large for memory.
pub(crate) fn check_size([height, width]: [usize; 2], channels: usize) -> Result<(), ShapeError> {
    if height.saturating_mul(width).saturating_mul(channels) <= MAX_ELEMENTS {
        return Ok(());
    }
    Err(ShapeError::of_layer(
        format!("the padded image is {channels}x{height}x{width}, more than a gigabyte"),
        "choose a smaller `padding`, `kernel_size`, `stride` or `dilation`",
    ))
}

/// The channels of an image, or the number of flat features.
pub(crate) fn channels_of(shape: Shape) -> usize {
    match shape {
        Shape::Image { channels, .. } => channels,
        Shape::Flat { features } => features,
    }
}

/// How many windows fit, down and across: `(size + padding - dilation (kernel - 1) - 1) / stride + 1`,
/// with the padding of both sides.
pub(crate) fn windows(
    input: Shape,
    kernel: [usize; 2],
    stride: [usize; 2],
    padding: [usize; 2],
    dilation: [usize; 2],
) -> Result<[usize; 2], ShapeError> {
    let [_, height, width] = image(input)?;
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
            let error = ShapeError::of_input(
                format!(
                    "window {} does not fit into its input of {}{with_padding}",
                    by(extents),
                    by(sizes)
                ),
                "make the window smaller or add `padding`",
            );
            return Err(ShapeError {
                help_after_layer: ", or remove a layer before it",
                ..error
            });
        }
        counts[i] = (padded - extent) / stride[i] + 1;
    }
    check_size(
        [height + padding[0], width + padding[1]],
        channels_of(input),
    )?;
    Ok(counts)
}

/// `5x5`
pub(crate) fn by([height, width]: [usize; 2]) -> String {
    format!("{height}x{width}")
}

/// The number of elements of one sample.
pub(crate) fn elements(shape: Shape) -> usize {
    match shape {
        Shape::Image {
            channels,
            height,
            width,
        } => channels.saturating_mul(height).saturating_mul(width),
        Shape::Flat { features } => features,
    }
}
