//! The forward pass: a matrix product whose rows are gathered straight from the image, or Winograd's.

use rayon::prelude::*;

use super::winograd::Winograd;
use crate::core::geometry::{Conv2dGeometry, Frame};
use crate::core::image::{Images, laid};
use crate::core::parallel::{chunk_size, scratch};
use crate::core::product::{Packed, Row, Segment, Start, gathered};
use crate::core::simd::Level;

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
        rows: Vec<Row>,
        segments: Vec<Segment>,
        /// One matrix a group.
        weight: Vec<Packed>,
    },
    Winograd(Winograd),
}

impl Convolver {
    /// Packs or transforms the weight `[out, in / groups, kernel_height, kernel_width]`.
    pub fn new(level: Level, geometry: &Conv2dGeometry, weight: &[f32]) -> Self {
        let way = if Winograd::is_worthwhile(geometry) {
            Way::Winograd(Winograd::new(level, geometry, weight))
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
            Way::Direct { .. } => self.geometry.input_frame(),
            Way::Winograd(winograd) => winograd.frame(),
        }
    }

    /// `conv2d(input, weight) + bias` of one image in its frame, then ReLU where it is asked for,
    /// channels last.
    pub fn convolve(&self, padded: &[f32], bias: Option<&[f32]>, relu: bool, output: &mut [f32]) {
        let (rows, segments, weight) = match &self.way {
            Way::Winograd(winograd) => return winograd.convolve(padded, bias, relu, output),
            Way::Direct {
                rows,
                segments,
                weight,
            } => (rows, segments, weight),
        };
        let columns = self.geometry.group_out_channels();
        for (group, weight) in weight.iter().enumerate() {
            let channels = group * columns..(group + 1) * columns;
            let start = match bias {
                Some(bias) => Start::Bias(&bias[channels.clone()]),
                None => Start::Zero,
            };
            let a = &padded[group * self.geometry.group_in_channels()..];
            let output = &mut output[channels.start..];
            gathered(self.level, a, rows, segments, weight, output, start, relu);
        }
    }
}

impl Way {
    fn direct(level: Level, geometry: &Conv2dGeometry, weight: &[f32]) -> Self {
        let columns = geometry.group_out_channels();
        let weight = (0..geometry.groups).map(|group| {
            let mut packed = Packed::default();
            packed.pack(level, geometry.depth(), columns, |element, channel| {
                weight[geometry.weight_index(group * columns + channel, element)]
            });
            packed
        });
        let rows = geometry.patches().into_iter().enumerate();
        let rows = rows.map(|(pixel, a)| Row {
            a,
            c: pixel * geometry.out_channels,
        });
        Way::Direct {
            rows: rows.collect(),
            segments: geometry.segments(),
            weight: weight.collect(),
        }
    }
}

/// `conv2d(input, weight) + bias`, then ReLU where it is asked for; gives `output` channels last.
pub fn forward(
    level: Level,
    geometry: &Conv2dGeometry,
    input: Images<'_>,
    weight: &[f32],
    bias: Option<&[f32]>,
    relu: bool,
    output: &mut [f32],
) {
    let convolver = Convolver::new(level, geometry, weight);
    let frame = convolver.frame();
    let (image_len, output_len) = (frame.image_len(), geometry.output_len());
    let chunk = chunk_size(output.len() / output_len);
    output
        .par_chunks_mut(chunk * output_len)
        .zip(input.values.par_chunks(chunk * image_len))
        .with_max_len(1)
        .for_each(|(outputs, images)| {
            let mut padded = scratch(frame.len());
            for (output, image) in outputs
                .chunks_exact_mut(output_len)
                .zip(images.chunks_exact(image_len))
            {
                let padded = laid(image, input.format, &frame, &mut padded);
                convolver.convolve(padded, bias, relu, output);
            }
        });
}
