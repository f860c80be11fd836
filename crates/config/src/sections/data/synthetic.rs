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
    "images that are made up, a shape on noise for each class, in place of files",
);

const IMAGES: Values<usize> = integer(1, 100_000_000);
const TRAIN_IMAGES: Key<usize> =
    Key::with_default("train_images", IMAGES, "1000", "how many are for training");
const EVAL_IMAGES: Key<usize> =
    Key::with_default("eval_images", IMAGES, "200", "how many are for evaluation");
const TEST_IMAGES: Key<usize> = Key::with_default(
    "test_images",
    integer(0, 100_000_000),
    "0",
    "how many are for the test at the end",
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
