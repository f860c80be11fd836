//! Adaptive average pooling, as `torch.nn.functional.adaptive_avg_pool2d`; images lie channels last.

use rayon::prelude::*;

use super::parallel::chunk_size;

/// Sizes of an adaptive average pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AvgPoolGeometry {
    pub channels: usize,
    /// `[height, width]` of an image.
    pub size: [usize; 2],
    pub output_size: [usize; 2],
}

impl AvgPoolGeometry {
    fn image_len(&self) -> usize {
        self.channels * self.size[0] * self.size[1]
    }

    pub fn output_len(&self) -> usize {
        self.channels * self.output_size[0] * self.output_size[1]
    }

    /// For each output, in order: the pixels of its region.
    fn regions(&self) -> impl Iterator<Item = impl Iterator<Item = usize> + Clone> {
        let [height, width] = self.output_size;
        let bounds = |axis: usize, index: usize| {
            let (size, outputs) = (self.size[axis], self.output_size[axis]);
            index * size / outputs..((index + 1) * size).div_ceil(outputs)
        };
        (0..height)
            .flat_map(move |y| (0..width).map(move |x| (bounds(0, y), bounds(1, x))))
            .map(move |(rows, columns)| {
                rows.flat_map(move |y| columns.clone().map(move |x| y * self.size[1] + x))
            })
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
            for (output, region) in outputs.zip(geometry.regions()) {
                output.fill(0.0);
                let count = region.clone().count() as f32;
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
            for (gradient, region) in gradients.zip(geometry.regions()) {
                let count = region.clone().count() as f32;
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
