//! The backward pass as that of a convolution, whose output has gradients where a window's winner was: for channels so many
//! that dense products are quicker than single gradients.

use super::geometry::ConvReluPoolGeometry;
use crate::core::geometry::{Frame, MemoryFormat};
use crate::core::image::{Images, lay, transpose};
use crate::core::parallel::scratch;
use crate::core::simd::{Level, NONE};
use crate::ops::conv2d::{Conv2dGradients, WIDE, Winograd, backward_of};

/// Input times output channels from which on Winograd's dense products are quicker.
const MANY_CHANNELS: usize = 64 * 64;

/// Whether dense products are quicker.
pub fn is_worthwhile(geometry: &ConvReluPoolGeometry) -> bool {
    let conv2d = &geometry.conv2d;
    let has_many_channels = conv2d.in_channels * conv2d.out_channels >= MANY_CHANNELS;
    conv2d.weight_len() >= WIDE || has_many_channels && Winograd::is_worthwhile(conv2d)
}

/// As [`super::backward()`].
pub fn backward(
    level: Level,
    geometry: &ConvReluPoolGeometry,
    input: Images<'_>,
    weight: &[f32],
    winners: &[u8],
    scale: f32,
    gradient: Images<'_>,
    wants_input: bool,
) -> Conv2dGradients {
    let length = geometry.output_len();
    let batch = gradient.values.len() / length;
    let lay_gradient = |sample: usize, frame: &Frame, target: &mut [f32]| {
        let values = &gradient.values[sample * length..][..length];
        let winners = &winners[sample * length..][..length];
        let mut unpooled = scratch(geometry.conv2d.output_len());
        match gradient.format {
            MemoryFormat::ChannelsLast => unpool(geometry, values, winners, scale, &mut unpooled),
            MemoryFormat::Contiguous => {
                let mut laid = scratch(length);
                transpose(values, geometry.windows(), &mut laid);
                unpool(geometry, &laid, winners, scale, &mut unpooled);
            }
        }
        lay(&unpooled, MemoryFormat::ChannelsLast, frame, target);
    };
    let conv2d = &geometry.conv2d;
    backward_of(
        level,
        conv2d,
        batch,
        input.into(),
        weight,
        lay_gradient,
        wants_input.then_some(|_: usize, _: &[f32]| ()),
    )
}

/// The gradient of one convolution's output, all of it channels last.
fn unpool(
    geometry: &ConvReluPoolGeometry,
    gradient: &[f32],
    winners: &[u8],
    scale: f32,
    unpooled: &mut [f32],
) {
    unpooled.fill(0.0);
    let channels = geometry.conv2d.out_channels;
    let [_, width] = geometry.conv2d.output_size();
    let [_, pooled_width] = geometry.output_size();
    let pool = &geometry.pool;
    let windows = gradient
        .chunks_exact(channels)
        .zip(winners.chunks_exact(channels));
    for (window, (gradient, winners)) in windows.enumerate() {
        let (y, x) = (window / pooled_width, window % pooled_width);
        for (channel, (value, winner)) in gradient.iter().zip(winners).enumerate() {
            if *winner == NONE {
                continue;
            }
            let place = usize::from(*winner);
            let y = y * pool.stride[0] + place / pool.kernel_size[1] - pool.padding[0];
            let x = x * pool.stride[1] + place % pool.kernel_size[1] - pool.padding[1];
            unpooled[(y * width + x) * channels + channel] += scale * value;
        }
    }
}
