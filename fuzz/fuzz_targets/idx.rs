//! IDX files, plain and gzip.

#![no_main]

mod data;

// The readers name these by their paths in the program.
use data::{config, digest, random, run_dir};

use data::sources::idx;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    for ranks in [&[1][..], &[3, 4]] {
        if let Ok((dimensions, bytes)) = idx::parse(input, ranks) {
            assert_eq!(dimensions.iter().product::<usize>(), bytes.len());
        }
    }
});
