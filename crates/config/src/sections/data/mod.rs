//! `[data]`: where the images are, which of them are for what, and how their bytes become numbers.

mod columns;
mod geometry;
mod normalize;
mod pattern;
mod samples;
mod splits;
mod synthetic;

use std::array::from_fn;

use serde::Serialize;
use strum::{EnumString, IntoStaticStr, VariantNames};

use self::columns::COLUMNS;
use self::geometry::{CENTER_CROP, PAD_TO_SQUARE, RESIZE};
use self::normalize::NORMALIZE;
use self::samples::{BIT_DEPTH, EXIF};
pub(crate) use self::splits::PLACES;
use self::splits::{EVAL, FOLD, FOLDS, PATH, STRATIFY, TEST, TRAIN, VALIDATION};
use self::synthetic::SYNTHETIC;
use super::augment::{self, Augment};
use crate::language::info::KeyInfo;
use crate::language::info::OnResume::Free;
use crate::language::key::Key;
use crate::language::section::Section;
use crate::language::values::{POSITIVE, TEXTS, integer, word};
use crate::language::word::Word;

pub use columns::Columns;
pub use geometry::{PadToSquare, Resize};
pub use normalize::{Moments, Normalize};
pub use pattern::{fixed_part, is_pattern};
pub use samples::{BitDepth, Exif, Reading};
pub use synthetic::Synthetic;

/// The images and how their bytes become numbers: the network sees `(pixel * scale - mean) / std` of
/// pixels from 0 to 255, channel by channel.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Data {
    /// What holds all splits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// The training images apart from `path`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub train: Option<String>,
    /// The evaluation images apart from `path`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub eval: Option<String>,
    /// The images of the test at the end, apart from `path`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub test: Option<String>,
    /// What kind of files the images are in.
    pub format: Format,
    /// What the columns of a list of images are called, where those are not the usual names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub columns: Option<Columns>,
    /// The number of the first class, where labels are numbers.
    pub first_label: usize,
    /// The classes that are used, in the order of their numbers; all if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub classes: Option<Vec<String>>,
    /// The share of the training images that are for evaluation, between 0 and 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub validation: Option<f64>,
    /// The number of parts into which the training images are split.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub folds: Option<u64>,
    /// Which of the folds is for evaluation, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fold: Option<u64>,
    /// Whether the evaluation images that are split off have the exact share of every class.
    pub stratify: bool,
    /// The seed of splits, limits and synthetic images; not the seed of the training.
    pub split_seed: u64,
    /// At most so many training images.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit_train: Option<usize>,
    /// At most so many evaluation images.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit_eval: Option<usize>,
    /// What happens at a file that cannot be read as an image.
    pub on_bad_image: OnBadImage,
    /// Images of more pixels are refused.
    pub max_pixels: u64,
    /// How many of the 16 bits of a sample are used.
    pub bit_depth: BitDepth,
    /// What becomes of the orientation that EXIF states.
    pub exif: Exif,
    /// Memory for decoded images, in MiB; half of what is free if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory_limit: Option<u64>,
    /// Whether decoded images are kept for the next run.
    pub cache: Cache,
    /// The bars that make images square, before they are resized.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pad_to_square: Option<PadToSquare>,
    /// The size that images are resized to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resize: Option<Resize>,
    /// Height and width of the centre that is taken of each image, after it is resized.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub center_crop: Option<[usize; 2]>,
    /// Which images an epoch sees.
    pub sampler: Sampler,
    /// The factor on each pixel, before the normalization.
    pub scale: f64,
    /// Where mean and standard deviation come from; no normalization if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub normalize: Option<Normalize>,
    /// Images that are made up, in place of files.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub synthetic: Option<Synthetic>,
    /// What is done to each training image, in this order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub augment: Vec<Augment>,
}

/// What kind of files the images are in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, EnumString, IntoStaticStr, VariantNames)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Format {
    /// Seen from what is there.
    Auto,
    /// A folder with a folder of images a class.
    ImageFolder,
    /// MNIST's files.
    Idx,
    /// The binary batches of CIFAR-10.
    Cifar10,
    /// The binary batches of CIFAR-100.
    Cifar100,
    /// A CSV file that lists images.
    Csv,
    /// An archive of NumPy's arrays.
    Npz,
    /// Tar files of images and classes.
    Webdataset,
    /// Tables of images.
    Parquet,
}

impl Word for Format {}

/// What a file does that cannot be read as an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, EnumString, VariantNames)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum OnBadImage {
    /// The run does not begin.
    Error,
    /// The run goes without it.
    Skip,
}

impl Word for OnBadImage {}

/// Whether decoded images are kept in a file for the next run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, EnumString, VariantNames)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Cache {
    /// Where they fit into the memory limit.
    Auto,
    /// Always, and read from there where they do not fit.
    Disk,
    /// Never.
    Off,
}

impl Word for Cache {}

/// Which images an epoch sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, EnumString, VariantNames)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Sampler {
    /// Each once.
    Shuffle,
    /// As many as there are, of each class the same number.
    Balanced,
}

impl Word for Sampler {}

const FORMAT: Key<Format> = Key::with_default(
    "format",
    word(),
    "\"auto\"",
    "format of the image files; auto: detected from the files",
);
const FIRST_LABEL: Key<usize> = Key::with_default(
    "first_label",
    integer(0, 1 << 20),
    "0",
    "number of the first class, where labels are numbers (IDX, NPZ, WebDataset, Parquet); 1 for \
     the letters of EMNIST",
);
const CLASSES: Key<Option<Vec<String>>> = Key::optional(
    "classes",
    TEXTS,
    "names of the classes to use, in the order of their numbers; images of all others are left out",
);
const SPLIT_SEED: Key<u64> = Key::with_default(
    "split_seed",
    integer(0, i64::MAX as u64),
    "0",
    "seed of `validation`, `folds`, the limits and `synthetic`; it is separate from `seed` so \
     that runs with different seeds use the same images",
);
const LIMIT_TRAIN: Key<Option<usize>> = Key::optional(
    "limit_train",
    integer(1, u32::MAX as u64),
    "maximum number of training images, sampled in proportion to class size",
);
const LIMIT_EVAL: Key<Option<usize>> = Key::optional(
    "limit_eval",
    integer(1, u32::MAX as u64),
    "maximum number of evaluation images, sampled in proportion to class size",
);
const ON_BAD_IMAGE: Key<OnBadImage> = Key::with_default(
    "on_bad_image",
    word(),
    "\"error\"",
    "what to do about a file that cannot be read as an image; error: refuse to run; skip: leave \
     it out",
);
const MAX_PIXELS: Key<u64> = Key::with_default(
    "max_pixels",
    integer(1, u32::MAX as u64),
    "250000000",
    "maximum number of pixels (height times width) of an image file; a larger one counts as a file that cannot be \
     read",
)
.unit("pixels")
.on_resume(Free);
const MEMORY_LIMIT: Key<Option<u64>> = Key::derived(
    "memory_limit",
    integer(1, 1 << 24),
    "half of the free memory",
    "memory for decoded images, in MiB; images beyond it are read and decoded as needed",
)
.unit("MiB")
.on_resume(Free);
const CACHE: Key<Cache> = Key::with_default(
    "cache",
    word(),
    "\"auto\"",
    "whether to keep decoded images in a file for the next run; auto: if they fit into \
     `memory_limit`; disk: always, and read from the file those that do not fit; off: never",
)
.on_resume(Free);
const SAMPLER: Key<Sampler> = Key::with_default(
    "sampler",
    word(),
    "\"shuffle\"",
    "which images an epoch uses; shuffle: each image once; balanced: the same total, but equally \
     many of each class, so some images repeat and others are left out",
);
const SCALE: Key<f64> = Key::with_default(
    "scale",
    POSITIVE,
    "1.0",
    "factor applied to each pixel (0..255) before `normalize`",
);

pub(crate) const KEYS: &[KeyInfo] = &[
    PATH.info,
    TRAIN.info,
    EVAL.info,
    TEST.info,
    FORMAT.info,
    COLUMNS.info,
    FIRST_LABEL.info,
    CLASSES.info,
    VALIDATION.info,
    FOLDS.info,
    FOLD.info,
    STRATIFY.info,
    SPLIT_SEED.info,
    LIMIT_TRAIN.info,
    LIMIT_EVAL.info,
    ON_BAD_IMAGE.info,
    MAX_PIXELS.info,
    BIT_DEPTH.info,
    EXIF.info,
    MEMORY_LIMIT.info,
    CACHE.info,
    PAD_TO_SQUARE.info,
    RESIZE.info,
    CENTER_CROP.info,
    SAMPLER.info,
    SCALE.info,
    NORMALIZE.info,
    SYNTHETIC.info,
    augment::AUGMENT.info,
];

impl Data {
    /// What the columns of its files are called.
    fn read_columns(section: &Section<'_>) -> Option<Columns> {
        let table = section.optional_table(&COLUMNS)?;
        Some(Columns::read(&table))
    }

    /// What it says of reading files.
    pub(crate) fn read_reading(section: &Section<'_>) -> Reading {
        Reading {
            columns: Self::read_columns(section).unwrap_or_default(),
            max_pixels: section.read(&MAX_PIXELS),
            bit_depth: section.read(&BIT_DEPTH),
            exif: section.read(&EXIF),
        }
    }

    /// `channels` is `None` where `model.input` cannot be read.
    pub(crate) fn read(section: &Section<'_>, channels: Option<usize>) -> Self {
        let [path, train, eval, test] = splits::read_places(section);
        splits::check_folds(section);
        splits::check_sources(section, &SYNTHETIC);
        let scale = read_scale(section);
        let normalize = Normalize::read(section, channels);
        if let Some(normalize) = &normalize {
            normalize.check_scale(section, scale);
        }
        Self {
            path,
            train,
            eval,
            test,
            format: section.read(&FORMAT),
            columns: Self::read_columns(section),
            first_label: section.read(&FIRST_LABEL),
            classes: section.read(&CLASSES),
            validation: section.read(&VALIDATION),
            folds: section.read(&FOLDS),
            fold: section.read(&FOLD),
            stratify: splits::read_stratify(section),
            split_seed: section.read(&SPLIT_SEED),
            limit_train: section.read(&LIMIT_TRAIN),
            limit_eval: section.read(&LIMIT_EVAL),
            on_bad_image: section.read(&ON_BAD_IMAGE),
            max_pixels: section.read(&MAX_PIXELS),
            bit_depth: section.read(&BIT_DEPTH),
            exif: section.read(&EXIF),
            memory_limit: section.read(&MEMORY_LIMIT),
            cache: section.read(&CACHE),
            pad_to_square: PadToSquare::read(section),
            resize: Resize::read(section),
            center_crop: section.read(&CENTER_CROP),
            sampler: section.read(&SAMPLER),
            scale,
            normalize,
            synthetic: section
                .optional_table(&SYNTHETIC)
                .map(|it| Synthetic::read(&it)),
            augment: Augment::read_all(section, channels),
        }
    }

    /// What says where the images are, by the paths of the keys: `data.path` and so on.
    pub fn places(&self) -> [(String, Option<&str>); 4] {
        let places = [&self.path, &self.train, &self.eval, &self.test];
        from_fn(|index| {
            let path = format!("data.{}", PLACES[index].name);
            (path, places[index].as_deref())
        })
    }

    /// Takes over from `other` where the images are.
    pub fn move_to(&mut self, other: &Self) {
        self.path.clone_from(&other.path);
        self.train.clone_from(&other.train);
        self.eval.clone_from(&other.eval);
        self.test.clone_from(&other.test);
    }

    /// Whether evaluation images are split off the training images.
    pub fn is_split(&self) -> bool {
        self.validation.is_some() || self.folds.is_some()
    }
}

/// Reads the factor on pixels; warns of one that enlarges them.
fn read_scale(section: &Section<'_>) -> f64 {
    let scale = section.read(&SCALE);
    if let Some(node) = section.node(&SCALE)
        && scale > 1.0
    {
        section.warn(
            node,
            format!("`scale` turns a pixel of 255 into {}", 255.0 * scale),
            None,
            "`scale` is a factor: 1/255, that is 0.00392156862745098, maps pixels to 0..1",
        );
    }
    scale
}
