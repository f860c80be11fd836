//! `[data]`: where the images are, which of them are for what, and how their bytes become numbers.

use serde::Serialize;
use strum::{EnumString, IntoStaticStr, VariantNames};

use super::augment::{self, Augment};
use crate::language::key::OnResume::Free;
use crate::language::key::{Fallback, Key, KeyInfo, TableKey};
use crate::language::kind::Kind;
use crate::language::section::Section;
use crate::language::values::{PART, POSITIVE, TEXT, Values, integer, numbers, pair, word};
use crate::language::word::Word;
use crate::text::tree::Value;

/// Pixels are bytes, 0..=255. The network sees `(pixel * scale - mean) / std`, channel by channel.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Data {
    /// What holds all splits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// What holds the training images, where that is something of its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub train: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub eval: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub test: Option<String>,
    /// What kind of files the images are in.
    pub format: Format,
    /// The share of the training images that are for evaluation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub validation: Option<f64>,
    /// Into how many parts the training images are split.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub folds: Option<u64>,
    /// Which of them is for evaluation, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fold: Option<u64>,
    pub split_seed: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit_train: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit_eval: Option<usize>,
    /// What a file that cannot be read as an image does.
    pub on_bad_image: OnBadImage,
    /// MiB.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory_limit: Option<u64>,
    /// Whether decoded images are kept for the next run.
    pub cache: Cache,
    /// Height and width.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resize: Option<[usize; 2]>,
    /// Which images an epoch sees.
    pub sampler: Sampler,
    pub scale: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub normalize: Option<Normalize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub synthetic: Option<Synthetic>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub augment: Vec<Augment>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Normalize {
    /// Those of the training images.
    Auto,
    /// These.
    #[serde(untagged)]
    Stated(Moments),
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

/// One value a channel, in scaled units.
#[derive(Debug, Clone, PartialEq, Serialize, serde::Deserialize)]
pub struct Moments {
    pub mean: Vec<f64>,
    pub std: Vec<f64>,
}

/// How many images are made up for each split; they follow from `split_seed`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Synthetic {
    pub train_images: usize,
    pub eval_images: usize,
    pub test_images: usize,
}

const AUTO: &str = "auto";

const PATH: Key<Option<String>> = Key::optional(
    "path",
    TEXT,
    "what holds all splits: a folder with train/ and test/ or val/, each with a folder of images a \
     class; one of IDX or CIFAR files under their own names; or a CSV file with the columns path, \
     label and split",
);
const TRAIN: Key<Option<String>> = Key::follows(
    "train",
    TEXT,
    "path",
    "`path`",
    "the training images apart from `path`: anything that can be a `path`, a folder with a folder \
     of images a class, or a single IDX images file or CSV file",
);
const EVAL: Key<Option<String>> = Key::follows(
    "eval",
    TEXT,
    "path",
    "`path`",
    "the evaluation images apart from `path`, in the same ways",
);
const TEST: Key<Option<String>> = Key::follows(
    "test",
    TEXT,
    "path",
    "`path`",
    "images for one last evaluation after the last epoch, apart from those that are evaluated every \
     epoch; of `path`, its test split where that is not the evaluation's",
);
const FORMAT: Key<Format> = Key::with_default(
    "format",
    word(),
    "\"auto\"",
    "what kind of files the images are in; auto: seen from what is there",
);
const VALIDATION: Key<Option<f64>> = Key::optional(
    "validation",
    PART,
    "the share of the training images that are for evaluation in place of training; which ones \
     follows from their content",
);
const FOLDS: Key<Option<u64>> = Key::optional(
    "folds",
    integer(2, 1000),
    "into how many parts the training images are split, one of them for evaluation",
);
const FOLD: Key<Option<u64>> = Key::optional(
    "fold",
    integer(1, 1000),
    "which of the `folds` is for evaluation, from 1",
);
const SPLIT_SEED: Key<u64> = Key::with_default(
    "split_seed",
    integer(0, i64::MAX as u64),
    "0",
    "the number that `validation`, `folds`, the limits and `synthetic` follow from; runs with \
     different seeds share it, and with it their images",
);
const LIMIT_TRAIN: Key<Option<usize>> = Key::optional(
    "limit_train",
    integer(1, u32::MAX as u64),
    "at most so many training images, of each class its share",
);
const LIMIT_EVAL: Key<Option<usize>> = Key::optional(
    "limit_eval",
    integer(1, u32::MAX as u64),
    "at most so many evaluation images, of each class its share",
);
const ON_BAD_IMAGE: Key<OnBadImage> = Key::with_default(
    "on_bad_image",
    word(),
    "\"error\"",
    "what a file that cannot be read as an image does: the run does not begin, or goes without it",
);
const MEMORY_LIMIT: Key<Option<u64>> = Key::derived("memory_limit", integer(1, 1 << 24), "half of the memory that is free", "how many MiB of memory decoded images may take; those above it are read and decoded as they are \
     needed")
.unit("MiB")
.on_resume(Free);
const CACHE: Key<Cache> = Key::with_default(
    "cache",
    word(),
    "\"auto\"",
    "whether decoded images are kept in a file for the next run: auto, where they fit into \
     `memory_limit`; disk, always, and read from there where they do not fit; or never",
)
.on_resume(Free);
const RESIZE: Key<Option<[usize; 2]>> = Key::optional(
    "resize",
    pair(1, 16384),
    "the height and width that images are brought to, bilinear with antialiasing; without it, \
     images of another size than `model.input` are an error",
)
.unit("pixels");
const SAMPLER: Key<Sampler> = Key::with_default(
    "sampler",
    word(),
    "\"shuffle\"",
    "which images an epoch sees: each once; or as many, of each class the same number, some more \
     than once and others not",
);
const SCALE: Key<f64> = Key::with_default(
    "scale",
    POSITIVE,
    "1.0",
    "the factor on each pixel (0..255) before `normalize`",
);
const NORMALIZE: TableKey = TableKey::new(
    "normalize",
    Kind::Either(&[Kind::Table(&[MEAN.info, STD.info]), Kind::Word(&[AUTO])]),
    Fallback::Nothing,
    "the mean to subtract and the standard deviation to divide by, after `scale`; auto: those of the \
     training images, channel by channel",
);
const MEAN: Key<Vec<f64>> = Key::required(
    "mean",
    numbers(&Kind::NUMBER, "an array of finite numbers, one a channel"),
    "what is subtracted from each channel",
)
.unit("scaled pixels");
const STD: Key<Vec<f64>> = Key::required(
    "std",
    numbers(
        &Kind::POSITIVE,
        "an array of finite numbers greater than 0, one a channel",
    ),
    "what each channel is divided by",
)
.unit("scaled pixels");
const SYNTHETIC: TableKey = TableKey::optional(
    "synthetic",
    &[TRAIN_IMAGES.info, EVAL_IMAGES.info, TEST_IMAGES.info],
    "images that are made up, a shape on noise for each class, in place of files",
);
const MADE: Values<usize> = integer(1, 100_000_000);
const TRAIN_IMAGES: Key<usize> =
    Key::with_default("train_images", MADE, "1000", "how many are for training");
const EVAL_IMAGES: Key<usize> =
    Key::with_default("eval_images", MADE, "200", "how many are for evaluation");
const TEST_IMAGES: Key<usize> = Key::with_default(
    "test_images",
    integer(0, 100_000_000),
    "0",
    "how many are for the test at the end",
);

pub const KEYS: &[KeyInfo] = &[
    PATH.info,
    TRAIN.info,
    EVAL.info,
    TEST.info,
    FORMAT.info,
    VALIDATION.info,
    FOLDS.info,
    FOLD.info,
    SPLIT_SEED.info,
    LIMIT_TRAIN.info,
    LIMIT_EVAL.info,
    ON_BAD_IMAGE.info,
    MEMORY_LIMIT.info,
    CACHE.info,
    RESIZE.info,
    SAMPLER.info,
    SCALE.info,
    NORMALIZE.info,
    SYNTHETIC.info,
    augment::AUGMENT.info,
];

impl Data {
    /// `channels` is `None` where `model.input` cannot be read.
    pub(crate) fn read(section: &Section<'_>, channels: Option<usize>) -> Self {
        let [path, train, eval, test] = [&PATH, &TRAIN, &EVAL, &TEST].map(|key| {
            let text = section.read(key);
            if text.as_deref() == Some("") && section.has_text(key) {
                let message = format!("`{}` is empty", section.path_of(key.name));
                section.report(key, message, "", "name a folder or a file");
            }
            text
        });
        check_split(section);
        check_places(section);
        let scale = section.read(&SCALE);
        if let Some(node) = section.node(&SCALE)
            && scale > 1.0
        {
            section.warn(
                node,
                format!("pixels of 255 become {}", 255.0 * scale),
                None,
                "`scale` is a factor: 1/255, that is 0.00392156862745098, brings them to 0..1",
            );
        }
        let normalize = Normalize::read(section, channels);
        // What could not be read is empty.
        let is_of_one = |values: &[f64]| !values.is_empty() && values.iter().all(|it| *it <= 1.0);
        if let (Some(node), Some(Normalize::Stated(moments))) =
            (section.node(&NORMALIZE), &normalize)
            && is_of_one(&moments.mean)
            && is_of_one(&moments.std)
            && scale == 1.0
        {
            section.warn(
                node,
                "this looks like the mean and deviation of pixels from 0 to 1, and they go to 255"
                    .to_owned(),
                None,
                "set scale = 0.00392156862745098, that is 1/255",
            );
        }
        Self {
            path,
            train,
            eval,
            test,
            format: section.read(&FORMAT),
            validation: section.read(&VALIDATION),
            folds: section.read(&FOLDS),
            fold: section.read(&FOLD),
            split_seed: section.read(&SPLIT_SEED),
            limit_train: section.read(&LIMIT_TRAIN),
            limit_eval: section.read(&LIMIT_EVAL),
            on_bad_image: section.read(&ON_BAD_IMAGE),
            memory_limit: section.read(&MEMORY_LIMIT),
            cache: section.read(&CACHE),
            resize: section.read(&RESIZE),
            sampler: section.read(&SAMPLER),
            scale,
            normalize,
            synthetic: section
                .optional_table(&SYNTHETIC)
                .map(|it| Synthetic::read(&it)),
            augment: Augment::read_all(section, channels),
        }
    }

    /// Whether evaluation images are split off the training images.
    pub fn is_split(&self) -> bool {
        self.validation.is_some() || self.folds.is_some()
    }
}

/// Whether every split comes from somewhere, and from one place.
fn check_places(section: &Section<'_>) {
    let has = |key: &KeyInfo| section.node(key).is_some();
    let is_split = has(&VALIDATION) || has(&FOLDS);
    if has(&SYNTHETIC) {
        for key in [&PATH, &TRAIN, &EVAL, &TEST] {
            section.report_two(key, &SYNTHETIC, "images come from files or are made up");
        }
        return;
    }
    if is_split && has(&EVAL) {
        let split = if has(&VALIDATION) {
            &VALIDATION.info
        } else {
            &FOLDS.info
        };
        section.report_two(
            &EVAL,
            split,
            "evaluation images are named and split off as well",
        );
    }
    if has(&PATH) || has(&TRAIN) && (has(&EVAL) || is_split) {
        return;
    }
    if !has(&TRAIN) && !has(&EVAL) {
        let help = "name a folder that holds both splits: path = \"data/digits\"";
        section.report_needed(&PATH, "no data are named", help);
        return;
    }
    let (there, absent, instead) = match has(&TRAIN) {
        true => (
            &TRAIN,
            "eval",
            "a `path` that holds it, or validation = 0.1",
        ),
        false => (&EVAL, "train", "a `path` that holds it"),
    };
    let message = format!(
        "`data.{}` names the one split, and nothing the other",
        there.name
    );
    let help = format!("add {absent} = \"...\", or {instead}");
    section.report(there, message, "", &help);
}

/// One way to split, whole.
fn check_split(section: &Section<'_>) {
    section.report_two(
        &VALIDATION,
        &FOLDS,
        "evaluation images are split off in two ways",
    );
    match (section.node(&FOLDS), section.node(&FOLD)) {
        (Some(_), None) => {
            let message = "nothing says which of the folds is for evaluation".to_owned();
            section.report(&FOLDS, message, "", "add fold = 1, and run once for each");
        }
        (None, Some(_)) => {
            let message = "`data.fold` is one of how many?".to_owned();
            section.report(&FOLD, message, "", "add folds = 5");
        }
        (Some(folds), Some(fold)) => {
            let (count, number) = (section.read(&FOLDS), section.read(&FOLD));
            if let (Some(count), Some(number)) = (count, number)
                && number > count
            {
                let message = format!("there is no fold {number} of {count}");
                let related = Some((folds, format!("{count} folds")));
                section.report_at(fold, message, related, "folds are numbered from 1");
            }
        }
        (None, None) => {}
    }
}

impl Normalize {
    fn read(section: &Section<'_>, channels: Option<usize>) -> Option<Self> {
        let node = section.node(&NORMALIZE)?;
        if let Value::String(word) = &node.value {
            if word != AUTO {
                let message = format!("`data.normalize` must be {}", NORMALIZE.kind);
                section.report(&NORMALIZE, message, "", "write normalize = \"auto\"");
            }
            if let Some(channels) = channels.filter(|channels| word == AUTO && *channels > 3) {
                let message = format!("\"auto\" for images of {channels} channels");
                let help = "it is for grey and colour; state `mean` and `std`, one a channel";
                section.report(&NORMALIZE, message, "", help);
            }
            return Some(Normalize::Auto);
        }
        let table = section.table(&NORMALIZE);
        let mean = table.try_read(&MEAN);
        let std = table.try_read(&STD);
        for (key, values) in [(&MEAN, &mean), (&STD, &std)] {
            if let (Some(channels), Some(values)) = (channels, values)
                && values.len() != channels
            {
                let plural = |count: usize, what: &str| match count {
                    1 => format!("1 {what}"),
                    count => format!("{count} {what}s"),
                };
                table.report(
                    key,
                    format!(
                        "`{}` has {} for {}",
                        table.path_of(key.name),
                        plural(values.len(), "value"),
                        plural(channels, "channel")
                    ),
                    "",
                    "write one for each channel of `model.input`",
                );
            }
        }
        Some(Normalize::Stated(Moments {
            mean: mean.unwrap_or_default(),
            std: std.unwrap_or_default(),
        }))
    }
}

impl Synthetic {
    fn read(section: &Section<'_>) -> Self {
        Self {
            train_images: section.read(&TRAIN_IMAGES),
            eval_images: section.read(&EVAL_IMAGES),
            test_images: section.read(&TEST_IMAGES),
        }
    }
}
