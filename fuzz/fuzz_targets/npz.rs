//! Arrays of NumPy, as they are in an archive.

#![no_main]

mod data;

// The readers name these by their paths in the program.
use data::{config, digest, random, run_dir};

use data::sources::npz;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    if let Ok(array) = npz::array(input, input.len() as u64) {
        let size: usize = array.element[1..].parse().expect("a size in bytes");
        let elements: usize = array.shape.iter().product();
        assert_eq!(elements * size, array.bytes.len());
    }
});
