//! The backward pass: the gradients of input, weight and bias as matrix products.

use rayon::prelude::*;

use super::depthwise::{self, is_depthwise};
use super::input::Input;
use super::input_gradient::InputGradient;
use super::weight_gradient::WeightGradient;
use super::winograd;
use crate::core::buffer::Buffer;
use crate::core::geometry::{Conv2dGeometry, Frame, MemoryFormat};
use crate::core::image::{Images, lay, write_masked};
use crate::core::parallel::{
    Pieces, add_to, chunk_size_with_sums, images_of_a_task, scratch, sum_over_chunks,
};
use crate::core::rectifier::Rectifier;
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
/// `rectified` is the rectifier that was part of it, if any, with what [`super::forward()`] gave, channels last.
pub fn backward<'a>(
    level: Level,
    geometry: &Conv2dGeometry,
    input: impl Into<Input<'a>>,
    weight: &[f32],
    rectified: Option<(Rectifier, &[f32])>,
    gradient: Images<'_>,
    wants_input: bool,
) -> Conv2dGradients {
    let (input, wants) = (
        input.into(),
        wants_input.then_some(|_: usize, _: &[f32]| ()),
    );
    backward_noting(level, geometry, input, weight, rectified, gradient, wants)
}

/// As [`backward`]. The gradient of the input is computed if there is a `note`, which is told of the gradients of some
/// inputs while they are in the cache, and of the first of these inputs.
pub(in crate::ops) fn backward_noting(
    level: Level,
    geometry: &Conv2dGeometry,
    input: Input<'_>,
    weight: &[f32],
    rectified: Option<(Rectifier, &[f32])>,
    gradient: Images<'_>,
    note: Option<impl Fn(usize, &[f32]) + Sync>,
) -> Conv2dGradients {
    let length = geometry.output_len();
    let batch = gradient.values.len() / length;
    let lay_gradient = |sample: usize, frame: &Frame, target: &mut [f32]| {
        let values = &gradient.values[sample * length..][..length];
        let Some((rectifier, output)) = rectified else {
            return lay(values, gradient.format, frame, target);
        };
        let output = &output[sample * length..][..length];
        let mut masked = scratch(length);
        write_masked(
            values,
            gradient.format,
            rectifier,
            output,
            geometry.out_channels,
            &mut masked,
        );
        lay(&masked, MemoryFormat::ChannelsLast, frame, target);
    };
    backward_of(level, geometry, batch, input, weight, lay_gradient, note)
}

/// The gradients of a convolution whose output has the gradients that `lay_gradient(sample, frame, target)` lays into frames.
pub(in crate::ops) fn backward_of(
    level: Level,
    geometry: &Conv2dGeometry,
    batch: usize,
    input: Input<'_>,
    weight: &[f32],
    lay_gradient: impl Fn(usize, &Frame, &mut [f32]) + Sync,
    note: Option<impl Fn(usize, &[f32]) + Sync>,
) -> Conv2dGradients {
    let input_gradient = note.map(|note| (InputGradient::new(level, geometry, weight), note));
    let gradient_frame = match &input_gradient {
        Some((input_gradient, _)) => input_gradient.frame(),
        None => without_border(geometry),
    };
    let pass = Pass {
        level,
        geometry,
        batch,
        input,
        lay_gradient,
        input_gradient,
        gradient_frame,
        weight_gradient: Way::new(level, geometry, &gradient_frame),
    };
    match &pass.weight_gradient {
        Way::Direct(direct) if geometry.weight_len() >= WIDE => pass.wide_direct(direct),
        Way::Winograd(winograd) if geometry.weight_len() >= WIDE => pass.wide_winograd(winograd),
        _ => pass.chunked(),
    }
}

/// Elements of a weight whose gradient is not kept once a chunk but once, since it would not stay in the
/// second-level cache.
pub(in crate::ops) const WIDE: usize = 1 << 17;

/// Floats of what is prepared for a wide product, at least; more where the sums are as many, as they are read and written
/// once for all of it.
const PREPARED: usize = 1 << 21;

/// The gradient of an output without a border, but of even size.
fn without_border(geometry: &Conv2dGeometry) -> Frame {
    let size = geometry.output_size();
    Frame {
        channels: geometry.out_channels,
        size,
        before: [0, 0],
        padded: size.map(|length| length.next_multiple_of(2)),
    }
}

/// How the gradient of the weight is computed.
enum Way {
    Direct(WeightGradient),
    Depthwise(depthwise::WeightGradient),
    Winograd(winograd::WeightGradient),
}

impl Way {
    fn new(level: Level, geometry: &Conv2dGeometry, gradient_frame: &Frame) -> Self {
        // With more padding the last tiles of a gradient may reach beyond its frame.
        let has_room = geometry.padding.iter().all(|padding| *padding <= 1);
        if has_room && winograd::WeightGradient::is_worthwhile(geometry) {
            let gradient = winograd::WeightGradient::new(level, geometry, gradient_frame);
            Way::Winograd(gradient)
        } else if is_depthwise(geometry) {
            let rows = pixels(gradient_frame);
            Way::Depthwise(depthwise::WeightGradient::new(level, geometry, &rows))
        } else {
            Way::Direct(WeightGradient::new(level, geometry))
        }
    }

    fn frame(&self, geometry: &Conv2dGeometry) -> Frame {
        match self {
            Way::Direct(_) | Way::Depthwise(_) => geometry.input_frame(),
            Way::Winograd(winograd) => winograd.frame(),
        }
    }

    fn sums_len(&self) -> usize {
        match self {
            Way::Direct(direct) => direct.sums_len(),
            Way::Depthwise(depthwise) => depthwise.sums_len(),
            Way::Winograd(winograd) => winograd.sums_len(),
        }
    }

    fn images_at_once(&self) -> usize {
        match self {
            Way::Direct(direct) => direct.images_at_once(),
            Way::Depthwise(_) => 1,
            Way::Winograd(winograd) => winograd.images_at_once(),
        }
    }

    fn weight(&self, sums: &[f32]) -> Vec<f32> {
        match self {
            Way::Direct(direct) => direct.weight(sums),
            Way::Depthwise(depthwise) => depthwise.weight(sums),
            Way::Winograd(winograd) => winograd.weight(sums),
        }
    }
}

/// Where the pixels of an image start in its frame.
fn pixels(frame: &Frame) -> Vec<usize> {
    let rows = (0..frame.size[0]).map(|y| frame.first() + y * frame.row());
    rows.flat_map(|row| (0..frame.size[1]).map(move |x| row + x * frame.channels))
        .collect()
}

/// What all images of a batch share.
struct Pass<'a, L, N> {
    level: Level,
    geometry: &'a Conv2dGeometry,
    batch: usize,
    input: Input<'a>,
    /// Lays the gradient of a sample's output into a frame.
    lay_gradient: L,
    /// What gives the gradient of the input, and what is told of it.
    input_gradient: Option<(InputGradient, N)>,
    gradient_frame: Frame,
    weight_gradient: Way,
}

impl<L, N> Pass<'_, L, N>
where
    L: Fn(usize, &Frame, &mut [f32]) + Sync,
    N: Fn(usize, &[f32]) + Sync,
{
    fn inputs(&self, first: usize, count: usize) -> Input<'_> {
        let length = self.geometry.input_frame().image_len();
        self.input.part(first, count, length)
    }

    /// The gradients of `count` outputs in frames one after the other.
    fn lay_gradients(&self, first: usize, count: usize, frame: &Frame, target: &mut [f32]) {
        let frames = target.chunks_exact_mut(frame.len());
        for (sample, target) in (first..first + count).zip(frames) {
            (self.lay_gradient)(sample, frame, target);
        }
    }

    /// Adds the gradients of `count` outputs in their frames to that of the bias.
    fn add_bias(&self, gradients: &[f32], frame: &Frame, bias: &mut [f32]) {
        let line = frame.size[1] * frame.channels;
        let first = frame.first();
        for image in gradients.chunks_exact(frame.len()) {
            for y in 0..frame.size[0] {
                let row = &image[first + y * frame.row()..][..line];
                for pixel in row.chunks_exact(frame.channels) {
                    add_to(self.level, pixel, bias);
                }
            }
        }
    }

    /// Each chunk of the batch sums up its own gradients.
    fn chunked(&self) -> Conv2dGradients {
        let (geometry, batch) = (self.geometry, self.batch);
        let weight_len = self.weight_gradient.sums_len();
        let sums_len = weight_len + geometry.out_channels;
        let chunk = chunk_size_with_sums(batch, sums_len);
        let image_len = geometry.input_frame().image_len();
        let mut target = self.take_target();
        let pieces = Pieces::new(target.as_deref_mut(), chunk * image_len);
        let sums = sum_over_chunks(
            self.level,
            batch.div_ceil(chunk),
            sums_len,
            |index, sums| {
                let (weight_sums, bias_sums) = sums.split_at_mut(weight_len);
                let samples = index * chunk..batch.min((index + 1) * chunk);
                self.add_chunk(samples, pieces.take(index), weight_sums, bias_sums);
            },
        );
        Conv2dGradients {
            input: target,
            weight: self.weight_gradient.weight(&sums[..weight_len]),
            bias: sums[weight_len..].to_vec(),
        }
    }

    fn add_chunk(
        &self,
        samples: std::ops::Range<usize>,
        mut target: Option<&mut [f32]>,
        weight_sums: &mut [f32],
        bias_sums: &mut [f32],
    ) {
        let (frame, gradient_frame) = (
            self.weight_gradient.frame(self.geometry),
            &self.gradient_frame,
        );
        let image_len = frame.image_len();
        let at_once = match &self.input_gradient {
            Some((input, _)) => input.images_at_once(),
            None => self.weight_gradient.images_at_once(),
        };
        let at_once = at_once.min(samples.len());
        let needs_room = matches!(self.weight_gradient, Way::Depthwise(_));
        // Vectors may read beyond the last channel.
        let mut padded = scratch(at_once * frame.len() + MAX_LANES);
        let mut gradients = scratch(at_once * gradient_frame.len() + MAX_LANES);
        for first in samples.clone().step_by(at_once) {
            let count = at_once.min(samples.end - first);
            let inputs = self.inputs(first, count);
            let inputs = inputs.laid(&frame, needs_room, &mut padded);
            let length = count * gradient_frame.len();
            self.lay_gradients(first, count, gradient_frame, &mut gradients[..length]);
            match &self.weight_gradient {
                Way::Direct(direct) => {
                    direct.add(count, inputs, &gradients, gradient_frame, weight_sums);
                }
                Way::Depthwise(depthwise) => depthwise.add(inputs, &gradients, weight_sums),
                Way::Winograd(winograd) => {
                    winograd.add_all(count, inputs, &gradients, weight_sums);
                }
            }
            self.add_bias(&gradients[..length], gradient_frame, bias_sums);
            if let (Some((input_gradient, note)), Some(target)) =
                (&self.input_gradient, &mut target)
            {
                let target = &mut target[(first - samples.start) * image_len..];
                let target = &mut target[..count * image_len];
                input_gradient.write(count, &gradients, target);
                note(first, target);
            }
        }
    }

    fn take_target(&self) -> Option<Buffer> {
        let image_len = self.geometry.input_frame().image_len();
        let length = self.batch * image_len;
        self.input_gradient.as_ref().map(|_| Buffer::take(length))
    }

    fn wide_input(&self) -> Option<Buffer> {
        let (input_gradient, note) = self.input_gradient.as_ref()?;
        let image_len = self.geometry.input_frame().image_len();
        let frame = &self.gradient_frame;
        let mut target = self.take_target()?;
        let at_once = images_of_a_task(self.batch, input_gradient.images_at_once());
        target
            .par_chunks_mut(at_once * image_len)
            .enumerate()
            .with_max_len(1)
            .for_each(|(task, target)| {
                let count = target.len() / image_len;
                let mut gradients = scratch(count * frame.len());
                self.lay_gradients(task * at_once, count, frame, &mut gradients);
                input_gradient.write(count, &gradients, target);
                note(task * at_once, target);
            });
        Some(target)
    }

    fn wide_winograd(&self, winograd: &winograd::WeightGradient) -> Conv2dGradients {
        let (frame, gradient_frame) = (winograd.frame(), &self.gradient_frame);
        let images = winograd.images_at_once();
        let prepare = |first: usize, count: usize, target: &mut [f32], bias: &mut [f32]| {
            let inputs = self.inputs(first, count);
            let mut padded = scratch(count * frame.len());
            let inputs = inputs.laid(&frame, false, &mut padded);
            let mut gradients = scratch(count * gradient_frame.len());
            self.lay_gradients(first, count, gradient_frame, &mut gradients);
            self.add_bias(&gradients, gradient_frame, bias);
            let targets = target.chunks_exact_mut(winograd.block_len());
            for (block, target) in winograd.blocks(count).zip(targets) {
                winograd.transform(block, inputs, &gradients, target);
            }
        };
        let block_len = winograd.blocks(images).count() * winograd.block_len();
        self.wide(
            winograd.panel_len(),
            images,
            block_len,
            prepare,
            |piece, prepared, counts, sums| {
                let tiles: Vec<usize> = counts
                    .iter()
                    .flat_map(|count| winograd.blocks(*count).map(|block| block.tiles))
                    .collect();
                winograd.add(piece, prepared, &tiles, sums);
            },
        )
    }

    fn wide_direct(&self, direct: &WeightGradient) -> Conv2dGradients {
        let images = direct.images_at_once();
        let block_len = direct.block_len(images);
        let frame = Frame {
            padded: self.gradient_frame.size,
            before: [0, 0],
            ..self.gradient_frame
        };
        let prepare = |first: usize, count: usize, target: &mut [f32], bias: &mut [f32]| {
            let mut gradients = scratch(count * frame.len());
            self.lay_gradients(first, count, &frame, &mut gradients);
            self.add_bias(&gradients, &frame, bias);
            direct.prepare(count, self.inputs(first, count), &gradients, target);
        };
        self.wide(
            direct.panel_len(),
            images,
            block_len,
            prepare,
            |piece, prepared, counts, sums| {
                direct.add_piece(piece, prepared, block_len, counts, sums);
            },
        )
    }

    /// One sum for the whole batch: blocks of `images` are prepared by all threads, as many as there is room for, and then
    /// each piece of the sums, of `piece_len` floats, takes all of them.
    fn wide(
        &self,
        piece_len: usize,
        images: usize,
        block_len: usize,
        prepare: impl Fn(usize, usize, &mut [f32], &mut [f32]) + Sync,
        add: impl Fn(usize, &[f32], &[usize], &mut [f32]) + Sync,
    ) -> Conv2dGradients {
        let (batch, channels) = (self.batch, self.geometry.out_channels);
        let sums_len = self.weight_gradient.sums_len();
        let blocks = (PREPARED.max(sums_len) / block_len).max(1);
        let blocks = blocks.min(batch.div_ceil(images));
        let mut prepared = Buffer::take(blocks * block_len);
        let mut sums = Buffer::take(sums_len);
        sums.fill(0.0);
        let mut bias = vec![0.0; channels];
        for first in (0..batch).step_by(blocks * images) {
            let here = (batch - first).min(blocks * images);
            let counts: Vec<usize> = (0..here)
                .step_by(images)
                .map(|at| images.min(here - at))
                .collect();
            let mut biases = vec![0.0; counts.len() * channels];
            prepared
                .par_chunks_exact_mut(block_len)
                .zip(&counts)
                .zip(biases.par_chunks_exact_mut(channels))
                .enumerate()
                .with_max_len(1)
                .for_each(|(block, ((target, count), bias))| {
                    prepare(first + block * images, *count, target, bias);
                });
            for part in biases.chunks_exact(channels) {
                add_to(self.level, part, &mut bias);
            }
            sums.par_chunks_exact_mut(piece_len)
                .enumerate()
                .for_each(|(piece, sums)| add(piece, &prepared, &counts, sums));
        }
        Conv2dGradients {
            input: self.wide_input(),
            weight: self.weight_gradient.weight(&sums),
            bias,
        }
    }
}
