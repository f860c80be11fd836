//! Sizes of convolutions and pools, and where their elements lie in channels-last images.

use super::product::{Row, Segment};

/// How the elements of an image `[channels, height, width]` lie in memory; the names are PyTorch's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MemoryFormat {
    /// Row-major: plane after plane.
    Contiguous,
    /// All channels of a pixel together.
    ChannelsLast,
}

/// A 2d convolution: the options of `torch.nn.Conv2d` and the size of one image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Conv2dGeometry {
    /// Channels of the input.
    pub in_channels: usize,
    /// Channels of the output.
    pub out_channels: usize,
    /// `[height, width]` of an image.
    pub size: [usize; 2],
    /// `[height, width]` of the kernel.
    pub kernel_size: [usize; 2],
    /// Pixels from one patch to the next, `[down, across]`.
    pub stride: [usize; 2],
    /// Pixels of zeros on each side, `[above and below, left and right]`.
    pub padding: [usize; 2],
    /// Pixels from one tap of the kernel to the next, `[down, across]`.
    pub dilation: [usize; 2],
    /// Groups of channels that are convolved apart; must divide both numbers of channels.
    pub groups: usize,
}

/// A 2d max-pool: the options of `torch.nn.MaxPool2d`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PoolGeometry {
    /// `[height, width]` of a window.
    pub kernel_size: [usize; 2],
    /// Pixels from one window to the next, `[down, across]`.
    pub stride: [usize; 2],
    /// Pixels of padding on each side, `[above and below, left and right]`.
    pub padding: [usize; 2],
}

/// A channels-last image inside a border of zeros.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frame {
    pub channels: usize,
    /// `[height, width]` without the border.
    pub size: [usize; 2],
    /// Rows above, columns to the left.
    pub before: [usize; 2],
    /// `[height, width]` with the border.
    pub padded: [usize; 2],
}

impl Frame {
    /// Elements from one row to the next.
    pub fn row(&self) -> usize {
        self.padded[1] * self.channels
    }

    /// Elements in all.
    pub fn len(&self) -> usize {
        self.padded[0] * self.row()
    }

    /// Elements before the first pixel of the image.
    pub fn first(&self) -> usize {
        self.before[0] * self.row() + self.before[1] * self.channels
    }

    /// Elements of the image without the border.
    pub fn image_len(&self) -> usize {
        self.channels * self.size[0] * self.size[1]
    }
}

impl Conv2dGeometry {
    /// `[height, width]` of the output.
    pub fn output_size(&self) -> [usize; 2] {
        std::array::from_fn(|axis| {
            let padded = self.size[axis] + 2 * self.padding[axis];
            let reach = self.dilation[axis] * (self.kernel_size[axis] - 1) + 1;
            (padded - reach) / self.stride[axis] + 1
        })
    }

    /// Pixels of one output image.
    pub fn output_pixels(&self) -> usize {
        let [height, width] = self.output_size();
        height * width
    }

    /// Elements of one output image.
    pub fn output_len(&self) -> usize {
        self.out_channels * self.output_pixels()
    }

    /// Input channels of a group.
    pub fn group_in_channels(&self) -> usize {
        self.in_channels / self.groups
    }

    /// Output channels of a group.
    pub fn group_out_channels(&self) -> usize {
        self.out_channels / self.groups
    }

    /// Products that are summed to one output element.
    pub fn depth(&self) -> usize {
        self.kernel_size[0] * self.kernel_size[1] * self.group_in_channels()
    }

    /// Elements of the weight.
    pub fn weight_len(&self) -> usize {
        self.out_channels * self.depth()
    }

    /// The input with its padding.
    pub fn input_frame(&self) -> Frame {
        Frame {
            channels: self.in_channels,
            size: self.size,
            before: self.padding,
            padded: std::array::from_fn(|axis| self.size[axis] + 2 * self.padding[axis]),
        }
    }

    /// The start of each output pixel's patch in the input frame, row after row.
    pub fn patches(&self) -> Vec<usize> {
        let [height, width] = self.output_size();
        let frame = self.input_frame();
        let [down, right] = [
            self.stride[0] * frame.row(),
            self.stride[1] * self.in_channels,
        ];
        (0..height)
            .flat_map(|y| (0..width).map(move |x| y * down + x * right))
            .collect()
    }

    /// The patch of one group, relative to its start, in the order of [`Self::weight_index`].
    pub fn segments(&self) -> Vec<Segment> {
        let row = self.input_frame().row();
        let [kernel_height, kernel_width] = self.kernel_size;
        let channels = self.group_in_channels();
        let mut segments = Vec::new();
        for ky in 0..kernel_height {
            let down = (ky * self.dilation[0] * row) as isize;
            if self.groups == 1 && self.dilation[1] == 1 {
                segments.push(Segment {
                    offset: down,
                    length: kernel_width * channels,
                });
                continue;
            }
            for kx in 0..kernel_width {
                segments.push(Segment {
                    offset: down + (kx * self.dilation[1] * self.in_channels) as isize,
                    length: channels,
                });
            }
        }
        segments
    }

    /// Index in the weight `[out, in / groups, kernel_height, kernel_width]` of element
    /// `element` of a patch, whose order is `[kernel_height, kernel_width, in / groups]`.
    pub fn weight_index(&self, out_channel: usize, element: usize) -> usize {
        let channels = self.group_in_channels();
        let [kernel_height, kernel_width] = self.kernel_size;
        let (tap, channel) = (element / channels, element % channels);
        (out_channel * channels + channel) * kernel_height * kernel_width + tap
    }

    /// The gradient of the output inside a border, so that every input pixel finds around it all
    /// output pixels that may have seen it.
    pub fn gradient_frame(&self) -> Frame {
        let size = self.output_size();
        let border = |axis: usize| {
            let (stride, padding) = (self.stride[axis], self.padding[axis]);
            let reach = self.dilation[axis] * (self.kernel_size[axis] - 1);
            let before = reach.saturating_sub(padding).div_ceil(stride);
            let last = (self.size[axis] - 1 + padding) / stride;
            (before, (last + 1).max(size[axis]) + before)
        };
        Frame {
            channels: self.out_channels,
            size,
            before: [border(0).0, border(1).0],
            padded: [border(0).1, border(1).1],
        }
    }

    /// The convolution that takes the gradient of the output to that of the input: input pixels
    /// fall into phases, by their place between the strides, that see different taps.
    pub fn phases(&self) -> Vec<Phase> {
        let frame = self.gradient_frame();
        let taps = |axis: usize, phase: usize| -> Vec<(usize, isize)> {
            let stride = self.stride[axis] as isize;
            (0..self.kernel_size[axis])
                .filter_map(|tap| {
                    let distance = phase as isize - (tap * self.dilation[axis]) as isize;
                    (distance.rem_euclid(stride) == 0).then(|| (tap, distance.div_euclid(stride)))
                })
                .collect()
        };
        let positions = |axis: usize, phase: usize| -> Vec<(usize, usize)> {
            // Where in the input, and which output pixel a distance of 0 is.
            (0..self.size[axis])
                .filter(|at| (at + self.padding[axis]) % self.stride[axis] == phase)
                .map(|at| (at, (at + self.padding[axis]) / self.stride[axis]))
                .collect()
        };
        let mut phases = Vec::new();
        for (vertical, horizontal) in (0..self.stride[0])
            .flat_map(|vertical| (0..self.stride[1]).map(move |horizontal| (vertical, horizontal)))
        {
            let (rows, columns) = (positions(0, vertical), positions(1, horizontal));
            let (tap_rows, tap_columns) = (taps(0, vertical), taps(1, horizontal));
            let mut phase = Phase::default();
            for &(y, from_y) in &rows {
                for &(x, from_x) in &columns {
                    phase.rows.push(Row {
                        a: (from_y + frame.before[0]) * frame.row()
                            + (from_x + frame.before[1]) * frame.channels,
                        c: (y * self.size[1] + x) * self.in_channels,
                    });
                }
            }
            for &(ky, down) in &tap_rows {
                for &(kx, right) in &tap_columns {
                    phase.taps.push(ky * self.kernel_size[1] + kx);
                    phase.segments.push(Segment {
                        offset: down * frame.row() as isize + right * frame.channels as isize,
                        length: self.group_out_channels(),
                    });
                }
            }
            if !phase.rows.is_empty() {
                phases.push(phase);
            }
        }
        phases
    }
}

/// Input pixels that see the same taps of the kernel.
#[derive(Debug, Default)]
pub struct Phase {
    /// From the gradient frame to the input's gradient.
    pub rows: Vec<Row>,
    /// `ky * kernel_width + kx` of each segment.
    pub taps: Vec<usize>,
    pub segments: Vec<Segment>,
}

impl PoolGeometry {
    /// `[height, width]` of the output for an input of `size`.
    pub fn output_size(&self, size: [usize; 2]) -> [usize; 2] {
        std::array::from_fn(|axis| {
            let padded = size[axis] + 2 * self.padding[axis];
            (padded - self.kernel_size[axis]) / self.stride[axis] + 1
        })
    }

    /// Elements of a window.
    pub fn window_len(&self) -> usize {
        self.kernel_size[0] * self.kernel_size[1]
    }
}
