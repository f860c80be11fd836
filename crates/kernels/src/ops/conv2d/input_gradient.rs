//! The gradient of the input: a convolution of the gradient of the output with the kernels turned around.

use super::depthwise::{Taps, is_depthwise};
use super::forward::ROWS_AT_ONCE;
use super::winograd::Winograd;
use crate::core::geometry::{Conv2dGeometry, Frame};
use crate::core::product::{Packed, Row, Segment, Start, gathered};
use crate::core::simd::Level;

/// What takes gradients of outputs to those of the inputs, ready for any number of images.
#[derive(Debug)]
pub struct InputGradient {
    level: Level,
    geometry: Conv2dGeometry,
    way: Way,
}

#[derive(Debug)]
enum Way {
    /// Input pixels that see the same taps of the kernel go together.
    Direct(Vec<PhaseProduct>),
    Depthwise(Vec<(Vec<Row>, Taps)>),
    Winograd(Box<Winograd>),
}

/// What takes the gradient of the output to that of the input pixels of one phase.
#[derive(Debug)]
struct PhaseProduct {
    /// Of one image.
    pixels: usize,
    /// Of as many images as go together.
    rows: Vec<Row>,
    /// Segments and weights of each group.
    groups: Vec<(Vec<Segment>, Packed)>,
}

impl InputGradient {
    /// Packs or transforms the weight `[out, in / groups, kernel_height, kernel_width]`.
    pub fn new(level: Level, geometry: &Conv2dGeometry, weight: &[f32]) -> Self {
        let way = match transposed(geometry) {
            Some(transposed) => {
                let kernel = |channel: usize, out: usize| {
                    let at = (out * geometry.in_channels + channel) * 9;
                    std::array::from_fn(|tap| weight[at + 8 - tap])
                };
                Way::Winograd(Box::new(Winograd::new(level, &transposed, kernel)))
            }
            None if is_depthwise(geometry) => Way::depthwise(level, geometry, weight),
            None => Way::direct(level, geometry, weight),
        };
        Self {
            level,
            geometry: *geometry,
            way,
        }
    }

    /// How the gradient of an output must lie.
    pub fn frame(&self) -> Frame {
        match &self.way {
            Way::Direct(_) | Way::Depthwise(_) => self.geometry.gradient_frame(),
            Way::Winograd(winograd) => winograd.frame(),
        }
    }

    /// Images that are best taken together, so that the weight is read once for all of them.
    pub fn images_at_once(&self) -> usize {
        match &self.way {
            Way::Direct(phases) => phases
                .first()
                .map_or(1, |phase| phase.rows.len() / phase.pixels),
            Way::Depthwise(_) => 1,
            Way::Winograd(winograd) => winograd.images_at_once(),
        }
    }

    /// The gradients of `count` inputs, at most [`Self::images_at_once`], channels last, of those of the outputs in their frames,
    /// with a vector's length of room behind them.
    pub fn write(&self, count: usize, gradients: &[f32], target: &mut [f32]) {
        let phases = match &self.way {
            Way::Winograd(winograd) => {
                return winograd.convolve(count, gradients, None, None, target);
            }
            Way::Depthwise(phases) => {
                for (rows, taps) in phases {
                    taps.write(gradients, rows, None, None, target);
                }
                return;
            }
            Way::Direct(phases) => phases,
        };
        for phase in phases {
            let rows = &phase.rows[..count * phase.pixels];
            for (group, (segments, weight)) in phase.groups.iter().enumerate() {
                let target = &mut target[group * self.geometry.group_in_channels()..];
                let start = Start::Zero;
                gathered(
                    self.level, gradients, rows, segments, weight, target, start, None,
                );
            }
        }
    }
}

/// The convolution with stride 1 that Winograd's method computes, where there is one and it pays.
fn transposed(geometry: &Conv2dGeometry) -> Option<Conv2dGeometry> {
    let [vertical, horizontal] = geometry.padding;
    let transposed = Conv2dGeometry {
        in_channels: geometry.out_channels,
        out_channels: geometry.in_channels,
        size: geometry.output_size(),
        padding: [
            2_usize.checked_sub(vertical)?,
            2_usize.checked_sub(horizontal)?,
        ],
        ..*geometry
    };
    Winograd::is_worthwhile(&transposed).then_some(transposed)
}

impl Way {
    fn depthwise(level: Level, geometry: &Conv2dGeometry, weight: &[f32]) -> Self {
        let phases = geometry.phases().into_iter().map(|phase| {
            let offsets = phase.segments.iter().map(|segment| segment.offset);
            let taps: Vec<_> = phase.taps.iter().copied().zip(offsets).collect();
            (phase.rows, Taps::new(level, geometry, weight, &taps))
        });
        Way::Depthwise(phases.collect())
    }

    fn direct(level: Level, geometry: &Conv2dGeometry, weight: &[f32]) -> Self {
        let frame = geometry.gradient_frame().len();
        let image_len = geometry.input_frame().image_len();
        let images = (ROWS_AT_ONCE / (geometry.size[0] * geometry.size[1])).max(1);
        let out_channels = geometry.group_out_channels();
        let in_channels = geometry.group_in_channels();
        let phases = geometry.phases().into_iter().map(|phase| {
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
            let rows = (0..images).flat_map(|image| {
                phase.rows.iter().map(move |row| Row {
                    a: image * frame + row.a,
                    c: image * image_len + row.c,
                })
            });
            PhaseProduct {
                pixels: phase.rows.len(),
                rows: rows.collect(),
                groups: groups.collect(),
            }
        });
        Way::Direct(phases.collect())
    }
}
