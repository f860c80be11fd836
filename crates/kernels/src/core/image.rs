//! Images between the memory formats of tensors and the padded channels-last form of the kernels.

use std::ops::Range;

use super::geometry::{Frame, MemoryFormat};
use super::rectifier::Rectifier;

/// A tensor `[batch, channels, height, width]` as it lies in memory.
#[derive(Debug, Clone, Copy)]
pub struct Images<'a> {
    /// The elements of all images.
    pub values: &'a [f32],
    /// Their order.
    pub format: MemoryFormat,
}

impl Frame {
    /// Whether an image in this format already lies as in its frame.
    pub fn is_laid(&self, format: MemoryFormat) -> bool {
        self.padded == self.size && (format == MemoryFormat::ChannelsLast || self.channels == 1)
    }
}

/// Images in their frames, one after the other: themselves, where they lie so already, else laid into `padded`; always
/// there where vectors read beyond the last channel, `needs_room`.
pub fn laid<'a>(
    images: &'a [f32],
    format: MemoryFormat,
    frame: &Frame,
    needs_room: bool,
    padded: &'a mut [f32],
) -> &'a [f32] {
    if frame.is_laid(format) && !needs_room {
        return images;
    }
    let frames = padded.chunks_exact_mut(frame.len());
    for (image, padded) in images.chunks_exact(frame.image_len()).zip(frames) {
        lay(image, format, frame, padded);
    }
    padded
}

/// Lays an image into its frame; `padded` may be longer than the frame.
pub fn lay(image: &[f32], format: MemoryFormat, frame: &Frame, padded: &mut [f32]) {
    let [height, width] = frame.size;
    let channels = frame.channels;
    // Of one channel both formats are the same.
    if format == MemoryFormat::ChannelsLast || channels == 1 {
        return lay_lines(frame, padded, |lines, target| {
            target.copy_from_slice(&image[lines]);
        });
    }
    lay_lines(frame, padded, |lines, target| {
        let pixels = lines.start / channels..lines.end / channels;
        for (channel, plane) in image.chunks_exact(height * width).enumerate() {
            let places = target[channel..].iter_mut().step_by(channels);
            for (place, value) in places.zip(&plane[pixels.clone()]) {
                *place = *value;
            }
        }
    });
}

/// Lays an image into its frame that `write` gives by lines: it is told which elements of the image, channels last, to
/// write, and where to.
pub fn lay_lines(frame: &Frame, padded: &mut [f32], write: impl Fn(Range<usize>, &mut [f32])) {
    if frame.padded == frame.size {
        return write(0..frame.len(), &mut padded[..frame.len()]);
    }
    let row = frame.row();
    let line = frame.size[1] * frame.channels;
    let (top, left) = (frame.before[0] * row, frame.before[1] * frame.channels);
    let bottom = top + frame.size[0] * row;
    padded[..top].fill(0.0);
    padded[bottom..frame.len()].fill(0.0);
    for (y, target) in padded[top..bottom].chunks_exact_mut(row).enumerate() {
        target[..left].fill(0.0);
        target[left + line..].fill(0.0);
        write(y * line..(y + 1) * line, &mut target[left..left + line]);
    }
}

/// Rows of `columns` elements become columns.
pub fn transpose(rows: &[f32], columns: usize, target: &mut [f32]) {
    let count = rows.len() / columns;
    for (index, row) in rows.chunks_exact(columns).enumerate() {
        let places = target[index..].iter_mut().step_by(count);
        for (place, value) in places.zip(row) {
            *place = *value;
        }
    }
}

/// The gradient before a rectifier, channels last: what came through where `output` is not cut.
pub fn write_masked(
    gradient: &[f32],
    format: MemoryFormat,
    rectifier: Rectifier,
    output: &[f32],
    channels: usize,
    target: &mut [f32],
) {
    match format {
        MemoryFormat::ChannelsLast => target.copy_from_slice(gradient),
        MemoryFormat::Contiguous => {
            transpose(gradient, output.len() / channels, target);
        }
    }
    for (value, output) in target.iter_mut().zip(output) {
        // NaN goes on, as everywhere.
        if rectifier.cuts(*output) {
            *value = 0.0;
        }
    }
}

/// The image inside a frame, without its border, channels last.
pub fn take(padded: &[f32], frame: &Frame, image: &mut [f32]) {
    let line = frame.size[1] * frame.channels;
    let first = frame.first();
    for (y, target) in image.chunks_exact_mut(line).enumerate() {
        target.copy_from_slice(&padded[first + y * frame.row()..][..line]);
    }
}
