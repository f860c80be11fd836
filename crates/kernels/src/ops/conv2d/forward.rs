//! The forward pass: a matrix product whose rows are gathered straight from the images, or Winograd's.

use rayon::prelude::*;

use super::depthwise::{Taps, is_depthwise};
use super::input::Input;
use super::winograd::Winograd;
use crate::core::geometry::{Conv2dGeometry, Frame};
use crate::core::parallel::{images_of_a_task, scratch};
use crate::core::product::{Packed, Row, Segment, Start, gathered};
use crate::core::rectifier::Rectifier;
use crate::core::simd::{Level, MAX_LANES};

/// The forward pass of a convolution, ready for any number of images.
#[derive(Debug)]
pub struct Convolver {
    level: Level,
    geometry: Conv2dGeometry,
    way: Way,
}

#[derive(Debug)]
enum Way {
    Direct {
        /// Rows of the products of as many images as are convolved together.
        rows: Vec<Row>,
        segments: Vec<Segment>,
        /// One matrix a group.
        weight: Vec<Packed>,
    },
    Depthwise {
        rows: Vec<Row>,
        taps: Taps,
    },
    Winograd(Winograd),
}

impl Convolver {
    /// Packs or transforms the weight `[out, in / groups, kernel_height, kernel_width]`.
    pub fn new(level: Level, geometry: &Conv2dGeometry, weight: &[f32]) -> Self {
        let way = if Winograd::is_worthwhile(geometry) {
            let kernel = |out: usize, channel: usize| {
                let at = (out * geometry.in_channels + channel) * 9;
                std::array::from_fn(|tap| weight[at + tap])
            };
            Way::Winograd(Winograd::new(level, geometry, kernel))
        } else if is_depthwise(geometry) {
            let offsets = geometry
                .segments()
                .into_iter()
                .map(|segment| segment.offset);
            let taps: Vec<_> = offsets.enumerate().collect();
            Way::Depthwise {
                rows: rows(geometry, 1),
                taps: Taps::new(level, geometry, weight, &taps),
            }
        } else {
            Way::direct(level, geometry, weight)
        };
        Self {
            level,
            geometry: *geometry,
            way,
        }
    }

    /// How an image must lie.
    pub fn frame(&self) -> Frame {
        match &self.way {
            Way::Direct { .. } | Way::Depthwise { .. } => self.geometry.input_frame(),
            Way::Winograd(winograd) => winograd.frame(),
        }
    }

    /// Images that are best convolved together, so that the weight is read once for all of them.
    pub fn images_at_once(&self) -> usize {
        match &self.way {
            Way::Direct { rows, .. } => rows.len() / self.geometry.output_pixels(),
            Way::Depthwise { .. } => 1,
            Way::Winograd(winograd) => winograd.images_at_once(),
        }
    }

    /// Floats of the frames of `count` images, with room for vectors that read beyond the last channel.
    pub fn frames_len(&self, count: usize) -> usize {
        count * self.frame().len() + MAX_LANES
    }

    /// Images in their frames, see [`Input::laid`]; `padded` has [`Self::frames_len`] floats.
    pub fn laid<'a>(&self, images: Input<'a>, padded: &'a mut [f32]) -> &'a [f32] {
        let needs_room = matches!(self.way, Way::Depthwise { .. });
        images.laid(&self.frame(), needs_room, padded)
    }

    /// `conv2d(input, weight) + bias` of `count` images in their frames, at most [`Self::images_at_once`], then ReLU
    /// where it is asked for, channels last.
    pub fn convolve(
        &self,
        count: usize,
        padded: &[f32],
        bias: Option<&[f32]>,
        rectifier: Option<Rectifier>,
        output: &mut [f32],
    ) {
        let (rows, segments, weight) = match &self.way {
            Way::Winograd(winograd) => {
                return winograd.convolve(count, padded, bias, rectifier, output);
            }
            Way::Depthwise { rows, taps } => {
                return taps.write(padded, rows, bias, rectifier, output);
            }
            Way::Direct {
                rows,
                segments,
                weight,
            } => (rows, segments, weight),
        };
        let rows = &rows[..count * self.geometry.output_pixels()];
        let columns = self.geometry.group_out_channels();
        for (group, weight) in weight.iter().enumerate() {
            let channels = group * columns..(group + 1) * columns;
            let start = match bias {
                Some(bias) => Start::Bias(&bias[channels.clone()]),
                None => Start::Zero,
            };
            let a = &padded[group * self.geometry.group_in_channels()..];
            let output = &mut output[channels.start..];
            gathered(
                self.level, a, rows, segments, weight, output, start, rectifier,
            );
        }
    }
}

/// Rows of a direct product, so that a panel of the weight is read once for many pixels.
pub(super) const ROWS_AT_ONCE: usize = 96;

impl Way {
    fn direct(level: Level, geometry: &Conv2dGeometry, weight: &[f32]) -> Self {
        let columns = geometry.group_out_channels();
        let weight = (0..geometry.groups).into_par_iter().map(|group| {
            let mut packed = Packed::default();
            packed.pack(level, geometry.depth(), columns, |element, channel| {
                weight[geometry.weight_index(group * columns + channel, element)]
            });
            packed
        });
        let images = (ROWS_AT_ONCE / geometry.output_pixels()).max(1);
        Way::Direct {
            rows: rows(geometry, images),
            segments: geometry.segments(),
            weight: weight.collect(),
        }
    }
}

/// The patches of as many images in their frames, and where the pixels of their outputs lie.
fn rows(geometry: &Conv2dGeometry, images: usize) -> Vec<Row> {
    let patches = geometry.patches();
    let frame = geometry.input_frame().len();
    let rows = (0..images).flat_map(|image| {
        let patches = patches.iter().enumerate();
        patches.map(move |(pixel, a)| Row {
            a: image * frame + a,
            c: (image * geometry.output_pixels() + pixel) * geometry.out_channels,
        })
    });
    rows.collect()
}

/// `conv2d(input, weight) + bias`, then ReLU or ReLU6 where one is asked for; gives `output` channels last.
pub fn forward<'a>(
    level: Level,
    geometry: &Conv2dGeometry,
    input: impl Into<Input<'a>>,
    weight: &[f32],
    bias: Option<&[f32]>,
    rectifier: Option<Rectifier>,
    output: &mut [f32],
) {
    let input = input.into();
    let convolver = Convolver::new(level, geometry, weight);
    let (image_len, output_len) = (convolver.frame().image_len(), geometry.output_len());
    let at_once = images_of_a_task(output.len() / output_len, convolver.images_at_once());
    output
        .par_chunks_mut(at_once * output_len)
        .enumerate()
        .with_max_len(1)
        .for_each(|(task, outputs)| {
            let count = outputs.len() / output_len;
            let mut padded = scratch(convolver.frames_len(count));
            let images = input.part(task * at_once, count, image_len);
            let padded = convolver.laid(images, &mut padded);
            convolver.convolve(count, padded, bias, rectifier, outputs);
        });
}
