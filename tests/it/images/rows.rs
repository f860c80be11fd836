//! Images whose rows are made fewer while they are decoded.

use png::{BitDepth, ColorType, Encoder};
use proptest::prelude::*;
use runner::config::Resize;
use runner::data::geometry::Geometry;
use runner::data::picture::{Picture, Request};
use runner::data::rows::Reduction;

use super::fixtures;

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

/// A BMP with these bytes over and over: of 1, 4 or 8 bits with a palette, of 16, 24 or 32.
fn bmp(bits: usize, [height, width]: [usize; 2], is_top_down: bool, noise: &[u8]) -> Vec<u8> {
    let palette: Vec<u8> = match bits {
        1 | 4 | 8 => (0..4 << bits).map(|it| (it * 7 % 251) as u8).collect(),
        _ => Vec::new(),
    };
    let row = (width * bits).div_ceil(32) * 4;
    let start = 54 + palette.len();
    let signed = if is_top_down {
        -(height as i32)
    } else {
        height as i32
    };
    let mut file = b"BM".to_vec();
    let head = [
        (start + row * height) as u32,
        0,
        start as u32,
        40,
        width as u32,
    ];
    file.extend(head.iter().flat_map(|word| word.to_le_bytes()));
    file.extend(signed.to_le_bytes());
    file.extend([1, 0, bits as u8, 0]);
    file.extend([0; 24]);
    file.extend(palette);
    file.extend(noise.iter().cycle().take(row * height));
    file
}

/// A TIFF of 8 bits a sample without compression, in one strip or one for each plane, with these bytes over and over.
fn tiff(channels: usize, [height, width]: [usize; 2], is_planar: bool, noise: &[u8]) -> Vec<u8> {
    let planes = if is_planar { channels } else { 1 };
    let strip = height * width * channels / planes;
    let tags = 10;
    let (lists, pixels) = (
        8 + 2 + 12 * tags + 4,
        8 + 2 + 12 * tags + 4 + 8 * planes + 6,
    );
    let mut file = b"II*\0\x08\0\0\0".to_vec();
    file.extend([tags as u8, 0]);
    let list = |place: usize, value: usize| if planes == 1 { value } else { lists + place };
    for (tag, kind, count, value) in [
        (256, 4, 1, width),
        (257, 4, 1, height),
        (
            258,
            3,
            channels,
            if channels == 1 { 8 } else { lists + 8 * planes },
        ),
        (259, 3, 1, 1),
        (262, 3, 1, if channels == 1 { 1 } else { 2 }),
        (273, 4, planes, list(0, pixels)),
        (277, 3, 1, channels),
        (278, 4, 1, height),
        (279, 4, planes, list(4 * planes, strip)),
        (284, 3, 1, if is_planar { 2 } else { 1 }),
    ] {
        file.extend([tag as u16, kind].iter().flat_map(|it| it.to_le_bytes()));
        file.extend(
            [count, value]
                .iter()
                .flat_map(|it| (*it as u32).to_le_bytes()),
        );
    }
    file.extend([0; 4]);
    file.extend((0..planes).flat_map(|plane| ((pixels + plane * strip) as u32).to_le_bytes()));
    file.extend((0..planes).flat_map(|_| (strip as u32).to_le_bytes()));
    file.extend([8, 0, 8, 0, 8, 0]);
    file.extend(noise.iter().cycle().take(strip * planes));
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
    let planes = |picture: Picture| {
        let [rows, fewer] = [picture.full[0], size[0]];
        let expected = if is_reduced && fewer < rows {
            fewer
        } else {
            rows
        };
        assert_eq!(picture.height, expected);
        (picture.peak, picture.arranged(geometry, channels).unwrap())
    };
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

    /// Red with bands from the bottom up, and with rows of 1 or 4 bits that do not end with a word.
    #[test]
    fn bands_of_a_bmp_give_the_pixels_of_the_whole_image(
        bits in prop::sample::select(&[1_usize, 4, 8, 16, 24, 32][..]),
        size in [1_usize..600, 1_usize..40],
        // Of long rows a band has few.
        is_wide in any::<bool>(),
        is_top_down in any::<bool>(),
        to in [1_usize..70, 1_usize..50],
        channels in prop::sample::select(&[1_usize, 3][..]),
        noise in prop::collection::vec(any::<u8>(), 1..997),
    ) {
        let size = if is_wide { [size[1], 60 * size[0]] } else { size };
        let file = bmp(bits, size, is_top_down, &noise);
        prop_assert!(decode(&file, channels, to, true) == decode(&file, channels, to, false));
    }

    /// Red with strips that all begin where the first does, and with planes one after the other.
    #[test]
    fn an_uncompressed_tiff_is_what_it_says_whole_or_in_strips(
        is_grey in any::<bool>(),
        is_planar in any::<bool>(),
        size in [1_usize..600, 1_usize..400],
        to in [1_usize..70, 1_usize..50],
        channels in prop::sample::select(&[1_usize, 3][..]),
        noise in prop::collection::vec(any::<u8>(), 1..997),
    ) {
        let stored = if is_grey { 1 } else { 3 };
        let file = tiff(stored, size, is_planar, &noise);
        let picture = Picture::decode(&file).unwrap();
        let samples: Vec<u8> = noise.iter().copied().cycle().take(stored * size[0] * size[1]).collect();
        let is_equal = match is_planar && !is_grey {
            true => picture.planes(3) == samples,
            false => picture.pixels() == samples,
        };
        prop_assert!(is_equal);
        prop_assert!(decode(&file, channels, to, true) == decode(&file, channels, to, false));
    }
}

/// Strips and tiles with every compression, samples of 16 bits, planes; red if a band keeps what the one before it had.
#[test]
fn strips_and_tiles_of_a_tiff_give_the_pixels_of_the_whole_image() {
    let files = std::fs::read_dir(fixtures().join("formats")).unwrap();
    let mut count = 0;
    for path in files.map(|file| file.unwrap().path()) {
        let name = path.file_name().unwrap().to_str().unwrap();
        if !name.ends_with(".tif") || name.starts_with("turned") {
            continue;
        }
        let file = std::fs::read(&path).unwrap();
        for channels in [1, 3] {
            let [reduced, whole] = [true, false].map(|it| decode(&file, channels, [7, 9], it));
            assert!(reduced == whole, "{name}");
        }
        count += 1;
    }
    assert!(count > 20, "{count}");
}
