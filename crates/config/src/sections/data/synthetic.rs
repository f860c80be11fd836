//! `synthetic`: images that are made up.

use serde::Serialize;

use crate::language::key::{Key, TableKey};
use crate::language::section::Section;
use crate::language::values::{Values, integer};

/// How many images are made up for each split; they follow from `split_seed`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Synthetic {
    /// Images for training, at least 1.
    pub train_images: usize,
    /// Images for evaluation, at least 1.
    pub eval_images: usize,
    /// Images for the test at the end; 0 for no test.
    pub test_images: usize,
}

pub(super) const SYNTHETIC: TableKey = TableKey::optional(
    "synthetic",
    &[TRAIN_IMAGES.info, EVAL_IMAGES.info, TEST_IMAGES.info],
    "generated images in place of files: a shape on noise for each class",
);

const IMAGES: Values<usize> = integer(1, 100_000_000);
const TRAIN_IMAGES: Key<usize> =
    Key::with_default("train_images", IMAGES, "1000", "number of training images");
const EVAL_IMAGES: Key<usize> =
    Key::with_default("eval_images", IMAGES, "200", "number of evaluation images");
const TEST_IMAGES: Key<usize> = Key::with_default(
    "test_images",
    integer(0, 100_000_000),
    "0",
    "number of images for the final test",
);

impl Synthetic {
    pub(super) fn read(section: &Section<'_>) -> Self {
        Self {
            train_images: section.read(&TRAIN_IMAGES),
            eval_images: section.read(&EVAL_IMAGES),
            test_images: section.read(&TEST_IMAGES),
        }
    }
}
