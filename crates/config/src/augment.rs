//! `[data].augment`: what happens to a training image before the network sees it.

use serde::Serialize;

use super::key::{Fallback, Key, Kind};
use super::section::Section;

/// One step of the augmentation, with torchvision's names, options and defaults where it has the same.
/// Shares of an image are of its width and height; angles are in degrees.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Augment {
    /// Zeros around the image, then a part of `model.input`'s size at a random place.
    RandomCrop {
        padding: [usize; 2],
    },
    RandomHorizontalFlip {
        p: f64,
    },
    RandomVerticalFlip {
        p: f64,
    },
    /// By an angle in `-degrees..degrees`.
    RandomRotation {
        degrees: f64,
    },
    RandomAffine(RandomAffine),
    /// By shares of width and height in `-translate..translate`.
    RandomShift {
        translate: [f64; 2],
    },
    /// By a factor in this range, about the middle.
    RandomScale {
        scale: [f64; 2],
    },
    ColorJitter(ColorJitter),
    RandomErasing(RandomErasing),
    /// In shares of the full range of a pixel.
    GaussianNoise {
        mean: f64,
        sigma: f64,
    },
    Mixup(Mix),
    Cutmix(Mix),
}

/// As `torchvision.transforms.RandomAffine`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RandomAffine {
    pub degrees: f64,
    pub translate: [f64; 2],
    pub scale: [f64; 2],
    pub shear: f64,
}

/// As `torchvision.transforms.ColorJitter`, its four parts in this order.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ColorJitter {
    pub brightness: f64,
    pub contrast: f64,
    pub saturation: f64,
    pub hue: f64,
}

/// As `torchvision.transforms.RandomErasing`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RandomErasing {
    pub p: f64,
    pub scale: [f64; 2],
    pub ratio: [f64; 2],
    pub value: f64,
}

/// How much of another image is taken in: a share from Beta(alpha, alpha).
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Mix {
    pub alpha: f64,
    pub p: f64,
}

const fn chance(default: &'static str) -> Key {
    Key::optional(
        "p",
        Kind::Probability,
        default,
        "how likely it happens to an image",
    )
}
const PADDING: Key = Key::optional(
    "padding",
    Kind::Pair { min: 0, max: 4096 },
    "0",
    "rows above and below, columns left and right, of zeros, before the part is taken",
)
.unit("pixels");
const ANGLE: Kind = Kind::Float {
    min: 0.0,
    max: 360.0,
    open: false,
};
const DEGREES: Key = Key::required("degrees", ANGLE, "the largest angle, either way");
const UP_TO_DEGREES: Key = Key::optional("degrees", ANGLE, "0.0", "the largest angle, either way");
const SHARES: Kind = Kind::Array {
    each: &Kind::Probability,
    length: Some(2),
    words: "an array of 2 numbers from 0 to 1",
};
const FACTORS: Kind = Kind::Array {
    each: &Kind::POSITIVE,
    length: Some(2),
    words: "an array of 2 numbers greater than 0, the smaller first",
};
const TRANSLATE: Key = Key::optional(
    "translate",
    SHARES,
    "[0.1, 0.1]",
    "the largest shift to the side and up or down, as shares of width and height",
);
const UP_TO_TRANSLATE: Key = Key::optional(
    "translate",
    SHARES,
    "[0.0, 0.0]",
    "the largest shift to the side and up or down, as shares of width and height",
);
const SCALE: Key = Key::optional(
    "scale",
    FACTORS,
    "[0.9, 1.1]",
    "the smallest and largest factor of the size",
);
const UP_TO_SCALE: Key = Key::optional(
    "scale",
    FACTORS,
    "[1.0, 1.0]",
    "the smallest and largest factor of the size",
);
const SHEAR: Key = Key::optional(
    "shear",
    Kind::Float {
        min: 0.0,
        max: 90.0,
        open: false,
    },
    "0.0",
    "the largest angle of shear, either way",
);
const fn jitter(name: &'static str, meaning: &'static str) -> Key {
    Key::optional(name, Kind::NOT_NEGATIVE, "0.0", meaning)
}
const BRIGHTNESS: Key = jitter(
    "brightness",
    "factors from 1 - this, at least 0, to 1 + this",
);
const CONTRAST: Key = jitter("contrast", "factors from 1 - this, at least 0, to 1 + this");
const SATURATION: Key = jitter(
    "saturation",
    "factors from 1 - this, at least 0, to 1 + this",
);
const HUE: Key = Key::optional(
    "hue",
    Kind::Float {
        min: 0.0,
        max: 0.5,
        open: false,
    },
    "0.0",
    "the largest turn of the colour circle, either way, as a share of it",
);
const ERASED: Key = Key::optional(
    "scale",
    FACTORS,
    "[0.02, 0.33]",
    "the smallest and largest share of the image that is erased",
);
const RATIO: Key = Key::optional(
    "ratio",
    FACTORS,
    "[0.3, 3.3]",
    "the smallest and largest height of the erased part over its width",
);
const VALUE: Key = Key::optional(
    "value",
    Kind::Probability,
    "0.0",
    "what stands in the erased part, as a share of the full range of a pixel",
);
const NOISE_MEAN: Key = Key::optional(
    "mean",
    Kind::NUMBER,
    "0.0",
    "the mean of the noise, as a share of the full range of a pixel",
);
const SIGMA: Key = Key::optional(
    "sigma",
    Kind::NOT_NEGATIVE,
    "0.1",
    "the standard deviation of the noise, as a share of the full range of a pixel",
);
const ALPHA: Key = Key::optional(
    "alpha",
    Kind::Float {
        min: 0.01,
        max: 1000.0,
        open: false,
    },
    "1.0",
    "the share of an image comes from the distribution Beta(alpha, alpha)",
);
const ALWAYS: Key = chance("1.0");

pub const KEYS: &[Key] = &[
    step(
        "random_crop",
        &[PADDING],
        "zeros around the image, then a part of the size of `model.input` at a random place; \
         evaluation takes the middle",
    ),
    step("random_horizontal_flip", &[chance("0.5")], "left for right"),
    step("random_vertical_flip", &[chance("0.5")], "top for bottom"),
    step("random_rotation", &[DEGREES], "a turn about the middle"),
    step(
        "random_affine",
        &[UP_TO_DEGREES, UP_TO_TRANSLATE, UP_TO_SCALE, SHEAR],
        "a turn, a shift, a change of size and a shear in one",
    ),
    step("random_shift", &[TRANSLATE], "a shift"),
    step(
        "random_scale",
        &[SCALE],
        "a change of size about the middle",
    ),
    step(
        "color_jitter",
        &[BRIGHTNESS, CONTRAST, SATURATION, HUE],
        "brightness, contrast, saturation and hue, in this order",
    ),
    step(
        "random_erasing",
        &[chance("0.5"), ERASED, RATIO, VALUE],
        "a rectangle is blotted out",
    ),
    step(
        "gaussian_noise",
        &[NOISE_MEAN, SIGMA],
        "normal noise on every pixel, cut off at black and white",
    ),
    step(
        "mixup",
        &[ALPHA, ALWAYS],
        "the mean of two images of the batch, and of their losses, each with its share",
    ),
    step(
        "cutmix",
        &[ALPHA, ALWAYS],
        "a rectangle of another image of the batch, and a share of the loss as large",
    ),
];

const fn step(name: &'static str, keys: &'static [Key], meaning: &'static str) -> Key {
    Key::new(name, Kind::Table(keys), Fallback::Nothing, meaning)
}

impl Augment {
    /// All steps of a list in their order; those that mix images come last.
    pub(super) fn read_all(key: &Key, section: &Section<'_>, channels: Option<usize>) -> Vec<Self> {
        let mut steps: Vec<Self> = Vec::new();
        for (choice, options, node) in section.choices(key) {
            let step = Self::read(choice, &options);
            if !step.is_mix() && steps.last().is_some_and(Self::is_mix) {
                let message = format!("`{}` after images are mixed", choice.name);
                let help = "mixup and cutmix take images that are ready: put them last";
                section.report_at(node, message, None, help);
            }
            if let (Self::ColorJitter(jitter), Some(1)) = (&step, channels)
                && (jitter.saturation > 0.0 || jitter.hue > 0.0)
            {
                let message = "grey images have neither saturation nor hue".to_owned();
                section.warn(
                    node,
                    message,
                    None,
                    "take them out, or read images in colour",
                );
            }
            steps.push(step);
        }
        steps
    }

    fn read(choice: &Key, options: &Section<'_>) -> Self {
        let mix = || Mix {
            alpha: options.float(&ALPHA),
            p: options.float(&ALWAYS),
        };
        match choice.name {
            "random_crop" => Self::RandomCrop {
                padding: options.pair(&PADDING),
            },
            "random_horizontal_flip" => Self::RandomHorizontalFlip {
                p: options.float(&chance("0.5")),
            },
            "random_vertical_flip" => Self::RandomVerticalFlip {
                p: options.float(&chance("0.5")),
            },
            "random_rotation" => Self::RandomRotation {
                degrees: options.float(&DEGREES),
            },
            "random_affine" => Self::RandomAffine(RandomAffine {
                degrees: options.float(&UP_TO_DEGREES),
                translate: two(options, &UP_TO_TRANSLATE),
                scale: range(options, &UP_TO_SCALE),
                shear: options.float(&SHEAR),
            }),
            "random_shift" => Self::RandomShift {
                translate: two(options, &TRANSLATE),
            },
            "random_scale" => Self::RandomScale {
                scale: range(options, &SCALE),
            },
            "color_jitter" => Self::ColorJitter(ColorJitter {
                brightness: options.float(&BRIGHTNESS),
                contrast: options.float(&CONTRAST),
                saturation: options.float(&SATURATION),
                hue: options.float(&HUE),
            }),
            "random_erasing" => Self::RandomErasing(RandomErasing {
                p: options.float(&chance("0.5")),
                scale: range(options, &ERASED),
                ratio: range(options, &RATIO),
                value: options.float(&VALUE),
            }),
            "gaussian_noise" => Self::GaussianNoise {
                mean: options.float(&NOISE_MEAN),
                sigma: options.float(&SIGMA),
            },
            "mixup" => Self::Mixup(mix()),
            "cutmix" => Self::Cutmix(mix()),
            _ => unreachable!("every step of the language is read"),
        }
    }

    /// Whether it takes another image of the batch.
    pub fn is_mix(&self) -> bool {
        matches!(self, Self::Mixup(_) | Self::Cutmix(_))
    }
}

fn two(section: &Section<'_>, key: &Key) -> [f64; 2] {
    let values = section
        .floats(key)
        .and_then(|values| values.try_into().ok());
    values.unwrap_or([1.0, 1.0])
}

/// Two numbers, the first not above the second.
fn range(section: &Section<'_>, key: &Key) -> [f64; 2] {
    let [low, high] = two(section, key);
    if low > high {
        let message = format!(
            "`{}` goes from {low} down to {high}",
            section.path_of(key.name)
        );
        section.report(key, message, "", "write the smaller number first");
    }
    [low, high]
}
