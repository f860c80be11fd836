//! Lists of images in CSV files.

#![no_main]

mod data;

use data::labels::Labels;
use data::manifest;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    if let Ok(rows) = manifest::rows(input) {
        let names: Vec<String> = rows.iter().map(|row| row.label.clone()).collect();
        let Labels::Names { classes, labels } = Labels::of_names(&names) else {
            panic!("names stay names");
        };
        for (name, label) in names.iter().zip(&labels) {
            assert_eq!(&classes[*label as usize], name);
        }
    }
});
