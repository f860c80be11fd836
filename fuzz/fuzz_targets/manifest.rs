//! Lists of images in CSV files.

#![no_main]

mod data;

// The readers name these by their paths in the program.
use data::{config, digest, random, run_dir};

use data::sources::labels::Labels;
use data::sources::manifest;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    if let Ok(rows) = manifest::rows(input, &config::Columns::default()) {
        let names: Vec<String> = rows.iter().map(|row| row.label.clone()).collect();
        let Labels::Names { classes, labels } = Labels::of_names(&names) else {
            panic!("names stay names");
        };
        for (name, label) in names.iter().zip(&labels) {
            assert_eq!(&classes[*label as usize], name);
        }
    }
});
