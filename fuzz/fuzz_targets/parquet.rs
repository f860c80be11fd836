//! Parquet files of images.

#![no_main]

mod data;

// The readers name these by their paths in the program.
use data::{config, digest, random, run_dir};

use std::fs;

use config::Columns;
use data::sources::parquet::shard::Contents;
use data::sources::place::Container;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    // The crate that reads Parquet has panics of its own, which its reader catches; others still end the process.
    std::panic::set_hook(Box::new(|_| {}));
    let folder = tempfile::tempdir().expect("a folder for the input");
    let file = folder.path().join("train.parquet");
    fs::write(&file, input).expect("the input is written");
    if let Ok(contents) = Contents::read(&file, &Columns::default()) {
        assert_eq!(contents.labels.len(), contents.paths.len());
        for row in 0..contents.labels.len().min(100) {
            let _ = contents.shard.read(row);
        }
    }
});
