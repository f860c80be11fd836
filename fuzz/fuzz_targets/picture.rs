//! Image files: any bytes are an image or an account of what is wrong, in little memory.

#![no_main]

mod data;

// The readers name these by their paths in the program.
use data::{config, digest, random, run_dir};

use data::picture::{Picture, Request, resize};
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
        ..small
    };
    let planes = Picture::decode_then(input, reduced, |picture| picture.into_planes(3, [5, 7]));
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
            let resized =
                resize(&planes, [height, width], [5, 7]).expect("any size can be brought to any");
            assert_eq!(resized.len(), channels * 35);
        }
    }
});
