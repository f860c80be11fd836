//! `[data]`: where the images are, which of them are for what, and how their bytes become numbers.

use serde::Serialize;

use super::augment::{self, Augment};
use super::key::OnResume::Free;
use super::key::{Fallback, Key, Kind};
use super::section::Section;

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
    pub format: String,
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
    pub on_bad_image: String,
    /// MiB.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory_limit: Option<u64>,
    pub cache: String,
    /// Height and width.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resize: Option<[usize; 2]>,
    pub sampler: String,
    pub scale: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub normalize: Option<Normalize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub synthetic: Option<Synthetic>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub augment: Vec<Augment>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Normalize {
    /// `auto`: those of the training images.
    Word(String),
    Stated(Moments),
}

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

pub const AUTO: &str = "auto";
pub const SKIP: &str = "skip";
pub const BALANCED: &str = "balanced";
pub const OFF: &str = "off";
pub const DISK: &str = "disk";

const PATH: Key = Key::new(
    "path",
    Kind::Text,
    Fallback::Nothing,
    "what holds all splits: a folder with train/ and test/ or val/, each with a folder of images a \
     class; one of IDX or CIFAR files under their own names; or a CSV file with the columns path, \
     label and split",
);
const TRAIN: Key = Key::new(
    "train",
    Kind::Text,
    Fallback::Derived("`path`"),
    "the training images apart from `path`: anything that can be a `path`, a folder with a folder \
     of images a class, or a single IDX images file or CSV file",
);
const EVAL: Key = Key::new(
    "eval",
    Kind::Text,
    Fallback::Derived("`path`"),
    "the evaluation images apart from `path`, in the same ways",
);
const TEST: Key = Key::new(
    "test",
    Kind::Text,
    Fallback::Derived("`path`"),
    "images for one last evaluation after the last epoch, apart from those that are evaluated every \
     epoch; of `path`, its test split where that is not the evaluation's",
);
const FORMAT: Key = Key::optional(
    "format",
    Kind::Word(&[AUTO, "image_folder", "idx", "cifar10", "cifar100", "csv"]),
    "\"auto\"",
    "what kind of files the images are in; auto: seen from what is there",
);
const VALIDATION: Key = Key::new(
    "validation",
    Kind::Float {
        min: 0.0,
        max: 1.0,
        open: true,
    },
    Fallback::Nothing,
    "the share of the training images that are for evaluation in place of training; which ones \
     follows from their content",
);
const FOLDS: Key = Key::new(
    "folds",
    Kind::Integer { min: 2, max: 1000 },
    Fallback::Nothing,
    "into how many parts the training images are split, one of them for evaluation",
);
const FOLD: Key = Key::new(
    "fold",
    Kind::Integer { min: 1, max: 1000 },
    Fallback::Nothing,
    "which of the `folds` is for evaluation, from 1",
);
const SPLIT_SEED: Key = Key::optional(
    "split_seed",
    Kind::Integer {
        min: 0,
        max: i64::MAX as u64,
    },
    "0",
    "the number that `validation`, `folds`, the limits and `synthetic` follow from; runs with \
     different seeds share it, and with it their images",
);
const LIMIT_TRAIN: Key = Key::new(
    "limit_train",
    Kind::Integer {
        min: 1,
        max: u32::MAX as u64,
    },
    Fallback::Nothing,
    "at most so many training images, of each class its share",
);
const LIMIT_EVAL: Key = Key::new(
    "limit_eval",
    Kind::Integer {
        min: 1,
        max: u32::MAX as u64,
    },
    Fallback::Nothing,
    "at most so many evaluation images, of each class its share",
);
const ON_BAD_IMAGE: Key = Key::optional(
    "on_bad_image",
    Kind::Word(&["error", SKIP]),
    "\"error\"",
    "what a file that cannot be read as an image does: the run does not begin, or goes without it",
);
const MEMORY_LIMIT: Key = Key::new(
    "memory_limit",
    Kind::Integer {
        min: 1,
        max: 1 << 24,
    },
    Fallback::Derived("half of the memory that is free"),
    "how many MiB of memory decoded images may take; those above it are read and decoded as they are \
     needed",
)
.unit("MiB")
.on_resume(Free);
const CACHE: Key = Key::optional(
    "cache",
    Kind::Word(&[AUTO, DISK, OFF]),
    "\"auto\"",
    "whether decoded images are kept in a file for the next run: auto, where they fit into \
     `memory_limit`; disk, always, and read from there where they do not fit; or never",
)
.on_resume(Free);
const RESIZE: Key = Key::new(
    "resize",
    Kind::Pair { min: 1, max: 16384 },
    Fallback::Nothing,
    "the height and width that images are brought to, bilinear with antialiasing; without it, \
     images of another size than `model.input` are an error",
)
.unit("pixels");
const SAMPLER: Key = Key::optional(
    "sampler",
    Kind::Word(&["shuffle", BALANCED]),
    "\"shuffle\"",
    "which images an epoch sees: each once; or as many, of each class the same number, some more \
     than once and others not",
);
const SCALE: Key = Key::optional(
    "scale",
    Kind::POSITIVE,
    "1.0",
    "the factor on each pixel (0..255) before `normalize`",
);
const NORMALIZE: Key = Key::new(
    "normalize",
    Kind::Either(&[Kind::Table(&[MEAN, STD]), Kind::Word(&[AUTO])]),
    Fallback::Nothing,
    "the mean to subtract and the standard deviation to divide by, after `scale`; auto: those of the \
     training images, channel by channel",
);
const MEAN: Key = Key::required(
    "mean",
    Kind::Array {
        each: &Kind::NUMBER,
        length: None,
        words: "an array of finite numbers, one a channel",
    },
    "what is subtracted from each channel",
)
.unit("scaled pixels");
const STD: Key = Key::required(
    "std",
    Kind::Array {
        each: &Kind::POSITIVE,
        length: None,
        words: "an array of finite numbers greater than 0, one a channel",
    },
    "what each channel is divided by",
)
.unit("scaled pixels");
const SYNTHETIC: Key = Key::new(
    "synthetic",
    Kind::Table(&[TRAIN_IMAGES, EVAL_IMAGES, TEST_IMAGES]),
    Fallback::Nothing,
    "images that are made up, a shape on noise for each class, in place of files",
);
const MADE: Kind = Kind::Integer {
    min: 1,
    max: 100_000_000,
};
const TRAIN_IMAGES: Key = Key::optional("train_images", MADE, "1000", "how many are for training");
const EVAL_IMAGES: Key = Key::optional("eval_images", MADE, "200", "how many are for evaluation");
const TEST_IMAGES: Key = Key::optional(
    "test_images",
    Kind::Integer {
        min: 0,
        max: 100_000_000,
    },
    "0",
    "how many are for the test at the end",
);
const AUGMENT: Key = Key::optional(
    "augment",
    Kind::Choices(augment::KEYS),
    "[]",
    "what is done to each training image, anew in every epoch, in this order",
);

pub const KEYS: &[Key] = &[
    PATH,
    TRAIN,
    EVAL,
    TEST,
    FORMAT,
    VALIDATION,
    FOLDS,
    FOLD,
    SPLIT_SEED,
    LIMIT_TRAIN,
    LIMIT_EVAL,
    ON_BAD_IMAGE,
    MEMORY_LIMIT,
    CACHE,
    RESIZE,
    SAMPLER,
    SCALE,
    NORMALIZE,
    SYNTHETIC,
    AUGMENT,
];

impl Data {
    /// `channels` is `None` where `model.input` cannot be read.
    pub(super) fn read(section: &Section<'_>, channels: Option<usize>) -> Self {
        let [path, train, eval, test] = [&PATH, &TRAIN, &EVAL, &TEST].map(|key| {
            let text = section.optional_text(key);
            if text.as_deref() == Some("") && section.has_text(key) {
                let message = format!("`{}` is empty", section.path_of(key.name));
                section.report(key, message, "", "name a folder or a file");
            }
            text
        });
        check_split(section);
        check_places(section);
        let scale = section.float(&SCALE);
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
        let optional = |key: &Key| section.node(key).map(|_| section.integer(key));
        Self {
            path,
            train,
            eval,
            test,
            format: section.text(&FORMAT),
            validation: section.optional_float(&VALIDATION),
            folds: optional(&FOLDS),
            fold: optional(&FOLD),
            split_seed: section.integer(&SPLIT_SEED),
            limit_train: optional(&LIMIT_TRAIN).map(|limit| limit as usize),
            limit_eval: optional(&LIMIT_EVAL).map(|limit| limit as usize),
            on_bad_image: section.text(&ON_BAD_IMAGE),
            memory_limit: optional(&MEMORY_LIMIT),
            cache: section.text(&CACHE),
            resize: section.node(&RESIZE).map(|_| section.pair(&RESIZE)),
            sampler: section.text(&SAMPLER),
            scale,
            normalize,
            synthetic: section
                .node(&SYNTHETIC)
                .map(|_| Synthetic::read(&section.table(&SYNTHETIC))),
            augment: Augment::read_all(&AUGMENT, section, channels),
        }
    }

    /// Whether evaluation images are split off the training images.
    pub fn is_split(&self) -> bool {
        self.validation.is_some() || self.folds.is_some()
    }
}

/// Whether every split comes from somewhere, and from one place.
fn check_places(section: &Section<'_>) {
    let has = |key: &Key| section.node(key).is_some();
    let is_split = has(&VALIDATION) || has(&FOLDS);
    if has(&SYNTHETIC) {
        for key in [&PATH, &TRAIN, &EVAL, &TEST] {
            section.report_two(key, &SYNTHETIC, "images come from files or are made up");
        }
        return;
    }
    if is_split && has(&EVAL) {
        let split = if has(&VALIDATION) {
            &VALIDATION
        } else {
            &FOLDS
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
    let before = section.diagnostics().errors();
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
            let (count, number) = (section.integer(&FOLDS), section.integer(&FOLD));
            if section.diagnostics().errors() == before && number > count {
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
        section.node(&NORMALIZE)?;
        if section.has_text(&NORMALIZE) {
            let word = section.text(&NORMALIZE);
            if word != AUTO {
                let message = format!("`data.normalize` must be {}", NORMALIZE.kind);
                section.report(&NORMALIZE, message, "", "write normalize = \"auto\"");
            }
            if let Some(channels) = channels.filter(|channels| word == AUTO && *channels > 3) {
                let message = format!("\"auto\" for images of {channels} channels");
                let help = "it is for grey and colour; state `mean` and `std`, one a channel";
                section.report(&NORMALIZE, message, "", help);
            }
            return Some(Normalize::Word(word));
        }
        let table = section.table(&NORMALIZE);
        let mean = table.floats(&MEAN);
        let std = table.floats(&STD);
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
            train_images: section.size(&TRAIN_IMAGES),
            eval_images: section.size(&EVAL_IMAGES),
            test_images: section.size(&TEST_IMAGES),
        }
    }
}
