//! Average pooling, as `torch.nn.functional.avg_pool2d` and `adaptive_avg_pool2d`; images lie channels
//! last.

use std::ops::Range;

use rayon::prelude::*;

use super::geometry::PoolGeometry;
use super::parallel::chunk_size;

/// Sizes of an average pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AvgPoolGeometry {
    pub channels: usize,
    /// `[height, width]` of an image.
    pub size: [usize; 2],
    pub output_size: [usize; 2],
    pub windows: Windows,
}

/// Which pixels a mean is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Windows {
    /// The image in as many parts as the output has pixels.
    Adaptive,
    Sliding {
        pool: PoolGeometry,
        /// Whether the zeros of the padding count.
        count_include_pad: bool,
    },
}

impl AvgPoolGeometry {
    fn image_len(&self) -> usize {
        self.channels * self.size[0] * self.size[1]
    }

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
