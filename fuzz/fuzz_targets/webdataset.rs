//! Shards of WebDataset.

#![no_main]

mod data;

// The readers name these by their paths in the program.
use data::{config, digest, random, run_dir};

use data::sources::webdataset::shard::{OtherMembers, ShardReader, samples};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let mut reader = ShardReader::new(input);
    if let Ok(samples) = samples(&mut reader, &mut OtherMembers::default()) {
        for image in samples.values().filter_map(|sample| sample.image.as_ref()) {
            assert!(image.offset + image.bytes <= input.len() as u64);
        }
    }
});
