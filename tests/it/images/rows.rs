//! Images whose rows are made fewer while they are decoded.

use png::{BitDepth, ColorType, Encoder};
use proptest::prelude::*;
use runner::config::Resize;
use runner::data::geometry::Geometry;
use runner::data::picture::{Picture, Request};
use runner::data::rows::Reduction;

const KINDS: [(ColorType, BitDepth); 9] = [
    (ColorType::Grayscale, BitDepth::One),
    (ColorType::Grayscale, BitDepth::Eight),
    (ColorType::Grayscale, BitDepth::Sixteen),
    (ColorType::GrayscaleAlpha, BitDepth::Eight),
    (ColorType::Indexed, BitDepth::Four),
    (ColorType::Rgb, BitDepth::Eight),
    (ColorType::Rgb, BitDepth::Sixteen),
    (ColorType::Rgba, BitDepth::Eight),
    (ColorType::Rgba, BitDepth::Sixteen),
];

/// A file with these bytes over and over.
fn png(
    (color, depth): (ColorType, BitDepth),
    [height, width]: [usize; 2],
    noise: &[u8],
) -> Vec<u8> {
    let mut file = Vec::new();
    let mut encoder = Encoder::new(&mut file, width as u32, height as u32);
    encoder.set_color(color);
    encoder.set_depth(depth);
    if color == ColorType::Indexed {
        encoder.set_palette((0..48).map(|it| it * 5).collect::<Vec<u8>>());
    }
    let row = (width * color.samples() * depth as usize).div_ceil(8);
    let bytes: Vec<u8> = noise.iter().copied().cycle().take(row * height).collect();
    let mut writer = encoder.write_header().unwrap();
    writer.write_image_data(&bytes).unwrap();
    writer.finish().unwrap();
    file
}

/// Decodes a file to a size, with its rows reduced on the way or not.
fn decode(
    file: &[u8],
    channels: usize,
    size: [usize; 2],
    is_reduced: bool,
) -> (Vec<u8>, Option<u16>) {
    let reduction = Reduction {
        channels,
        resize: Resize::To(size),
        whole: 0,
    };
    let request = Request {
        bits: 14,
        reduction: is_reduced.then_some(reduction),
        ..Request::default()
    };
    let geometry = Geometry {
        resize: Some(Resize::To(size)),
        ..Geometry::default()
    };
    let planes = |picture: Picture| (picture.peak, picture.arranged(geometry, channels).unwrap());
    let (peak, planes) = Picture::decode_then(file, request, planes).unwrap();
    (planes, peak)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    /// Red with weights that are not rounded as those of a whole image, and with grey after the reduction.
    #[test]
    fn rows_that_are_reduced_give_the_pixels_of_the_whole_image(
        kind in prop::sample::select(&KINDS[..]),
        size in [1_usize..600, 1_usize..40],
        to in [1_usize..70, 1_usize..50],
        channels in prop::sample::select(&[1_usize, 3][..]),
        noise in prop::collection::vec(any::<u8>(), 1..997),
    ) {
        let file = png(kind, size, &noise);
        prop_assert!(decode(&file, channels, to, true) == decode(&file, channels, to, false));
    }
}
