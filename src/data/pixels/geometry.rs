//! How an image of any size comes to the size that is stored: bars that make it square, a resize, the middle of that.
//! Sizes and places are those of torchvision's `Pad`, `Resize` and `CenterCrop`.

use fast_image_resize::images::{Image, ImageRef};
use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer};

use super::memory;
use super::rows::Reduction;
use crate::config::{self, PadToSquare, Resize};

/// What is done to the height and width of each image, in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Geometry {
    /// Makes images square.
    pub pad_to_square: Option<PadToSquare>,
    /// Brings them to another size.
    pub resize: Option<Resize>,
    /// Height and width of the middle that is kept.
    pub center_crop: Option<[usize; 2]>,
}

/// A JPEG is reduced while it is decoded as far as it stays so many times as high and wide, in halves, as it is
/// wanted. With less the edges would be coarser than those of the whole image resized.
const MARGIN_IN_HALVES: usize = 3;

impl Geometry {
    /// What a config asks for.
    pub fn of(data: &config::Data) -> Self {
        Self {
            pad_to_square: data.pad_to_square,
            resize: data.resize,
            center_crop: data.center_crop,
        }
    }

    /// The height and width that all images have in the end, if it does not depend on theirs.
    pub fn size(self) -> Option<[usize; 2]> {
        let resized = match (self.resize, self.pad_to_square) {
            (Some(Resize::To(size)), _) => Some(size),
            (Some(Resize::Shorter(side)), Some(_)) => Some([side; 2]),
            (Some(Resize::Shorter(_)) | None, _) => None,
        };
        self.center_crop.or(resized)
    }

    /// The height and width of an image in the end.
    pub fn result(self, size: [usize; 2]) -> [usize; 2] {
        self.center_crop
            .unwrap_or_else(|| self.resized(self.padded(size)))
    }

    /// Whether images of this height and width stay as they are.
    pub fn keeps(self, size: [usize; 2]) -> bool {
        let padded = self.padded(size);
        [padded, self.resized(padded), self.result(size)] == [size; 3]
    }

    /// The most pixels that an image has on the way.
    pub fn most_pixels(self, size: [usize; 2]) -> u64 {
        let padded = self.padded(size);
        let sizes = [padded, self.resized(padded)];
        let pixels = sizes.map(|[height, width]| height as u64 * width as u64);
        pixels[0].max(pixels[1])
    }

    /// The height and width below which a decoder must not reduce an image.
    pub fn at_least(self) -> Option<[usize; 2]> {
        let size = match self.resize? {
            Resize::To(size) => size,
            Resize::Shorter(side) => [side; 2],
        };
        Some(size.map(|side| (MARGIN_IN_HALVES * side).div_ceil(2)))
    }

    /// How the rows of a large image may be made fewer while it is decoded. Bars come before that, so that of an image that
    /// gets some nothing may.
    pub fn reduction(self, channels: usize) -> Option<Reduction> {
        let resize = self.resize.filter(|_| self.pad_to_square.is_none())?;
        Some(Reduction {
            channels,
            resize,
            whole: memory::OF_A_DECODER / 4,
        })
    }

    /// Bytes of all copies that are made of an image of so many channels, planes in the end among them. Its height and
    /// width were `full` before its decoder reduced it.
    pub fn cost(self, channels: usize, from: [usize; 2], full: [usize; 2]) -> u64 {
        let padded = self.padded(from);
        let resized = match self.resize {
            Some(_) => self.resized(self.padded(full)),
            None => padded,
        };
        let result = self.center_crop.unwrap_or(resized);
        let copies = [
            (padded != from, padded),
            // The columns come first, then the rows.
            (resized != padded, [resized[0], padded[1]]),
            (resized != padded, resized),
            (result != resized, result),
            (true, result),
        ];
        let bytes = |size: [usize; 2]| {
            let [height, width] = size.map(|side| side as u64);
            (channels as u64)
                .saturating_mul(height)
                .saturating_mul(width)
        };
        let made = copies.into_iter().filter(|(is_made, _)| *is_made);
        made.map(|(_, size)| bytes(size))
            .fold(0, u64::saturating_add)
    }

    /// Row-major `[channels, height, width]` from the same of another height and width.
    pub fn of_planes(self, planes: &[u8], from: [usize; 2]) -> Result<Vec<u8>, String> {
        let [height, width] = self.result(from);
        let area = from[0] * from[1];
        let mut rearranged = Vec::with_capacity(planes.len() / area * height * width);
        for plane in planes.chunks_exact(area) {
            rearranged.extend(self.apply(plane.to_vec(), 1, from, from)?);
        }
        Ok(rearranged)
    }

    /// Row-major `[height, width, channels]` of an image whose height and width were `full` before its decoder
    /// reduced it.
    pub fn apply(
        self,
        mut pixels: Vec<u8>,
        channels: usize,
        from: [usize; 2],
        full: [usize; 2],
    ) -> Result<Vec<u8>, String> {
        let mut size = from;
        if let Some(PadToSquare { fill }) = self.pad_to_square {
            let square = self.padded(size);
            pixels = centered(pixels, channels, size, square, fill);
            size = square;
        }
        if self.resize.is_some() {
            let resized = self.resized(self.padded(full));
            if resized != size {
                pixels = resize_pixels(&pixels, channels, size, resized)?;
                size = resized;
            }
        }
        Ok(match self.center_crop {
            Some(crop) => centered(pixels, channels, size, crop, 0),
            None => pixels,
        })
    }

    fn padded(self, size: [usize; 2]) -> [usize; 2] {
        match self.pad_to_square {
            Some(_) => [size[0].max(size[1]); 2],
            None => size,
        }
    }

    fn resized(self, size: [usize; 2]) -> [usize; 2] {
        self.resize.map_or(size, |resize| resize.of(size))
    }
}

/// Brings row-major `[height, width, channels]` of 1 or 3 channels to another height and width: bilinear, with
/// antialiasing where it gets smaller, as torchvision's `resize`.
fn resize_pixels(
    pixels: &[u8],
    channels: usize,
    [height, width]: [usize; 2],
    to: [usize; 2],
) -> Result<Vec<u8>, String> {
    let failed = |error: &dyn std::fmt::Display| format!("it cannot be resized: {error}");
    let options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(FilterType::Bilinear));
    let kind = if channels == 1 {
        PixelType::U8
    } else {
        PixelType::U8x3
    };
    let source =
        ImageRef::new(width as u32, height as u32, pixels, kind).map_err(|error| failed(&error))?;
    let mut target = vec![0; channels * to[0] * to[1]];
    let mut image = Image::from_slice_u8(to[1] as u32, to[0] as u32, &mut target, kind)
        .map_err(|error| failed(&error))?;
    Resizer::new()
        .resize(&source, &mut image, &options)
        .map_err(|error| failed(&error))?;
    Ok(target)
}

/// An image of another height and width with the same middle: cropped where it was larger, with bars where it was
/// smaller. Of two middles it takes the one that torchvision does.
fn centered(
    pixels: Vec<u8>,
    channels: usize,
    from: [usize; 2],
    to: [usize; 2],
    fill: u8,
) -> Vec<u8> {
    if from == to {
        return pixels;
    }
    // What is left out before the part that stays, and what is before it in the result.
    let cut = |axis: usize| middle(from[axis], to[axis]);
    let bar = |axis: usize| to[axis].saturating_sub(from[axis]) / 2;
    let rows = from[0].min(to[0]);
    let columns = from[1].min(to[1]) * channels;
    let mut moved = vec![fill; channels * to[0] * to[1]];
    for row in 0..rows {
        let source = ((row + cut(0)) * from[1] + cut(1)) * channels;
        let target = ((row + bar(0)) * to[1] + bar(1)) * channels;
        moved[target..target + columns].copy_from_slice(&pixels[source..source + columns]);
    }
    moved
}

/// How much of a length comes before a part in its middle; none where the part is longer.
pub fn middle(length: usize, part: usize) -> usize {
    (length.saturating_sub(part) as f64 / 2.0).round_ties_even() as usize
}
