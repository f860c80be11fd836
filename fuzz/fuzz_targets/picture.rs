//! Image files: any bytes are an image or an account of what is wrong, in little memory.

#![no_main]

mod data;

// The readers name these by their paths in the program.
use data::{config, digest, random, run_dir};

use data::picture::{Picture, resize};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    if let Ok(picture) = Picture::decode(input) {
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
