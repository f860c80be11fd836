//! CIFAR's binary batches.

#![no_main]

mod data;

// The readers name these by their paths in the program.
use data::{config, digest, random, run_dir};

use data::sources::cifar::{self, Variant};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    for (variant, classes) in [(Variant::Cifar10, 10), (Variant::Cifar100, 100)] {
        let (mut labels, mut pixels) = (Vec::new(), Vec::new());
        if cifar::records(variant, input, &mut labels, &mut pixels).is_ok() {
            assert_eq!(pixels.len(), labels.len() * 3072);
            assert!(labels.iter().all(|label| *label < classes));
        }
    }
});
