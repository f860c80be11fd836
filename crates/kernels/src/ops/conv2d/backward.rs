//! The backward pass: the gradients of input, weight and bias as matrix products.

use crate::core::buffer::Buffer;
use crate::core::geometry::{Conv2dGeometry, Frame, MemoryFormat};
use crate::core::image::{Images, laid, lay, write_masked};
use crate::core::parallel::{Pieces, add_to, chunk_size_with_sums, scratch, sum_over_chunks};
use crate::core::product::{Packed, Row, Segment, Start, SummedSpan, gathered, outer};
use crate::core::simd::{Level, MAX_LANES};

/// Gradients of a convolution.
#[derive(Debug, Default)]
pub struct Conv2dGradients {
    /// Of the input, channels last; only where it was asked for.
    pub input: Option<Buffer>,
    /// Of the weight, `[out, in / groups, kernel_height, kernel_width]`.
    pub weight: Vec<f32>,
    /// Of the bias, `[out]`; whether there is one or not.
    pub bias: Vec<f32>,
}

/// The gradients of [`super::forward()`], given that of its output.
///
/// `output` is what [`super::forward()`] gave, channels last, if ReLU was part of it.
pub fn backward(
    level: Level,
    geometry: &Conv2dGeometry,
    input: Images<'_>,
    weight: &[f32],
    output: Option<&[f32]>,
    gradient: Images<'_>,
    wants_input: bool,
) -> Conv2dGradients {
    let backward = Backward::new(level, geometry, weight, wants_input);
    let (image_len, output_len) = (geometry.input_frame().image_len(), geometry.output_len());
    let batch = gradient.values.len() / output_len;
    let sums_len = geometry.weight_len() + geometry.out_channels;
    let chunk = chunk_size_with_sums(batch, sums_len);
    let mut input_gradient = wants_input.then(|| Buffer::take(batch * image_len));
    let pieces = Pieces::new(input_gradient.as_deref_mut(), chunk * image_len);
    let sums = sum_over_chunks(level, batch.div_ceil(chunk), sums_len, |index, sums| {
        let mut input_gradient = pieces.take(index);
        let (weight_sums, bias_sums) = sums.split_at_mut(geometry.weight_len());
        let mut padded = scratch(backward.input_frame.len());
        // Vectors may read beyond the last channel.
        let mut gradient_padded = scratch(backward.gradient_frame.len() + MAX_LANES);
        let mut masked = scratch(output_len);
        let first = index * chunk;
        for sample in first..batch.min(first + chunk) {
            let dy = &gradient.values[sample * output_len..][..output_len];
            let image = &input.values[sample * image_len..][..image_len];
            let padded = laid(image, input.format, &backward.input_frame, &mut padded);
            match output {
                Some(output) => {
                    let output = &output[sample * output_len..][..output_len];
                    write_masked(
                        dy,
                        gradient.format,
                        output,
                        geometry.out_channels,
                        &mut masked,
                    );
                    lay(
                        &masked,
                        MemoryFormat::ChannelsLast,
                        &backward.gradient_frame,
                        &mut gradient_padded,
                    );
                }
                None => lay(
                    dy,
                    gradient.format,
                    &backward.gradient_frame,
                    &mut gradient_padded,
                ),
            }
            backward.add_parameters(padded, &gradient_padded, weight_sums, bias_sums);
            if let Some(input_gradient) = &mut input_gradient {
                let target = &mut input_gradient[(sample - first) * image_len..][..image_len];
                backward.input_gradient(&gradient_padded, target);
            }
        }
    });
    Conv2dGradients {
        input: input_gradient,
        weight: unpack_weight(geometry, &sums),
        bias: sums[geometry.weight_len()..].to_vec(),
    }
}

/// Sums `[group][element of a patch][channel of the group]` in the weight's own order.
fn unpack_weight(geometry: &Conv2dGeometry, sums: &[f32]) -> Vec<f32> {
    let columns = geometry.group_out_channels();
    let mut weight = vec![0.0; geometry.weight_len()];
    for group in 0..geometry.groups {
        let sums = &sums[group * geometry.depth() * columns..];
        for element in 0..geometry.depth() {
            for channel in 0..columns {
                weight[geometry.weight_index(group * columns + channel, element)] =
                    sums[element * columns + channel];
            }
        }
    }
    weight
}

/// What the backward pass of every image shares.
struct Backward<'a> {
    level: Level,
    geometry: &'a Conv2dGeometry,
    input_frame: Frame,
    gradient_frame: Frame,
    /// Elements of a patch, relative to its start.
    elements: Vec<usize>,
    /// Rows of output pixels.
    spans: Vec<SummedSpan>,
    phases: Vec<PhaseProduct>,
}

/// What takes the gradient of the output to that of the input pixels of one phase.
struct PhaseProduct {
    rows: Vec<Row>,
    /// Segments and weights of each group.
    groups: Vec<(Vec<Segment>, Packed)>,
}

impl<'a> Backward<'a> {
    fn new(level: Level, geometry: &'a Conv2dGeometry, weight: &[f32], wants_input: bool) -> Self {
        let (input_frame, gradient_frame) = (geometry.input_frame(), geometry.gradient_frame());
        let elements = geometry.segments().into_iter().flat_map(|segment| {
            let start = segment.offset as usize;
            start..start + segment.length
        });
        let [height, width] = geometry.output_size();
        let first = gradient_frame.before[0] * gradient_frame.row()
            + gradient_frame.before[1] * gradient_frame.channels;
        let spans = (0..height).map(|y| SummedSpan {
            a: y * geometry.stride[0] * input_frame.row(),
            b: first + y * gradient_frame.row(),
            length: width,
        });
        let phases = if wants_input {
            geometry.phases()
        } else {
            Vec::new()
        };
        let out_channels = geometry.group_out_channels();
        let in_channels = geometry.group_in_channels();
        let phases = phases.into_iter().map(|phase| {
            let groups = (0..geometry.groups).map(|group| {
                let shifted = phase.segments.iter().map(|segment| Segment {
                    offset: segment.offset + (group * out_channels) as isize,
                    length: segment.length,
                });
                let mut packed = Packed::default();
                let depth = phase.taps.len() * out_channels;
                packed.pack(level, depth, in_channels, |row, column| {
                    let (tap, channel) = (phase.taps[row / out_channels], row % out_channels);
                    let element = tap * in_channels + column;
                    weight[geometry.weight_index(group * out_channels + channel, element)]
                });
                (shifted.collect(), packed)
            });
            PhaseProduct {
                groups: groups.collect(),
                rows: phase.rows,
            }
        });
        Self {
            level,
            geometry,
            input_frame,
            gradient_frame,
            elements: elements.collect(),
            spans: spans.collect(),
            phases: phases.collect(),
        }
    }

    /// Adds one image's part to the gradients of weight and bias.
    fn add_parameters(
        &self,
        image: &[f32],
        gradient: &[f32],
        weight: &mut [f32],
        bias: &mut [f32],
    ) {
        let geometry = self.geometry;
        let columns = geometry.group_out_channels();
        let weight_groups = weight.chunks_exact_mut(geometry.depth() * columns);
        for (group, weight) in weight_groups.enumerate() {
            outer(
                self.level,
                &image[group * geometry.group_in_channels()..],
                &self.elements,
                geometry.stride[1] * geometry.in_channels,
                &gradient[group * columns..],
                geometry.out_channels,
                &self.spans,
                weight,
                columns,
            );
        }
        for span in &self.spans {
            let pixels = &gradient[span.b..][..span.length * geometry.out_channels];
            for pixel in pixels.chunks_exact(geometry.out_channels) {
                add_to(self.level, pixel, bias);
            }
        }
    }

    /// One image's gradient of the input, channels last.
    fn input_gradient(&self, gradient: &[f32], target: &mut [f32]) {
        for PhaseProduct { rows, groups } in &self.phases {
            for (group, (segments, weight)) in groups.iter().enumerate() {
                let target = &mut target[group * self.geometry.group_in_channels()..];
                gathered(
                    self.level,
                    gradient,
                    rows,
                    segments,
                    weight,
                    target,
                    Start::Zero,
                    false,
                );
            }
        }
    }
}
