//! Image files: any bytes are an image or an account of what is wrong, in little memory.

#![no_main]

mod data;

// The readers name these by their paths in the program.
use data::{config, digest, random, run_dir};

use data::config::{PadToSquare, Resize};
use data::geometry::Geometry;
use data::picture::{Picture, Request};
use data::rows::Reduction;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let small = Request {
        max_pixels: 1 << 24,
        bits: 12,
        is_turned: true,
        ..Request::default()
    };
    let reduced = Request {
        at_least: Some([5, 7]),
        reduction: Some(Reduction {
            channels: 3,
            resize: Resize::To([5, 7]),
            whole: 0,
        }),
        ..small
    };
    let resized = Geometry {
        resize: Some(Resize::To([5, 7])),
        ..Geometry::default()
    };
    let squared = Geometry {
        pad_to_square: Some(PadToSquare { fill: 7 }),
        resize: Some(Resize::Shorter(9)),
        center_crop: Some([5, 7]),
    };
    let planes = Picture::decode_then(input, reduced, |picture| picture.arranged(resized, 3));
    if let Ok(picture) = Picture::decode_then(input, small, |picture| picture) {
        // What decodes whole decodes reduced.
        assert_eq!(
            planes
                .expect("decoded")
                .expect("any size can be brought to any")
                .len(),
            105
        );
        let (height, width) = (picture.height, picture.width);
        for channels in [1, 3] {
            let planes = picture.planes(channels);
            assert_eq!(planes.len(), channels * height * width);
            // A square of a very long image is not made.
            let geometries = match squared.most_pixels([height, width]) <= small.max_pixels {
                true => vec![resized, squared],
                false => vec![resized],
            };
            for geometry in geometries {
                let rearranged = geometry
                    .of_planes(&planes, [height, width])
                    .expect("any size can be brought to any");
                assert_eq!(rearranged.len(), channels * 35);
            }
        }
    }
});
