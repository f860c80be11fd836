//! What a convolution reads: images as they are, or through a batch norm that is computed while they are laid into frames,
//! so that what it gives need not be kept.

use crate::core::affine::Affine;
use crate::core::geometry::{Frame, MemoryFormat};
use crate::core::image::{Images, laid, lay, lay_lines};

/// Images, and what is done to each pixel before it is read.
#[derive(Debug, Clone, Copy)]
pub struct Input<'a> {
    images: Images<'a>,
    affine: Option<&'a Affine>,
}

impl<'a> Input<'a> {
    /// Images as they are.
    pub fn plain(images: Images<'a>) -> Self {
        Self {
            images,
            affine: None,
        }
    }

    /// Images that lie channels last, through an affine map of each channel.
    pub fn through(affine: &'a Affine, values: &'a [f32]) -> Self {
        Self {
            images: Images {
                values,
                format: MemoryFormat::ChannelsLast,
            },
            affine: Some(affine),
        }
    }

    /// `count` images of `length` floats each, from the given one on.
    pub fn part(&self, first: usize, count: usize, length: usize) -> Self {
        let images = Images {
            values: &self.images.values[first * length..][..count * length],
            ..self.images
        };
        Self { images, ..*self }
    }

    /// As the function `laid`.
    pub fn laid(&self, frame: &Frame, needs_room: bool, padded: &'a mut [f32]) -> &'a [f32] {
        let Images { values, format } = self.images;
        if self.affine.is_none() {
            return laid(values, format, frame, needs_room, padded);
        }
        self.lay(frame, padded);
        padded
    }

    /// Lays all images into their frames, one after the other.
    pub fn lay(&self, frame: &Frame, padded: &mut [f32]) {
        let images = self.images.values.chunks_exact(frame.image_len());
        for (image, padded) in images.zip(padded.chunks_exact_mut(frame.len())) {
            match self.affine {
                None => lay(image, self.images.format, frame, padded),
                Some(affine) => lay_lines(frame, padded, |lines, target| {
                    affine.write(&image[lines], target);
                }),
            }
        }
    }
}

impl<'a> From<Images<'a>> for Input<'a> {
    fn from(images: Images<'a>) -> Self {
        Self::plain(images)
    }
}
