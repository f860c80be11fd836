//! Any bytes in a file of any format: a list of images and labels that fit together, or an account of what is
//! wrong. A new format is fuzzed without an edit here.

#![no_main]

mod data;

// The readers name these by their paths in the program.
use data::{config, digest, random, run_dir};

use std::fs;

use config::{Columns, Format};
use data::sources::all_splits;
use data::sources::labelled::ImageData;
use libfuzzer_sys::fuzz_target;
use strum::VariantNames;

fuzz_target!(|input: &[u8]| {
    // The crate that reads Parquet has panics of its own, which its reader catches; others still end the process.
    std::panic::set_hook(Box::new(|_| {}));
    let folder = tempfile::tempdir().expect("a folder for the input");
    // The first byte says how much of the rest is labels, for formats that have a file of them.
    let (first, rest) = input.split_first().unwrap_or((&0, &[]));
    let (labels, images) = rest.split_at(rest.len() * usize::from(*first) / 255);
    let file = folder.path().join("train-images-idx3-ubyte");
    fs::write(&file, images).expect("the input is written");
    fs::write(folder.path().join("train-labels-idx1-ubyte"), labels).expect("the input is written");
    let columns = Columns::default();
    for format in Format::VARIANTS {
        let format: Format = format.parse().expect("a variant is a word");
        let mut sources = all_splits(&file, format, &columns).unwrap_or_default();
        sources.extend(all_splits(folder.path(), format, &columns).unwrap_or_default());
        for (_, source) in sources {
            let Ok(labelled) = source.list() else {
                continue;
            };
            let images = match &labelled.images {
                ImageData::Pixels { shape, bytes, .. } => {
                    let length: usize = shape.iter().product();
                    assert_eq!(bytes.len() % length, 0);
                    bytes.len() / length
                }
                ImageData::Files(files) => files.places.len(),
            };
            assert_eq!(labelled.labels.numbers().len(), images);
        }
    }
});
