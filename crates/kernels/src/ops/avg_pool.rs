//! Average pooling, as `torch.nn.functional.avg_pool2d` and `adaptive_avg_pool2d`; images lie channels
//! last.

use std::ops::Range;

use burn::backend::Autodiff;
use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops};
use burn::backend::tensor::FloatTensor;
use rayon::prelude::*;

use crate::core::buffer::Buffer;
use crate::core::geometry::MemoryFormat;
use crate::core::geometry::PoolGeometry;
use crate::core::node::{register, tracked};
use crate::core::parallel::chunk_size;
use crate::core::tensor::{Host, ImageTensor, image_tensor};

/// Sizes of an average pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AvgPoolGeometry {
    /// Channels of input and output.
    pub channels: usize,
    /// `[height, width]` of an image.
    pub size: [usize; 2],
    /// `[height, width]` of the output.
    pub output_size: [usize; 2],
    /// The pixels of each mean.
    pub windows: Windows,
}

/// Which pixels a mean is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Windows {
    /// The image in as many regions as the output has pixels, as in `adaptive_avg_pool2d`.
    Adaptive,
    /// Windows of one size that slide over the image, as in `avg_pool2d`.
    Sliding {
        /// Size, stride and padding of the windows.
        pool: PoolGeometry,
        /// Whether the zeros of the padding count.
        count_include_pad: bool,
    },
}

impl AvgPoolGeometry {
    fn image_len(&self) -> usize {
        self.channels * self.size[0] * self.size[1]
    }

    /// Elements of one output image.
    pub fn output_len(&self) -> usize {
        self.channels * self.output_size[0] * self.output_size[1]
    }

    /// For each output, in order: the pixels of its window, and what their sum is divided by.
    fn regions(&self) -> impl Iterator<Item = (impl Iterator<Item = usize>, f32)> {
        let [height, width] = self.output_size;
        let columns = self.size[1];
        (0..height)
            .flat_map(move |y| (0..width).map(move |x| [self.span(0, y), self.span(1, x)]))
            .map(move |[rows, across]| {
                let count = match self.windows {
                    Windows::Sliding {
                        pool,
                        count_include_pad: true,
                    } => pool.kernel_size.iter().product(),
                    _ => rows.len() * across.len(),
                };
                let pixels = rows.flat_map(move |y| across.clone().map(move |x| y * columns + x));
                (pixels, count as f32)
            })
    }

    /// The rows or columns of the image that output row or column `index` is the mean of.
    fn span(&self, axis: usize, index: usize) -> Range<usize> {
        let size = self.size[axis];
        match self.windows {
            Windows::Adaptive => {
                let outputs = self.output_size[axis];
                index * size / outputs..((index + 1) * size).div_ceil(outputs)
            }
            Windows::Sliding { pool, .. } => {
                let start = index * pool.stride[axis];
                let end = (start + pool.kernel_size[axis]).saturating_sub(pool.padding[axis]);
                start.saturating_sub(pool.padding[axis])..end.min(size)
            }
        }
    }
}

/// The mean of each region.
pub fn forward(geometry: &AvgPoolGeometry, input: &[f32], output: &mut [f32]) {
    each_image(
        geometry,
        output,
        geometry.output_len(),
        input,
        |output, input| {
            let outputs = output.chunks_exact_mut(geometry.channels);
            for (output, (region, count)) in outputs.zip(geometry.regions()) {
                output.fill(0.0);
                for pixel in region {
                    let pixel = &input[pixel * geometry.channels..][..geometry.channels];
                    for (sum, value) in output.iter_mut().zip(pixel) {
                        *sum += value;
                    }
                }
                for sum in output {
                    *sum /= count;
                }
            }
        },
    );
}

/// The gradient of the input, given that of the output.
pub fn backward(geometry: &AvgPoolGeometry, gradient: &[f32], target: &mut [f32]) {
    each_image(
        geometry,
        target,
        geometry.image_len(),
        gradient,
        |target, gradient| {
            target.fill(0.0);
            let gradients = gradient.chunks_exact(geometry.channels);
            for (gradient, (region, count)) in gradients.zip(geometry.regions()) {
                for pixel in region {
                    let pixel = &mut target[pixel * geometry.channels..][..geometry.channels];
                    for (sum, value) in pixel.iter_mut().zip(gradient) {
                        *sum += value / count;
                    }
                }
            }
        },
    );
}

fn each_image(
    geometry: &AvgPoolGeometry,
    target: &mut [f32],
    target_len: usize,
    source: &[f32],
    work: impl Fn(&mut [f32], &[f32]) + Sync,
) {
    let source_len = geometry.image_len() + geometry.output_len() - target_len;
    let chunk = chunk_size(target.len() / target_len);
    target
        .par_chunks_mut(chunk * target_len)
        .zip(source.par_chunks(chunk * source_len))
        .for_each(|(target, source)| {
            let images = target.chunks_exact_mut(target_len);
            for (target, source) in images.zip(source.chunks_exact(source_len)) {
                work(target, source);
            }
        });
}

// The kernel on tensors of the CPU, and as a node of the autodiff graph.

/// `input` lies channels last, and so does the output.
pub(crate) fn on_host<B: Host>(
    input: &ImageTensor<B>,
    geometry: &AvgPoolGeometry,
) -> FloatTensor<B> {
    let [batch, channels, ..] = input.sizes();
    let mut output = Buffer::take(batch * geometry.output_len());
    forward(geometry, input.images().values, &mut output);
    let [height, width] = geometry.output_size;
    let sizes = [batch, channels, height, width];
    let device = input.device();
    image_tensor::<B>(output, sizes, MemoryFormat::ChannelsLast, &device)
}

/// The gradient of [`on_host`]'s input.
pub(crate) fn backward_on_host<B: Host>(
    gradient: &ImageTensor<B>,
    geometry: &AvgPoolGeometry,
) -> FloatTensor<B> {
    let [batch, channels, ..] = gradient.sizes();
    let [height, width] = geometry.size;
    let mut target = Buffer::take(batch * channels * height * width);
    backward(geometry, gradient.images().values, &mut target);
    let sizes = [batch, channels, height, width];
    let device = gradient.device();
    image_tensor::<B>(target, sizes, MemoryFormat::ChannelsLast, &device)
}

pub(crate) fn on_graph<B: Host, C: CheckpointStrategy>(
    input: &FloatTensor<Autodiff<B, C>>,
    geometry: &AvgPoolGeometry,
) -> FloatTensor<Autodiff<B, C>> {
    let images = ImageTensor::<B>::new(input.primitive()).channels_last();
    let output = on_host::<B>(&images, geometry);
    tracked::<B, C, _, _>(AvgPoolBackward, [input], output, |_| *geometry)
}

#[derive(Debug)]
struct AvgPoolBackward;

impl<B: Host> Backward<B, 1> for AvgPoolBackward {
    type State = AvgPoolGeometry;

    fn backward(
        self,
        ops: Ops<Self::State, 1>,
        grads: &mut Gradients,
        _checkpointer: &mut Checkpointer,
    ) {
        let gradient = grads.consume::<B>(&ops.node);
        let gradient = ImageTensor::<B>::new(&gradient).channels_last();
        let gradient = backward_on_host::<B>(&gradient, &ops.state);
        register!(grads, B, ops.parents, [Some(gradient)]);
    }
}
