//! How the files of a set are read that no experiment names.

use rayon::prelude::*;

use crate::config::{BitDepth, Exif, Reading};
use crate::data::pixels::depth::bits_of;
use crate::data::pixels::picture::{Picture, Request};
use crate::data::sources::labelled::{ImageData, ImagePlace, LabelledImages};

/// What is asked of the decoders. As many bits are used as the largest sample of `train` needs, if that is left to the
/// images: then all of these are decoded.
pub fn request(reading: &Reading, train: &LabelledImages) -> Request {
    let request = Request {
        max_pixels: reading.max_pixels,
        is_turned: reading.exif == Exif::Apply,
        ..Request::default()
    };
    let bits = match (reading.bit_depth, &train.images) {
        (BitDepth::Bits(bits), _) => bits,
        (BitDepth::Auto, ImageData::Pixels { .. }) => request.bits,
        (BitDepth::Auto, ImageData::Files(files)) => {
            let peak = |place: &ImagePlace| {
                let bytes = place.read().ok()?;
                Picture::decode_then(&bytes, request, |picture| picture.peak).ok()?
            };
            let peak = files.places.par_iter().filter_map(peak).max();
            peak.map_or(request.bits, bits_of)
        }
    };
    Request { bits, ..request }
}
